"""The sweep: reclaims jobs from workers that gave no sign of life, and notices what has fallen due.

Clocks of machines are never compared.  A worker counts as lost only after this sweeper itself has seen its counter
unchanged for a whole lease on its own monotonic clock, while the store could be read; after an outage of the store, or
a night's sleep of this machine, the watch begins anew.  Of two leases, the sweeper's and that of the other worker, the
longer one counts.  That a worker of the same machine is dead is known at once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass

from pfd.settings import Settings
from pfd.store import Store, WorkerInfo, workers
from pfd.store.workers import Reclaimed
from pfd.worker import liveness_lock

log = logging.getLogger("pfd.worker")


_NO_BEAT = -1
"""Stands for the counter of a worker that left with jobs in hand: there is none, and so it never moves."""

MAX_LEASE = 3600.0
"""Seconds.  A row may hold anything, and the jobs of a worker must not wait for ever."""


@dataclass
class _Sighting:
    beat: int
    since: float


class Sweeper:
    """Watches the workers of a store on behalf of one of them."""

    def __init__(self, store: Store, settings: Settings, me: str) -> None:
        self._store = store
        self._settings = settings
        self._me = me
        self._seen: dict[str, _Sighting] = {}
        self._last = 0.0

    def forget(self) -> None:
        """Begin the watch anew, as after an outage of the store."""
        self._seen.clear()

    def sweep(self) -> Reclaimed:
        """Look once, and reclaim what was lost; what became of it.

        Raises `StoreError` where the store cannot be read.
        """
        now = time.monotonic()
        # Nothing was seen while nobody looked: a gap proves nothing about the others.
        if now - self._last > max(2 * self._settings.sweep, self._settings.lease / 2):
            self.forget()
        self._last = now
        with self._store.read() as connection:
            present = workers.live(connection)
            orphans = [owner for owner in workers.orphans(connection) if owner != self._me]
        silent = [info for info in present if info.id != self._me and self._is_lost(info, now)]
        left = [owner for owner in orphans if self._is_silent(owner, _NO_BEAT, now) or self._has_died(owner)]
        watched = {info.id for info in present} | set(orphans)
        self._seen = {name: sighting for name, sighting in self._seen.items() if name in watched}
        return _reclaim(self._store, self._settings, silent, left)

    def _is_lost(self, info: WorkerInfo, now: float) -> bool:
        return self._is_silent(info.id, info.beat, now, info.lease) or self._has_died(info.id)

    def _has_died(self, worker_id: str) -> bool:
        return liveness_lock.is_dead(worker_id, self._settings.home)

    def _is_silent(self, worker_id: str, beat: int, now: float, lease: float | None = None) -> bool:
        sighting = self._seen.get(worker_id)
        if sighting is None or sighting.beat != beat:
            self._seen[worker_id] = _Sighting(beat, now)
            return False
        return now - sighting.since > max(self._settings.lease, min(lease or 0.0, MAX_LEASE))


def reclaim_from_the_dead(store: Store, settings: Settings) -> Reclaimed:
    """Reclaim the jobs of workers of this machine that are certainly dead; what became of them.

    What no worker is needed for, and none of another machine is touched by.  Raises `StoreError`.
    """
    dead, left = _dead(store, settings)
    return _reclaim(store, settings, dead, left)


def dead_workers(store: Store, settings: Settings) -> list[str]:
    """Workers of this machine that are certainly dead, and whose jobs nobody has reclaimed yet."""
    dead, left = _dead(store, settings)
    return [*(info.id for info in dead), *left]


def _dead(store: Store, settings: Settings) -> tuple[list[WorkerInfo], list[str]]:
    """Those that have a row, and those that have left jobs without one."""
    with store.read() as connection:
        present = workers.live(connection)
        orphans = workers.orphans(connection)
    return (
        [info for info in present if liveness_lock.is_dead(info.id, settings.home)],
        [owner for owner in orphans if liveness_lock.is_dead(owner, settings.home)],
    )


def _reclaim(store: Store, settings: Settings, lost: Iterable[WorkerInfo], left: Iterable[str]) -> Reclaimed:
    """Give up workers, and reclaim their jobs and those of workers that left without them."""
    back = Reclaimed()
    for owner in left:
        with store.write() as connection:
            back += workers.reclaim_orphans(connection, owner, max_lost=settings.max_lost)
    for info in lost:
        with store.write() as connection:
            lapsed = workers.lapse(connection, info, max_lost=settings.max_lost)
        if lapsed is not None:
            log.warning("worker %s gave no sign of life; %d jobs reclaimed", info.name, len(lapsed.ids))
            back += lapsed
            liveness_lock.forget(info.id, settings.home)
    return back
