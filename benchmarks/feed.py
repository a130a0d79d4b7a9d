"""A look at the feed of changes, as a dashboard takes several a second, with 100,000 jobs in the table."""

from __future__ import annotations

import functools
import statistics
import time
from collections.abc import Callable, Iterator, Sequence

import sqlalchemy as sa

from benchmarks.environment import fresh_store, postgres_server
from benchmarks.listing import JOBS, fill
from benchmarks.measure import Comparison, Side, interleaved, percentile
from pfd import Dispatcher
from tests.support.servers import PostgresServer

LOOKS = 100


def measure(runs: int) -> list[Comparison]:
    with postgres_server() as server:
        return [_on("SQLite", None, runs), _on("PostgreSQL", server, runs)]


def _on(store: str, server: PostgresServer | None, runs: int) -> Comparison:
    with fresh_store(server), Dispatcher() as dispatcher:
        fill(dispatcher)
        ids = [job.id for job in dispatcher.jobs(limit=10)]
        sides: dict[str, Callable[[], float]] = {
            "nothing new": lambda: _look(dispatcher, []),
            "ten changes": lambda: _look(dispatcher, ids),
            "one job": lambda: _milliseconds(functools.partial(dispatcher.job, ids[0])),
        }
        looks = interleaved(sides, LOOKS * runs)
        found = {name: tuple(_medians(values)) for name, values in looks.items()}
        page = [_milliseconds(dispatcher.changes) for _ in range(10)]

    def side(name: str, setup: str) -> Side:
        return Side(name, setup, found[name], "ms")

    return Comparison(
        f"A look at the changes of {JOBS:,} jobs, {store}",
        "at most 1 ms",
        side("nothing new", "Dispatcher.changes(since), nothing behind the cursor"),
        (side("ten changes", "the same, ten jobs behind it"), side("one job", "Dispatcher.job(id), beside it")),
        {
            "p95 of nothing new, ms": percentile(looks["nothing new"], 0.95),
            "a page of 1,000 changes, ms": percentile(page, 0.5),
        },
    )


def _medians(values: Sequence[float]) -> Iterator[float]:
    """Of each hundred looks in a row."""
    for start in range(0, len(values), LOOKS):
        yield statistics.median(values[start : start + LOOKS])


def _look(dispatcher: Dispatcher, ids: list[str]) -> float:
    """Milliseconds of a look that finds these jobs changed."""
    from pfd.store.schema import jobs

    cursor = dispatcher.changes("now").cursor
    if ids:
        with dispatcher.store.write() as connection:
            connection.execute(jobs.update().where(jobs.c.id.in_(ids)).values(progress=1 - jobs.c.progress))
        with dispatcher.store.read() as connection:  # the first read behind a write takes longer, whichever it is
            connection.execute(sa.select(sa.func.max(jobs.c.seq)))
    began = time.perf_counter()
    found = dispatcher.changes(cursor)
    took = (time.perf_counter() - began) * 1e3
    if len(found.jobs) != len(ids):
        raise SystemExit(f"a look found {len(found.jobs)} changes, and not {len(ids)}")
    return took


def _milliseconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1e3
