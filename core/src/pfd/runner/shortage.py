"""What a worker itself runs out of: open files, memory, threads, processes.  None of that is a failure of its jobs."""

from __future__ import annotations

import errno
import threading
import time

FIRST, MOST = 1.0, 30.0
"""Seconds that a worker claims nothing after it could not begin a job: the first time, and at most."""

LINGER = 10.0
"""Seconds beyond that in which the shortage is still told of: the next try comes with the next job."""

PATIENCE = 5
"""Times that one job is requeued although others could be begun meanwhile; from then on that counts as a loss.

A shortage of the worker's meets one job after the other, for as long as it lasts.  One that meets this job alone is of
its making, by the size of its parameters, say, and it has to end at some time.  Several times, since where a worker is
short of something, who gets the rest of it is chance.
"""

REMEMBERED = 256
"""Jobs of which it is known how often they were requeued."""

_CODES = frozenset({
    errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.ENOBUFS, errno.ENOSPC, errno.EDQUOT,
})  # fmt: skip


def cause(error: BaseException) -> str | None:
    """What this process was short of when that was raised in its own code; None where it was something else."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, MemoryError):
            return str(seen) or "out of memory"
        if isinstance(seen, OSError) and seen.errno in _CODES:
            return str(seen)
        if isinstance(seen, RuntimeError) and "start new thread" in str(seen):
            return str(seen)
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return None


class Shortage:
    """How it stands with one worker.  Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._what = ""
        self._since = self._met_at = self._until = 0.0
        self._tries = 0
        self._begun = 0
        self._handed_back: dict[int, tuple[int, int]] = {}

    def over(self, seq: int, tried_at: float) -> None:
        """The job of that number has begun, at a moment of `time.monotonic`: what was lacking until then is there."""
        with self._lock:
            if tried_at < self._met_at:
                return
            self._what, self._tries, self._until = "", 0, 0.0
            self._begun += 1
            self._handed_back.pop(seq, None)

    def met(self, seq: int, what: str) -> float | None:
        """The job of that number could not be begun; after how many seconds to try again.

        None where that is to count as a loss of the job.
        """
        now = time.monotonic()
        with self._lock:
            times, begun = self._handed_back.pop(seq, (0, self._begun))
            times += begun != self._begun
            self._handed_back[seq] = times, self._begun
            if len(self._handed_back) > REMEMBERED:
                del self._handed_back[next(iter(self._handed_back))]
            if times > PATIENCE:
                return None
            if not self._what:
                self._since = now
            self._what, self._met_at = what, now
            if now >= self._until:  # several slots at the same moment are one try
                self._tries += 1
                self._until = now + min(MOST, FIRST * 2.0 ** (self._tries - 1))
            return self._until - now

    def lasts(self) -> bool:
        """Whether nothing is to be claimed for now."""
        return time.monotonic() < self._until

    def told(self) -> str | None:
        """What is missing, for people; None where nothing is."""
        with self._lock:
            now = time.monotonic()
            if not self._what or now >= self._until + LINGER:
                return None
            return f"{self._what}, for {now - self._since:.0f} s"
