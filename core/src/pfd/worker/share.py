"""How many CPU threads a job may use: a fair share of the cores, among all slots of the workers that use them."""

from __future__ import annotations

import contextlib
import time

from pfd.errors import StoreError
from pfd.settings import Settings
from pfd.store import Store, WorkerInfo, workers
from pfd.worker.cores import competes, cores

LOOK_EVERY = 10.0
"""Seconds between looks for other workers.  A new share takes a new warm server, so it must not change for a moment's
sake."""


class Share:
    """The share of one job of this worker, as it is now.

    Other workers of the machine count as well, as far as they show themselves in the same store; those inside a command
    or a program, which come and go, do not.
    """

    def __init__(self, settings: Settings, store: Store, info: WorkerInfo) -> None:
        self._settings = settings
        self._store = store
        self._info = info
        self._cores = 1.0
        self._others = 0
        self._next = 0.0

    def __call__(self) -> int:
        """Threads for a job; at least one.  To be called from one thread at a time."""
        if self._settings.threads is not None:
            return self._settings.threads
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + LOOK_EVERY
            self._look()
        return max(1, int(self._cores / max(1, _slots(self._info) + self._others)))

    def _look(self) -> None:
        self._cores = cores()
        with contextlib.suppress(StoreError), self._store.read() as connection:  # else it is what it was
            self._others = sum(_slots(info) for info in workers.live(connection) if self._is_beside(info))

    def _is_beside(self, info: WorkerInfo) -> bool:
        (machine, _, pid), (here, _, _) = info.name.rpartition(":"), self._info.name.rpartition(":")
        return (
            machine == here
            and info.id != self._info.id
            and info.client_id is None
            and info.is_recent(self._settings.lease)
            and pid.isdigit()
            and competes(int(pid))
        )


def _slots(info: WorkerInfo) -> int:
    return sum(info.slots.values()) + sum(info.gpus.values())
