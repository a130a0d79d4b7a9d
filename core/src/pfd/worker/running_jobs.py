"""What a worker has in hand."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Protocol

from pfd.errors import StopReason
from pfd.job import Job
from pfd.runner.call import Outcome


class Run(Protocol):
    """One run of a job, isolated or inline."""

    def run(self) -> Outcome:
        """Run to the end; blocks."""

    def stop(self, reason: StopReason) -> None:
        """Ask the task to stop, from any thread; STALE ends it at once."""


class RunningJobs:
    """The jobs that a worker has claimed and not yet ended, and those of them that run.  Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[int, int] = {}
        self._running: dict[int, tuple[int, Run]] = {}

    def __len__(self) -> int:
        return len(self._held)

    @contextlib.contextmanager
    def holding(self, job: Job) -> Iterator[None]:
        with self._lock:
            self._held[job.seq] = job.claim or 0
        try:
            yield
        finally:
            with self._lock:
                if self._held.get(job.seq) == job.claim:
                    del self._held[job.seq]

    @contextlib.contextmanager
    def running(self, job: Job, run: Run) -> Iterator[None]:
        with self._lock:
            self._running[job.seq] = (job.claim or 0, run)
        try:
            yield
        finally:
            with self._lock:
                if self._running.get(job.seq) == (job.claim, run):
                    del self._running[job.seq]

    def runs(self) -> dict[int, tuple[int, Run]]:
        """By the number of each running job: its claim and its run."""
        with self._lock:
            return dict(self._running)

    def unheld(self, jobs: list[Job]) -> set[tuple[int, int]]:
        """Those (number, claim) that are not held here."""
        with self._lock:
            return {(job.seq, job.claim or 0) for job in jobs if self._held.get(job.seq) != job.claim}
