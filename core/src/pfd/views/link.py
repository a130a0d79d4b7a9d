"""Links from a view to something that PFD keeps."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pfd.views.text import Finite, Line, ViewModel


class Link(ViewModel):
    """A thing of this store: a recording (from second `start` on), an experiment, a job, or what a plugin refers to.

    `of` is the thing that it is a part of: the dataset of a recording.
    """

    kind: Line = Field(
        pattern=r"^[a-z][a-z0-9_]{0,40}$", description="`recording`, `experiment`, `job`, or another reference."
    )
    id: int | Line
    of: int | Line | None = None
    start: Finite | None = Field(default=None, ge=0, description="Seconds from the beginning of a recording.")
    label: Line = ""

    part: Literal["link"] = "link"

    @property
    def text(self) -> str:
        """What stands in place of it where nothing can be followed."""
        at = "" if self.start is None else f" at {self.start:g} s"
        return self.label or f"{self.kind.replace('_', ' ')} {self.id}{at}"
