"""What a job waits for between its claim and the call of its task, told while that takes a while."""

from __future__ import annotations

from collections.abc import Callable

from pfd.task import Task

QUIET = 0.5
"""Seconds after which it is said what a job waits for that has not begun yet."""


class Standing:
    """Tells what a job waits for, each time that changes.

    Parameters
    ----------
    tell : is handed that, and the empty text once the task is called.

    Attributes
    ----------
    next_at : when there is something to tell, by `time.monotonic`; None before the wait and after it.
    """

    def __init__(self, task: Task, tell: Callable[[str], None]) -> None:
        self._task = task
        self._tell = tell
        self._told = ""
        self.next_at: float | None = None

    def begin(self, now: float) -> None:
        self.next_at = now + QUIET

    def look(self, now: float, *, has_process: bool) -> None:
        """Tell what the task waits for, now and then, until it is called."""
        if self.next_at is not None and now >= self.next_at:
            self.next_at = now + QUIET
            self._say(self._waits_for(has_process=has_process))

    def over(self) -> None:
        """Tell no more: the task is called, or never will be."""
        self.next_at = None

    def called(self) -> None:
        """Take back what was told: the task is called."""
        self.over()
        self._say("")

    def _waits_for(self, *, has_process: bool) -> str:
        """What keeps the task from being called: a server that has its imports done makes a process at once."""
        if not has_process and self._task.preload:
            packages = dict.fromkeys(module.partition(".")[0] for module in self._task.preload)
            return f"starting: importing {', '.join(packages)}"
        return f"starting: loading {self._task.run.partition(':')[0]}"

    def _say(self, standing: str) -> None:
        if standing != self._told:
            self._told = standing
            self._tell(standing)
