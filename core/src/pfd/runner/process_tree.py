"""The processes of a job, seen from its worker.

It is the supervisor that looks after them, and this is for when it does not: a task may have stopped it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import time

import psutil

log = logging.getLogger("pfd.worker")

_POLL = 0.02
_LONGEST_POLL = 1.0
_WARN_AFTER = 10.0


class Tree:
    """A supervisor and all of its descendants.  No later process with the number of one of them is taken for it.

    Attributes
    ----------
    job : a descriptor that can be read from once the job's own process has ended; None where there is none.
    """

    def __init__(self, supervisor: int, job: int) -> None:
        self._supervisor: psutil.Process | None = None
        self._job: psutil.Process | None = None
        self._supervisor_handle = _open(supervisor)
        self.job = _open(job)
        with contextlib.suppress(psutil.NoSuchProcess):
            self._supervisor = psutil.Process(supervisor)
        with contextlib.suppress(psutil.NoSuchProcess):
            found = psutil.Process(job)
            if found.ppid() == supervisor:
                self._job = found
        if self._job is None and self.job is not None:  # it has ended, and another may have got its number
            os.close(self.job)
            self.job = None

    def resume_supervisor(self) -> None:
        """Have the supervisor go on where it was stopped, so that it hears what it is told."""
        _signal(self._supervisor_handle, self._supervisor, signal.SIGCONT)

    def end(self) -> None:
        """Kill all of them, and wait until that is done.

        Where the supervisor is gone already, the kernel ends the job's own process, and the warm server whatever else
        is left.
        """
        pause, began, warned = _POLL, time.monotonic(), False
        while True:
            try:
                living = self._living()
                # Stopped first, so that none of them makes another while the list is worked through.
                for number in (signal.SIGSTOP, signal.SIGKILL):
                    for process in living:
                        _send(process, number)
            except (
                OSError
            ) as error:  # it takes open files to look, and not to have seen one does not mean that it ended
                self._end_unseen(error)
                return
            if not living:
                break
            time.sleep(pause)
            pause = min(_LONGEST_POLL, pause * 1.5)
            if not warned and time.monotonic() - began > _WARN_AFTER:
                warned = True
                log.warning("processes %s do not end when killed", [process.pid for process in living])
        _signal(self._supervisor_handle, self._supervisor, signal.SIGKILL)

    def _end_unseen(self, error: OSError) -> None:
        """Kill job and supervisor by the descriptors held of them; what else there is, the warm server ends."""
        log.warning("processes of a job cannot be looked at, and are ended unseen: %s", error)
        waiting = select.poll()
        ends = [handle for handle in (self.job, self._supervisor_handle) if handle is not None]
        for handle in ends:
            waiting.register(handle, select.POLLIN)
            _signal(handle, None, signal.SIGKILL)
        while ends:
            for handle, _ in waiting.poll():
                waiting.unregister(handle)
                ends.remove(handle)

    def _living(self) -> list[psutil.Process]:
        found = [self._job] if self._job is not None else []
        with contextlib.suppress(psutil.NoSuchProcess):
            found += self._supervisor.children(recursive=True) if self._supervisor is not None else []
        return [process for process in found if _lives(process)]

    def close(self) -> None:
        for handle in (self.job, self._supervisor_handle):
            if handle is not None:
                os.close(handle)
        self.job = self._supervisor_handle = None


def _open(pid: int) -> int | None:
    """A descriptor of a process, by which it is known when it has ended; None where the system has no such thing."""
    with contextlib.suppress(AttributeError, OSError):
        return os.pidfd_open(pid)
    return None


def _signal(handle: int | None, process: psutil.Process | None, number: signal.Signals) -> None:
    """Send a signal by a descriptor where there is one: that takes no further one."""
    if handle is None:
        _send(process, number)
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        signal.pidfd_send_signal(handle, number)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _send(process: psutil.Process | None, number: signal.Signals) -> None:
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        if process is not None:
            process.send_signal(number)
