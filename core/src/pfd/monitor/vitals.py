"""What a worker knows of itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from pfd.monitor.threads import Alarm
from pfd.store import WorkerInfo


@dataclass
class Vitals:
    """Signs of life of a worker, left here by its threads for whoever asks.  Nothing here waits for anything.

    Parameters
    ----------
    info : who it is.
    busy : how many jobs it holds now.
    alarm : which of its threads are down.
    """

    info: WorkerInfo
    busy: Callable[[], int]
    alarm: Alarm
    watching: bool = False
    """Whether the thread of its watch lives."""
    stopping: bool = False
    """Whether it claims no more."""
    short_of: Callable[[], str | None] = lambda: None
    """What it is short of, so that it cannot begin jobs; None where it lacks nothing."""
    leases_lost: int = 0
    """How often others have given it up for lost while it lived."""
    _looked_at: float = field(default_factory=time.monotonic)
    _renewed_at: float = field(default_factory=time.monotonic)

    def looked(self) -> None:
        """The watch goes round."""
        self._looked_at = time.monotonic()

    def renewed(self) -> None:
        """The store has taken a sign of life."""
        self._renewed_at = time.monotonic()

    @property
    def watch_age(self) -> float:
        """Seconds since the watch last went round."""
        return time.monotonic() - self._looked_at

    @property
    def lease_age(self) -> float:
        """Seconds since the store last took a sign of life."""
        return time.monotonic() - self._renewed_at
