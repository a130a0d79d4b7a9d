"""What `ctx.record` costs a task, and how often progress and series of a task that reports all the time are written."""

from __future__ import annotations

import functools
import time
from pathlib import Path

import sqlalchemy as sa

from benchmarks.environment import WORKER, fresh_store, processes
from benchmarks.measure import Comparison, Side, interleaved

CALLS = 100_000
SECONDS = 6.0
WATCHED = 3.0
"""Seconds in the middle of the job in which its writes are counted."""


def measure(runs: int) -> list[Comparison]:
    from pfd import Dispatcher

    with fresh_store(), Dispatcher(tells_unserved=False) as dispatcher, processes(WORKER):

        def call(how: str) -> float:
            return float(dispatcher.submit("record", {"calls": CALLS, "how": how}).get(300)["microseconds"])

        call("record")  # the warm server starts
        found = interleaved({how: functools.partial(call, how) for how in ("record", "json")}, runs)
        counted = [_writes(dispatcher) for _ in range(runs)]
    return [
        Comparison(
            "`ctx.record` called without a pause",
            "at most 20 µs a call",
            Side("ctx.record", f"{CALLS:,} points of two values, all threads of the task", found["record"], "µs"),
            (Side("a line of JSON", "json.dumps and write to an open file", found["json"], "µs"),),
        ),
        Comparison(
            "Writes of a job that reports progress and records points as fast as it can",
            "at most 10 a second",
            Side("progress", "changes of its row, SQLite", tuple(one[0] for one in counted), "a second"),
            (Side("series", "writes to its file", tuple(one[1] for one in counted), "a second"),),
        ),
    ]


def _writes(dispatcher: object) -> tuple[float, float]:
    """Writes a second of the row and of the file of series."""
    from pfd import Dispatcher
    from pfd.store.schema import change

    assert isinstance(dispatcher, Dispatcher)
    handle = dispatcher.submit("report_on", {"seconds": SECONDS})
    while handle.job.progress == 0:
        time.sleep(0.01)
    time.sleep(0.5)

    def number() -> int:
        with dispatcher.store.read() as connection:
            return int(connection.execute(sa.select(change.c.number)).scalar_one())

    [path] = Path(dispatcher.settings.home, "logs", handle.id).glob("*.series")
    before, began = number(), time.monotonic()
    seen: set[int] = set()
    while time.monotonic() < began + WATCHED:
        seen.add(path.stat().st_mtime_ns)
        time.sleep(0.001)
    lasted = time.monotonic() - began
    rows = number() - before
    handle.get(60)
    return rows / lasted, (len(seen) - 1) / lasted
