"""What is wrong with a plugin, and what a plugin declares: what the interpreter that looked at it reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Parameters
    ----------
    plugin : the name of its entry point.
    subject : what it is wrong with: `task gear_task`, `hook pfd_register_tasks`, `manifest`.
    field : the argument of the declaration, where it is one.
    problem, hint : what is wrong, and what to do about it.
    path : `file:line`, where that can be told.
    level : `warn` is something that works, and costs or misleads.
    trace : the traceback without the frames of PFD and of the import system.
    """

    plugin: str
    subject: str
    field: str
    problem: str
    hint: str = ""
    path: str = ""
    level: Literal["fail", "warn"] = "fail"
    trace: str = ""

    def at(self, path: str) -> Finding:
        """The same, at a place; one that is known already stays."""
        return self if self.path or not path else replace(self, path=path)


@dataclass(frozen=True)
class Declared:
    """Something that a plugin registers under a name which others may have or refer to.

    `fields` are those of a task's result (None where it may have any), those that a view shows, the task and the
    parameter that names a thing of a kind, or the variables of settings.
    """

    plugin: str
    distribution: str
    kind: Literal["task", "command", "view", "tables", "reference", "refers", "settings"]
    name: str
    path: str = ""
    fields: Sequence[str] | None = ()
