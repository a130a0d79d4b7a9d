"""What is said of a queue: that it has something to claim, and how a worker hears that.

The job table is the truth.  A runtime only carries the news, so losing every message it holds loses no job.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Ring:
    """The news that a job can be claimed; or, where `cancel`, that it has been asked to stop."""

    job_id: str
    task: str
    queue: str
    cancel: bool = False


class Ringer(Protocol):
    """What a worker needs of its runtime: a way to ring others."""

    name: str

    def ring(self, ring: Ring) -> None:
        """Tell the workers of a queue.

        Returns at once.  Raises `QueueError` when the news cannot be delivered; the job stays stored, and a sweep
        finds it.
        """


class Bell(Protocol):
    """How a worker hears that it was rung: something to select on."""

    def fileno(self) -> int:
        """The file descriptor that becomes readable when the bell was rung."""

    def drain(self) -> None:
        """Forget the rings heard so far."""

    def close(self) -> None:
        """Hear no more."""
