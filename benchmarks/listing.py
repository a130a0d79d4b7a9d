"""A page of the list of jobs, whatever it is filtered by, with 100,000 jobs in the table.

Jobs of two kinds take turns: each filter finds half of the table, and a filter for the one together with one for the
other finds nothing, which is the longest way to an empty page.
"""

from __future__ import annotations

import functools
import itertools
import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.environment import fresh_store, postgres_server
from benchmarks.measure import Comparison, Side, interleaved, percentile
from pfd import Dispatcher, State
from pfd.store.encoding import encode
from tests.support.servers import PostgresServer

JOBS = 100_000
REPEATS = 20
SLOWEST = 5
"""Kinds of page that are measured `REPEATS` times a run."""

PLAIN = ("limit=50", "limit=1000")

PARENTS = {kind: str(uuid.uuid5(uuid.NAMESPACE_DNS, kind)) for kind in "ab"}
ENDED = (State.SUCCESS, State.FAILURE, State.REVOKED)
FAILURE = {"type": "ValueError", "message": "wrong", "traceback": "Traceback … " * 150, "hint": None}

FILTERS: dict[str, dict[str, Any]] = {
    "state": {"a": State.SUCCESS, "b": State.PENDING, "ended": ENDED},
    "task": {"a": "task_a", "b": "task_b"},
    "queue": {"a": "queue_a", "b": "queue_b"},
    "tag": {"a": "tag_a", "b": "tag_b"},
    "parent": PARENTS,
}


def fill(dispatcher: Dispatcher) -> None:
    """Store the jobs, as long runs would leave them."""
    from pfd.store.schema import jobs, tags

    rows = [_row(seq) for seq in range(1, JOBS + 1)]
    with dispatcher.store.write() as connection:
        for start in range(0, JOBS, 5000):
            connection.execute(jobs.insert(), rows[start : start + 5000])
        connection.execute(
            tags.insert(), [{"tag": f"tag_{'ab'[seq % 2]}", "job_seq": seq} for seq in range(1, JOBS + 1)]
        )
    if dispatcher.store.engine.dialect.name == "postgresql":
        with dispatcher.store.engine.connect() as connection:  # what its autovacuum does within a minute
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM ANALYZE")


def _row(seq: int) -> dict[str, Any]:
    kind = "ab"[seq % 2]
    state = State.FAILURE if seq % 100 == 0 else State.SUCCESS if kind == "a" else State.PENDING
    zeros = dict.fromkeys(("priority", "waiting", "followers", "lost", "cancel_requested"), 0)
    moments = dict.fromkeys(("created_at", "due_at", "started_at", "ended_at"), 1.7e9 + seq)
    return {
        **zeros,
        **moments,
        "seq": seq,
        "id": str(uuid.UUID(int=seq * 0x9E3779B97F4A7C15 % 2**128)),
        "task": f"task_{kind}",
        "queue": f"queue_{kind}",
        "state": state,
        "attempt": 1,
        "parent_id": PARENTS[kind],
        "progress": 0.5,
        "status": "Training epoch 50/100",
        "meta": '{"epoch":50,"loss":0.25}',
        "tags": encode([f"tag_{kind}"]),
        "options": "{}",
        "params": encode({"dataset": "/data/bearings.h5", "seed": seq, "labels": ["inner", "outer", "ball"]}),
        "result": encode({"accuracy": 0.93, "model": "model.safetensors"}) if kind == "a" else None,
        "failure": encode(FAILURE) if state is State.FAILURE else None,
        "artifacts": '[["model.safetensors",123456]]',
    }


def pages() -> Iterator[dict[str, Any]]:
    """Each combination of filters, its first page and one from the middle of the table, short and long."""
    for chosen in itertools.product(*[(None, *values) for values in FILTERS.values()]):
        filters = {name: FILTERS[name][value] for name, value in zip(FILTERS, chosen, strict=True) if value}
        for before, limit in itertools.product((None, JOBS // 2), (50, 1000)):
            yield {**filters, "before": before, "limit": limit}


def measure(runs: int) -> list[Comparison]:
    with postgres_server() as server:
        return [*_on("SQLite", None, runs), *_on("PostgreSQL", server, runs)]


def _on(store: str, server: PostgresServer | None, runs: int) -> list[Comparison]:
    kinds = {_words(page): page for page in pages()}
    with fresh_store(server), Dispatcher() as dispatcher:
        fill(dispatcher)

        def milliseconds(words: str) -> float:
            return _milliseconds(lambda: dispatcher.jobs(**kinds[words]))

        # Every kind a few times; of more than a thousand, some were slow by chance, so the slowest are looked at again.
        first = {words: statistics.median(milliseconds(words) for _ in range(3)) for words in kinds}
        slowest = sorted(kinds, key=first.__getitem__)[-SLOWEST:]
        again = (*slowest, *PLAIN)
        found = interleaved({words: functools.partial(milliseconds, words) for words in again}, REPEATS * runs)
        counts = tuple(_milliseconds(dispatcher.counts) for _ in range(REPEATS))
    p95 = {words: percentile(found[words], 0.95) for words in again}
    worst = max(slowest, key=p95.__getitem__)
    return [
        Comparison(
            f"A page of the list of {JOBS:,} jobs, {store}: the slowest of {len(kinds):,} kinds, p95",
            "under 50 ms",
            Side("slowest", worst, (p95[worst],), "ms"),
            tuple(Side(f"no filter, {words}", "the newest jobs", (p95[words],), "ms") for words in PLAIN),
            {"medians of the others": {words: statistics.median(found[words]) for words in slowest}},
        ),
        Comparison(
            f"Counting {JOBS:,} jobs by queue and state, {store}",
            "under 50 ms",
            Side("counts", "two queues, three states", counts, "ms"),
            (),
        ),
    ]


def _milliseconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1e3


def _words(page: dict[str, Any]) -> str:
    shown = {name: " or ".join(value) if isinstance(value, tuple) else value for name, value in page.items()}
    return ", ".join(f"{name}={value}" for name, value in shown.items() if value is not None)
