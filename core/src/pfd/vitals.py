"""What a worker knows of itself and of its store, for whoever asks how it is; and how others see it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pfd.job import State
from pfd.lazy import RenamedAttribute

Access = Literal["read", "write"]


@dataclass(frozen=True)
class WorkerInfo:
    """A worker as others see it.

    `slots` maps a queue (or several, comma-separated) to a number of slots, `gpus` a device to a number of gpu slots;
    `metrics` is the HOST:PORT that it serves metrics at, `lease` the seconds within which it gives signs of life.
    """

    id: str
    name: str
    runtime: str
    slots: dict[str, int]
    client_id: str | None
    beat: int
    started_at: float
    seen_at: float
    gpus: dict[str, int] = field(default_factory=dict)
    metrics: str | None = None
    lease: float | None = None

    session = RenamedAttribute("client_id")

    @property
    def serves_all(self) -> bool:
        """Whether it runs jobs of anybody, and not only those of the program that it is part of."""
        return self.client_id is None and bool(self.slots)

    def is_recent(self, lease: float) -> bool:
        """Whether it gave a sign of life lately, by the clock; for display, which decides nothing about a job.

        `lease` is that of who asks; where the worker's is longer, that counts.
        """
        return time.time() - self.seen_at < 2 * max(lease, self.lease or 0.0)

    @property
    def queues(self) -> frozenset[str]:
        return frozenset(queue for names in self.slots for queue in names.split(","))

    def takes(self, queue: str, *, gpu: bool) -> bool:
        """Whether it runs jobs of a queue; of those that need a gpu slot only where it has any."""
        return queue in self.queues and (bool(self.gpus) or not gpu)


@dataclass(frozen=True)
class StoreReading:
    """What a store held at one moment.

    Parameters
    ----------
    jobs : how many jobs there are of each (state, task, queue).
    oldest_due : for each queue with jobs, for how many seconds the first of those that could run has waited; 0 where
        none could.
    workers : the live workers.
    """

    jobs: Mapping[tuple[State, str, str], int]
    oldest_due: Mapping[str, float]
    workers: tuple[WorkerInfo, ...]


class Answers:
    """When a store answered last, and how often it did not.

    What came of the transactions of this process.  Moments are those of `time.monotonic`.  Counted without a lock: a
    reader may see a count that is one too small, for a moment.
    """

    def __init__(self) -> None:
        self._last: dict[Access, float] = {}
        self.failures: dict[Access, int] = {"read": 0, "write": 0}
        """Transactions that failed because of the store itself."""

    def came(self, access: Access) -> None:
        self._last[access] = time.monotonic()

    def failed(self, access: Access) -> None:
        self.failures[access] += 1

    def age(self, access: Access) -> float | None:
        """Seconds since a transaction of that kind went well; None where none has."""
        last = self._last.get(access)
        return None if last is None else time.monotonic() - last


class Alarm:
    """Which threads of a worker are down.  Thread-safe: each thread has its own name."""

    def __init__(self) -> None:
        self._down: dict[str, str] = {}
        self.deaths = 0
        """How often a thread has died."""

    @property
    def down(self) -> dict[str, str]:
        """Threads that died and have not begun again, each with why."""
        return dict(self._down)

    def raised(self, name: str, reason: str) -> None:
        self._down[name] = reason
        self.deaths += 1

    def over(self, name: str) -> None:
        self._down.pop(name, None)


@dataclass
class Vitals:
    """Signs of life of a worker, left here by its threads for whoever asks.  Nothing here waits for anything.

    Parameters
    ----------
    info : who it is.
    busy : how many jobs it holds now.
    alarm : which of its threads are down.
    answers : when its store answered last.
    """

    info: WorkerInfo
    busy: Callable[[], int]
    alarm: Alarm
    answers: Answers
    watching: bool = False
    """Whether the thread of its heartbeat lives."""
    stopping: bool = False
    """Whether it claims no more."""
    short_of: Callable[[], str | None] = lambda: None
    """What it is short of, so that it cannot begin jobs; None where it lacks nothing."""
    leases_lost: int = 0
    """How often others have given it up for lost while it lived."""
    _looked_at: float = field(default_factory=time.monotonic)
    _renewed_at: float = field(default_factory=time.monotonic)

    def looked(self) -> None:
        """The heartbeat goes round."""
        self._looked_at = time.monotonic()

    def renewed(self) -> None:
        """The store has taken a sign of life."""
        self._renewed_at = time.monotonic()

    @property
    def watch_age(self) -> float:
        """Seconds since the heartbeat last went round."""
        return time.monotonic() - self._looked_at

    @property
    def lease_age(self) -> float:
        """Seconds since the store last took a sign of life."""
        return time.monotonic() - self._renewed_at
