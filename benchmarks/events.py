"""How soon `handle.events()` shows in one process what another has written.

The writer is a program that claims the job and writes straight into the store, at moments that no observer can foresee;
each change carries the time at which it was written.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time

from benchmarks.environment import fresh_store, postgres_server
from benchmarks.measure import Comparison, Side, interleaved, percentile
from tests.support.servers import PostgresServer

CHANGES = 60
PAUSES = (0.3, 0.7)
"""Seconds between two changes: longer than an observer looks away, so that none hides another."""


def write_changes(changes: int) -> None:
    """Claim the only job, change it so many times, and end it."""
    from pfd import Dispatcher, State
    from pfd.store import FinalState, claims
    from pfd.store.claim_filter import ClaimFilter
    from pfd.store.encoding import encode

    draw = random.Random(0)
    with Dispatcher() as dispatcher:
        store = dispatcher.store
        with store.write() as connection:
            job = claims.claim(connection, ClaimFilter("bench", ("default",), ("noop",)))
        assert job is not None
        for turn in range(changes):
            time.sleep(draw.uniform(*PAUSES))
            with store.write() as connection:
                claims.progress(connection, job, turn / changes, "", {"at": time.time()})
        time.sleep(draw.uniform(*PAUSES))
        with store.write() as connection:
            claims.end(connection, job, FinalState(State.SUCCESS, encode({"at": time.time()})))


def latencies(server: PostgresServer | None, changes: int = CHANGES) -> tuple[list[float], float]:
    """Milliseconds from each change, and from the end, to its being seen."""
    from pfd import Dispatcher

    code = f"from benchmarks.events import write_changes; write_changes({changes})"
    seen = []
    with fresh_store(server), Dispatcher() as dispatcher:
        handle = dispatcher.submit("noop")
        with subprocess.Popen([sys.executable, "-c", code]) as writer:
            for job in handle.events(timeout=60 + changes):
                now = time.time()
                if job.result is not None:
                    end = (now - job.result["at"]) * 1e3
                elif "at" in job.meta:
                    seen.append((now - job.meta["at"]) * 1e3)
        if writer.returncode or len(seen) != changes:
            raise RuntimeError(f"{len(seen)} of {changes} changes were seen")
    return seen, end


def measure(runs: int) -> list[Comparison]:
    changes: dict[str, list[float]] = {"SQLite": [], "PostgreSQL": []}
    ends: dict[str, list[float]] = {"SQLite": [], "PostgreSQL": []}
    with postgres_server() as server:
        stores: dict[str, PostgresServer | None] = {"SQLite": None, "PostgreSQL": server}

        def median(name: str) -> float:
            seen, end = latencies(stores[name])
            changes[name] += seen
            ends[name].append(end)
            return percentile(seen, 0.5)

        interleaved({name: lambda name=name: median(name) for name in stores}, runs)  # type: ignore[misc]
    setup = f"{CHANGES} changes a run, 0.3 to 0.7 s apart, writer and observer are two processes"
    return [
        Comparison(
            f"From a change in the store to its being seen by `handle.events()`, {name}",
            "every change within 500 ms",
            Side("p95", setup, (percentile(changes[name], 0.95),), "ms"),
            (),
            {"p50": percentile(changes[name], 0.5), "most": max(changes[name]), "ends": ends[name]},
        )
        for name in stores
    ]
