"""What it costs to make a dispatcher for each call, as a web app may that makes one in each request."""

from __future__ import annotations

import statistics
import time

from benchmarks.environment import fresh_home
from benchmarks.measure import Comparison, Side, interleaved

CALLS = 20


def _milliseconds(*, kept: bool) -> float:
    """From nothing to a stored job, median of some calls; the store is there and has been used before."""
    from pfd import Dispatcher

    found = []
    with fresh_home(), Dispatcher(tells_unserved=False) as first:
        first.submit("noop")
        for _ in range(CALLS):
            began = time.perf_counter()
            if kept:
                first.submit("noop")
            else:
                with Dispatcher(tells_unserved=False) as dispatcher:
                    dispatcher.submit("noop")
            found.append((time.perf_counter() - began) * 1e3)
    return statistics.median(found)


def measure(runs: int) -> list[Comparison]:
    found = interleaved({"kept": lambda: _milliseconds(kept=True), "new": lambda: _milliseconds(kept=False)}, runs)
    return [
        Comparison(
            "A job submitted by a dispatcher that is kept",
            "that it is kept",
            Side("kept", "one Dispatcher for all calls, SQLite", found["kept"], "ms"),
            (Side("new", "with Dispatcher() as …: submit, for each call", found["new"], "ms"),),
        )
    ]
