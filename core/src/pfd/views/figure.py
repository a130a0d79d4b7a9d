"""A figure: panels of marks with what they mean, and nothing of how they are drawn."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from pfd.views.decimation import MOST_POINTS, OF_A_STRETCH, kept
from pfd.views.link import Link
from pfd.views.marks import Band, Curve, Mark, Matrix, Points
from pfd.views.text import Finite, Line, Number, Numbers, Title, ViewModel, Words

MOST_PANELS, MOST_MARKS = 64, 400

UNITLESS = "1"
"""The unit of an axis of pure numbers: shares, counts, orders."""


class Axis(ViewModel):
    """What is shown along an axis.

    `unit` is that of the values (`"1"` for pure numbers), which stands behind the label.  `ticks` are the only ones,
    where they are given; `tick_labels` stand in place of their numbers.
    """

    label: Title
    unit: Line = UNITLESS
    scale: Literal["linear", "log"] = "linear"
    low: Number = None
    high: Number = None
    ticks: Numbers = ()
    tick_labels: Words = ()

    @property
    def text(self) -> str:
        """Label and unit as they are written beside the axis."""
        return self.label if self.unit in ("", UNITLESS) else f"{self.label}, {self.unit}"

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.tick_labels and len(self.tick_labels) != len(self.ticks):
            raise ValueError(f"{len(self.tick_labels)} tick_labels for {len(self.ticks)} ticks")
        if self.scale == "log" and any(limit is not None and limit <= 0 for limit in (self.low, self.high)):
            raise ValueError("a logarithmic axis has limits above 0")
        return self


class Provenance(ViewModel):
    """Which split scores rest on, as it stands beside them; a leaky one is marked on the picture itself."""

    text: Title
    leaky: bool = False


class Panel(ViewModel):
    """One system of axes and the marks in it, the first drawn lowest.

    `lines` stand below the title: scores, and what they rest on.  `cautions` are what a reader must not miss; each is
    drawn behind the word itself, above the marks.  `legend` is the heading of the legend, which lists the marks that
    have a name; it lies below the panel where `legend_below`.
    """

    title: Line = ""
    x: Axis
    y: Axis
    marks: tuple[Mark, ...] = Field(min_length=1, max_length=MOST_MARKS)
    equal: bool = Field(default=False, description="Whether a unit of x is as long as one of y.")
    lines: Words = ()
    cautions: Words = ()
    provenance: Provenance | None = None
    legend: Line = ""
    legend_below: bool = False
    link: Link | None = None
    share: Finite = Field(default=1.0, gt=0, le=20, description="Width beside the other panels of its row.")


def _with_alt(text: str) -> str:
    if len(text.strip()) < 10:
        raise ValueError("says too little: describe what is to be seen, for those who cannot see it")
    return text


class Figure(ViewModel):
    """Panels in rows, with a heading above and notes below.

    `alt` describes what is to be seen, for readers who cannot see it.
    """

    block: Literal["figure"] = "figure"
    title: Title
    alt: Annotated[Line, AfterValidator(_with_alt)]
    panels: tuple[Panel, ...] = Field(min_length=1, max_length=MOST_PANELS)
    columns: int | None = Field(default=None, ge=1, le=8, description="Panels in a row; as fits by default.")
    notes: Words = ()
    cautions: Words = ()
    provenance: Provenance | None = None
    share_y: bool = Field(default=False, description="Whether panels of a row have one y axis, on the left.")

    def decimated(self, most: int = MOST_POINTS) -> Figure:
        """The same figure with no more than about `most` points a curve; a picture of it looks the same."""
        panels = tuple(panel.model_copy(update={"marks": tuple(_fewer(panel.marks, most))}) for panel in self.panels)
        return self.model_copy(update={"panels": panels})

    @property
    def all_cautions(self) -> tuple[str, ...]:
        """Those of the figure and of its panels, each once; a leaky split is one."""
        found = [*self.cautions]
        splits = (self.provenance, *(panel.provenance for panel in self.panels))
        found += [f"leaky split: {split.text}" for split in splits if split is not None and split.leaky]
        for panel in self.panels:
            found += panel.cautions
        return tuple(dict.fromkeys(found))


def _fewer(marks: Sequence[Mark], most: int) -> Iterator[Mark]:
    for mark in marks:
        if isinstance(mark, Curve | Points):
            # Of an orbit, or of points anywhere, what is far out to the side is seen as well.
            sideways = [] if _grows(mark.x) else kept(mark.x, most)
            yield _picked(mark, sorted({*kept(mark.y, most), *sideways}), ("x", "y"))
        elif isinstance(mark, Band):
            chosen = sorted(
                {*kept(mark.low, max(OF_A_STRETCH, most // 2)), *kept(mark.high, max(OF_A_STRETCH, most // 2))}
            )
            yield _picked(mark, chosen, ("x", "low", "high"))
        else:
            yield mark


def _grows(column: Sequence[float | None]) -> bool:
    known = [value for value in column if value is not None]
    return all(before <= after for before, after in itertools.pairwise(known))


def _picked(mark: Any, indices: Sequence[int], columns: Sequence[str]) -> Any:
    if len(indices) == len(mark.x):
        return mark
    return mark.model_copy(update={name: tuple(getattr(mark, name)[index] for index in indices) for name in columns})


def role_numbers(panel: Panel) -> Iterator[int]:
    """The number of the colour of each mark of a panel: its own, or that of its place among the marks of the series."""
    following = 0
    for mark in panel.marks:
        if mark.series is not None:
            yield mark.series
        elif mark.role == "series" and not isinstance(mark, Matrix):
            yield following
            following += 1
        else:
            yield 0
