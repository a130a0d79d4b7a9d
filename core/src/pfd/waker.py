"""How a loop that waits for descriptors is woken by another thread, or by signals."""

from __future__ import annotations

import contextlib
import signal
import socket
from typing import Self


class Waker:
    """Something to select on, which becomes readable when another thread wakes.

    A pair of sockets rather than a pipe: one that is woken after it was closed raises, where the number of a pipe may
    be that of another file by then.
    """

    def __init__(self) -> None:
        self._reads, self._writes = socket.socketpair()
        for end in (self._reads, self._writes):
            end.setblocking(False)
        self._hears_signals = False

    def fileno(self) -> int:
        """The descriptor that becomes readable."""
        return self._reads.fileno()

    def wake(self) -> None:
        """Wake the loop, from any thread; nothing where it has been closed.  One byte says as much as many."""
        with contextlib.suppress(OSError):
            self._writes.send(b"!")

    def hear_signals(self) -> None:
        """Be woken by every signal that Python handles, until closed.

        In the main thread, by one waker of a process at a time.  A process that is forked from this one wakes it as
        well, until it closes its copy.
        """
        signal.set_wakeup_fd(self._writes.fileno(), warn_on_full_buffer=False)
        self._hears_signals = True

    def drain(self) -> None:
        """Forget what it was woken for so far."""
        with contextlib.suppress(BlockingIOError):
            self._reads.recv(4096)

    def close(self) -> None:
        """Wake nothing any more.  One that hears signals is closed in the main thread."""
        if self._hears_signals:
            # First: the next signal would be written to whatever file has the number of its descriptor by then.
            signal.set_wakeup_fd(-1)
            self._hears_signals = False
        self._reads.close()
        self._writes.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
