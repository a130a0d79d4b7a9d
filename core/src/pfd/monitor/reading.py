"""What is asked of the store for a scrape: never by the thread that answers it, and hardly ever twice in a moment."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from pfd.errors import StoreError
from pfd.job import State
from pfd.store import Store, WorkerInfo, listing, workers

log = logging.getLogger("pfd.monitor")

KEPT = 2.0
"""Seconds for which a reading serves all who ask."""

PATIENCE = 3.0
"""Seconds that a scrape waits for a reading; without one it goes on with what the worker knows by itself."""


@dataclass(frozen=True)
class Reading:
    """The store at a moment of `time.monotonic`: jobs by (state, task, queue), ages of the oldest due ones by queue."""

    at: float
    jobs: Mapping[tuple[State, str, str], int]
    oldest: Mapping[str, float]
    workers: tuple[WorkerInfo, ...]


class Reader:
    """Reads the store in its own thread, when asked: a store that hangs holds nobody up."""

    def __init__(self, store: Store, *, kept: float = KEPT, patience: float = PATIENCE) -> None:
        self._store = store
        self._kept = kept
        self._patience = patience
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._latest: Reading | None = None

    def latest(self) -> Reading | None:
        """A reading that is new enough, or None where the store gives none in time."""
        asked = time.monotonic()
        with self._lock:
            if self._fresh(asked):
                return self._latest
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._read, name="pfd-monitor-reader", daemon=True)
                self._thread.start()
            thread = self._thread
        thread.join(self._patience)
        return self._latest if self._fresh(asked) else None

    def _fresh(self, asked: float) -> bool:
        return self._latest is not None and asked - self._latest.at < self._kept

    def _read(self) -> None:
        began, now = time.monotonic(), time.time()
        try:
            with self._store.read() as connection:
                jobs = listing.tally(connection)
                since = listing.due_since(connection, now)
                present = workers.live(connection)
        except StoreError as error:
            log.warning("a scrape goes without the store: %s", error)
            return
        oldest = {queue: 0.0 for _, _, queue in jobs} | {
            queue: max(0.0, now - moment) for queue, moment in since.items()
        }
        self._latest = Reading(began, jobs, oldest, tuple(present))
