"""What a no-op job asks of the store and nothing else: insert it; end one and claim the next, in one transaction.

Run as a program it is a worker without a worker around it: `python -m benchmarks.store_calls`.
"""

from __future__ import annotations

import json
import sys
import time
import uuid

from pfd.job import State
from pfd.plugins import load_registry
from pfd.settings import load_settings
from pfd.store import FinalState, NewJob, Store, claims, jobs
from pfd.store.claim_filter import ClaimFilter


def open_store() -> Store:
    """The store that the environment names."""
    settings = load_settings().values
    store = Store(settings, load_registry(settings).tables())
    store.open()
    return store


def fill(store: Store, number: int) -> list[float]:
    """Insert so many jobs; the seconds that each took."""
    found = []
    for _ in range(number):
        began = time.perf_counter()
        with store.write() as connection:
            jobs.insert(connection, NewJob("noop", "default", {}))
        found.append(time.perf_counter() - began)
    return found


def work(store: Store) -> None:
    """Claim and end all jobs that wait."""
    wanted = ClaimFilter(uuid.uuid4().hex, ("default",), ("noop",))
    with store.write() as connection:
        job = claims.claim(connection, wanted)
    while job is not None:
        ending = FinalState(State.SUCCESS, json.dumps({"at": time.time()}))
        with store.write() as connection:
            claims.end(connection, job, ending)
            job = claims.claim(connection, wanted)


if __name__ == "__main__":
    work(open_store())
    sys.stdin.read()  # stays, as a worker does, until it is ended
