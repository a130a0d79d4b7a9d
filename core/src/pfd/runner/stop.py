"""Requests to stop: the signals that a job's own process is asked with, and what it makes of them."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any, Self

from pfd.errors import CancelRequested, StopReason

CANCEL = signal.SIGTERM
TIME_LIMIT = signal.SIGXCPU

AGAIN_AFTER = 0.05
"""Seconds until a request is made again that came where Python drops exceptions."""


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Have requests wait while a process for a job is forked: it hears them once it has handlers of its own.

    It inherits them as blocked, and lets them through with `let_through`.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (CANCEL, TIME_LIMIT))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def let_through() -> None:
    """Block no signal, whatever this process has inherited: what it starts is to inherit none that is blocked."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


class Stop:
    """Turns the worker's signals into `CancelRequested`, once, and only while the task's own code runs.

    They are for this process.  One that the task forks, such as those of a pool, ends by them, as any program does: it
    would otherwise raise wherever it is, perhaps where Python drops exceptions, and be waited for without end.
    """

    def __init__(self) -> None:
        self.reason: StopReason | None = None
        self._armed = False
        self._raised = False
        self._forking = threading.local()
        self._unraisable = sys.unraisablehook
        sys.unraisablehook = self._dropped
        signal.signal(CANCEL, functools.partial(self._asked, StopReason.CANCEL))
        signal.signal(TIME_LIMIT, functools.partial(self._asked, StopReason.TIME_LIMIT))
        # Held back while it forks: the new process would forget one that came before its handlers are set.
        os.register_at_fork(
            before=self._hold_back, after_in_parent=self._let_through, after_in_child=self._leave_to_the_system
        )
        let_through()  # what has come since the worker knows of this process is heard here

    def _hold_back(self) -> None:
        self._forking.mask = signal.pthread_sigmask(signal.SIG_BLOCK, (CANCEL, TIME_LIMIT))

    def _let_through(self) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._forking.mask)

    def _leave_to_the_system(self) -> None:
        for number in (CANCEL, TIME_LIMIT):
            signal.signal(number, signal.SIG_DFL)
        self._let_through()

    def _asked(self, reason: StopReason, *_: object) -> None:
        if self.reason is None:
            self.reason = reason
        if self._armed and not self._raised:
            self._raised = True
            raise CancelRequested(self.reason)

    def _dropped(self, unraisable: Any) -> None:
        """Ask again where the request was raised in a finaliser, a callback or the like, and so was for nothing."""
        if not isinstance(unraisable.exc_value, CancelRequested):
            self._unraisable(unraisable)
            return
        self._raised = False
        again = threading.Timer(AGAIN_AFTER, os.kill, (os.getpid(), CANCEL))
        again.daemon = True
        again.start()

    def __enter__(self) -> Self:
        self._armed = True
        if self.reason is not None:
            self._asked(self.reason)
        return self

    def __exit__(self, *_: object) -> None:
        self._armed = False
