"""A claim among 100,000 jobs that cannot be taken: how long it holds the write lock, or on PostgreSQL its transaction.

Each claim is undone, so that the next one finds the same jobs.
"""

from __future__ import annotations

import functools
import random
import time
import uuid
from typing import Any

from benchmarks.environment import fresh_store, postgres_server
from benchmarks.measure import Comparison, Side, interleaved
from pfd import Dispatcher
from pfd.store import Store, claims
from pfd.store.claim_filter import ClaimFilter
from tests.support.servers import PostgresServer

JOBS = 100_000
REPEATS = 5
TASKS = ("noop", "isolated_noop", "torch_noop", "burn", "deaf")
WANTED = ClaimFilter("bench", ("default",), TASKS)

CASES: dict[str, dict[str, Any]] = {
    "not due": {"due_at": 4e9},
    "of a task that is not loadable": {"task": "foreign"},
    "of 100 such tasks": {},
    "of another queue": {"queue": "other"},
    "that need a GPU": {"gpu": 1},
    "that wait for a parent": {"waiting": 1},
    "not due, and one that is": {"due_at": 4e9},
    "that all fell due later": {"due_at": 1.7e9},
    "that can all be taken": {},
}


class _Undone(Exception):
    """Undoes a claim."""


def fill(store: Store, case: str) -> None:
    from pfd.store.schema import jobs

    rows = [_row(seq, case) for seq in range(1, JOBS + 1)]
    if case == "not due, and one that is":
        rows[-1]["due_at"] = 1.7e9
    with store.write() as connection:
        for start in range(0, JOBS, 5000):
            connection.execute(jobs.insert(), rows[start : start + 5000])
    if store.engine.dialect.name == "postgresql":
        with store.engine.connect() as connection:  # what its autovacuum does within a minute
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM ANALYZE")


def _row(seq: int, case: str) -> dict[str, Any]:
    zeros = dict.fromkeys(("priority", "waiting", "followers", "lost", "cancel_requested", "attempt", "gpu"), 0)
    texts = {"status": "", "meta": "{}", "tags": "[]", "options": "{}", "params": "{}", "artifacts": "[]"}
    task = f"foreign_{seq % 100}" if case == "of 100 such tasks" else "noop"
    numbers = {"seq": seq, "due_at": 0.0, "created_at": 1.7e9, "progress": 0.0}
    names = {"id": str(uuid.UUID(int=seq)), "task": task, "queue": "default", "state": "PENDING"}
    return {**zeros, **texts, **numbers, **names, **CASES[case]}


def claim_ms(store: Store) -> float:
    """Milliseconds from the beginning of the transaction, once it has the lock, to its end."""
    began = 0.0
    try:
        with store.write() as connection:
            began = time.perf_counter()
            claims.claim(connection, WANTED)
            raise _Undone
    except _Undone:
        return (time.perf_counter() - began) * 1e3


def measure(runs: int) -> list[Comparison]:
    with postgres_server() as server:
        return [_on("SQLite", None, runs), _on("PostgreSQL", server, runs)]


def _on(name: str, server: PostgresServer | None, runs: int) -> Comparison:
    found: dict[str, tuple[float, ...]] = {}
    for case in random.Random(0).sample(list(CASES), len(CASES)):
        with fresh_store(server), Dispatcher() as dispatcher:
            fill(dispatcher.store, case)
            claim_ms(dispatcher.store)  # what is made once is no part of it
            found |= interleaved({case: functools.partial(claim_ms, dispatcher.store)}, REPEATS * runs)
    sides = [Side(case, "undone again", found[case], "ms") for case in CASES]
    slowest = max(sides, key=lambda side: side.median)
    what = "the write lock is held" if server is None else "its transaction takes, which holds no lock while it looks"
    return Comparison(
        f"A claim among {JOBS:,} jobs, {name}: how long {what}",
        "at most 2 ms",
        slowest,
        tuple(side for side in sides if side is not slowest),
    )
