"""The processes of a job, seen from its worker.

It is the keeper that looks after them, and this is for when it does not: a task may have stopped it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import time

import psutil

log = logging.getLogger("pfd.execution")

_POLL = 0.02
_LONGEST_POLL = 1.0
_WARN_AFTER = 10.0


class Tree:
    """A keeper and all of its descendants.  No later process with the number of one of them is taken for it.

    Attributes
    ----------
    job : a descriptor that can be read from once the job's own process has ended; None where there is none.
    """

    def __init__(self, keeper: int, job: int) -> None:
        self._keeper: psutil.Process | None = None
        self._job: psutil.Process | None = None
        self.job: int | None = None
        with contextlib.suppress(psutil.NoSuchProcess):
            self._keeper = psutil.Process(keeper)
        with contextlib.suppress(psutil.NoSuchProcess, AttributeError, OSError):
            self._job = psutil.Process(job)
            self.job = os.pidfd_open(job)
            if self._job.ppid() != keeper:  # it has ended, and another has got its number
                self._job = None
                self._forget_job()

    def resume_keeper(self) -> None:
        """Have the keeper go on where it was stopped, so that it hears what it is told."""
        _send(self._keeper, signal.SIGCONT)

    def end(self) -> None:
        """Kill all of them, and wait until that is done.

        Where the keeper is gone already, the kernel ends the job's own process, and the warm server whatever else is
        left.
        """
        pause, began, warned = _POLL, time.monotonic(), False
        while living := self._living():
            # Stopped first, so that none of them makes another while the list is worked through.
            for number in (signal.SIGSTOP, signal.SIGKILL):
                for process in living:
                    _send(process, number)
            time.sleep(pause)
            pause = min(_LONGEST_POLL, pause * 1.5)
            if not warned and time.monotonic() - began > _WARN_AFTER:
                warned = True
                log.warning("processes %s do not end when killed", [process.pid for process in living])
        _send(self._keeper, signal.SIGKILL)

    def _living(self) -> list[psutil.Process]:
        found = [self._job] if self._job is not None else []
        with contextlib.suppress(psutil.NoSuchProcess):
            found += self._keeper.children(recursive=True) if self._keeper is not None else []
        return [process for process in found if _lives(process)]

    def close(self) -> None:
        self._forget_job()

    def _forget_job(self) -> None:
        if self.job is not None:
            os.close(self.job)
            self.job = None


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _send(process: psutil.Process | None, number: signal.Signals) -> None:
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        if process is not None:
            process.send_signal(number)
