"""News within one process: that a job ended here, so that a caller waiting in the same process need not poll."""

from __future__ import annotations

import threading

from pfd import forks


class EndSignal:
    """A condition that is notified whenever a job ends in this process.  `count` tells whether news was missed."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self.count = 0
        forks.watch(self, after=EndSignal._begin_anew)

    def _begin_anew(self, _quiet: bool) -> None:
        self._condition = threading.Condition()  # a thread that the child has not may have held it

    def announce(self) -> None:
        with self._condition:
            self.count += 1
            self._condition.notify_all()

    def wait(self, seen: int, timeout: float) -> None:
        """Return at once where something ended since `seen`, else when something does, or after `timeout` seconds."""
        with self._condition:
            if self.count == seen:
                self._condition.wait(timeout)


job_ended = EndSignal()
