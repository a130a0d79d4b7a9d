"""The store at one moment, for whoever watches it: jobs by kind, how long they wait, and workers."""

from __future__ import annotations

import time

from pfd.store import listing, workers
from pfd.store.store import Store
from pfd.vitals import StoreReading


def read(store: Store) -> StoreReading:
    """What the store holds.  Raises `StoreError`."""
    now = time.time()
    with store.read() as connection:
        jobs = listing.tally(connection)
        since = listing.due_since(connection, now)
        present = workers.live(connection)
    oldest = dict.fromkeys((queue for _, _, queue in jobs), 0.0)
    oldest |= {queue: max(0.0, now - moment) for queue, moment in since.items()}
    return StoreReading(jobs, oldest, tuple(present))
