"""The next job of a worker: the same as by reading all jobs, and found without reading those that cannot be taken."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from pfd import Dispatcher, Settings
from pfd.plugins import Registry
from pfd.store import Store, claims, next_job
from pfd.store.claim_filter import ClaimFilter, takeable
from pfd.store.next_in_sqlite import MANY_DUE, best
from pfd.store.schema import jobs

NOW = 1.8e9
WANTED = ClaimFilter("me", ("default", "other"), ("add", "nap", "zip"))
FILTERS = (
    WANTED,
    replace(WANTED, queues=("other",), tasks=("nap",)),
    replace(WANTED, gpu=True),
    replace(WANTED, gpu=None),
    replace(WANTED, client_id="mine"),
    replace(WANTED, coordinators=True, full_levels=(1,)),
)


def rows(number: int, chance: random.Random, **fixed: Any) -> list[dict[str, Any]]:
    """Ready and other jobs of all kinds; `fixed` says what is the same of all."""
    zeros = dict.fromkeys(("followers", "attempt", "lost", "cancel_requested", "progress", "created_at"), 0)
    texts = {"status": "", "meta": "{}", "tags": "[]", "options": "{}", "params": "{}", "artifacts": "[]"}
    drawn = (
        {
            "task": chance.choice(("add", "foreign", "nap", "zip", "zoo")),
            "queue": chance.choice(("default", "other", "unserved")),
            "state": chance.choice(("PENDING", "PENDING", "RETRY", "STARTED", "SUCCESS")),
            "priority": chance.randrange(-1, 3),
            "due_at": chance.choice((0.0, 0.0, NOW - chance.randrange(100), NOW + chance.randrange(1, 100), -1.0)),
            "waiting": chance.choice((0, 0, 0, 1)),
            "gpu": chance.choice((0, 0, 1)),
            "coordinator": chance.choice((0, 0, 1)),
            "level": chance.randrange(3),
            "client_id": chance.choice(("mine", "theirs")),
        }
        for _ in range(number)
    )
    return [{**zeros, **texts, "id": str(uuid.UUID(int=chance.getrandbits(128))), **one, **fixed} for one in drawn]


def fill(store: Store, found: list[dict[str, Any]]) -> None:
    with store.write() as connection:
        connection.execute(jobs.delete())
        connection.execute(jobs.insert(), found)


def by_reading_all(connection: sa.Connection, wanted: ClaimFilter) -> int | None:
    query = sa.select(jobs.c.seq).where(*takeable(wanted), jobs.c.due_at <= NOW)
    return connection.execute(query.order_by(jobs.c.priority.desc(), jobs.c.seq).limit(1)).scalar()


def drawn(connection: sa.Connection, wanted: ClaimFilter) -> int | None:
    found = next_job.draw(connection, wanted, {"p_now": NOW, "p_due": NOW, "p_owner": "me"})
    return None if found is None else found[1]


@pytest.mark.parametrize("wanted", FILTERS)
def test_the_next_job_is_that_of_the_highest_priority_and_then_the_oldest(store: Store, wanted: ClaimFilter) -> None:
    for seed in range(25):
        chance = random.Random(seed)
        fill(store, rows(chance.choice((3, 30, 120)), chance))
        with store.write() as connection:
            while (expected := by_reading_all(connection, wanted)) is not None:
                assert drawn(connection, wanted) == expected, seed
                connection.execute(jobs.update().where(jobs.c.seq == expected).values(state="STARTED"))
            assert drawn(connection, wanted) is None, seed


@pytest.mark.parametrize("number", [MANY_DUE, 3 * MANY_DUE])
def test_of_few_and_of_many_that_have_fallen_due_the_best_is_next(store: Store, number: int) -> None:
    chance = random.Random(number)
    same = {"task": "add", "queue": "default", "state": "PENDING", "waiting": 0, "gpu": 0, "coordinator": 0}
    found = rows(number, chance, **same)
    for one in found:
        one["due_at"] = NOW - chance.randrange(1000)
    late = rows(50, chance, **same, priority=9)
    for one in late:
        one["due_at"] = NOW + 1
    fill(store, found + late)
    with store.write() as connection:
        for _ in range(5):
            expected = by_reading_all(connection, WANTED)
            assert drawn(connection, WANTED) == expected
            assert expected is not None
            connection.execute(jobs.update().where(jobs.c.seq == expected).values(state="STARTED"))


def test_the_next_time_is_that_of_the_first_that_falls_due(store: Store) -> None:
    chance = random.Random(0)
    for _ in range(10):
        found = rows(60, chance)
        for one in found:
            one["due_at"] = time.time() + chance.uniform(100, 1000)
        fill(store, found)
        with store.read() as connection:
            for wanted in FILTERS:
                expected = connection.execute(sa.select(sa.func.min(jobs.c.due_at)).where(*takeable(wanted))).scalar()
                assert next_job.next_due(connection, wanted) == expected


@pytest.fixture
def sqlite_store(sqlite_settings: Settings, registry: Registry) -> Iterator[Store]:
    found = Store(sqlite_settings, registry.tables()).open()
    yield found
    found.close()


@pytest.fixture
def steps(sqlite_store: Store) -> Iterator[list[str]]:
    """The steps of SQLite's plan for the next job."""
    with sqlite_store.read() as connection:
        sql, names, constants = best(WANTED)._for(connection.dialect)
        merged = {**constants, "p_due": NOW}
        given = tuple(merged[name] for name in names or ())
        yield [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", given)]


def test_sqlite_looks_for_the_next_job_by_its_indexes_alone(steps: list[str]) -> None:
    through_jobs = [step for step in steps if "pfd_job" in step]
    assert through_jobs
    for step in through_jobs:
        allowed = ("USING INDEX ix_pfd_job_ready (", "USING INDEX ix_pfd_job_later (", "USING INTEGER PRIMARY KEY")
        covering = ("USING COVERING INDEX ix_pfd_job_ready (", "USING COVERING INDEX ix_pfd_job_later (")
        assert step.startswith("SEARCH"), steps
        assert any(one in step for one in allowed + covering), steps
    assert any("ix_pfd_job_ready (queue=? AND gpu=? AND task=? AND due_at=?)" in step for step in steps)
    assert any("ix_pfd_job_ready (queue=? AND gpu=? AND task=? AND due_at>? AND due_at<?)" in step for step in steps)
    assert any("ix_pfd_job_later (queue=? AND gpu=? AND task=?)" in step for step in steps)


@pytest.mark.parametrize(
    "fixed", [{"due_at": 4e9, "task": "add"}, {"due_at": 0.0, "task": "foreign"}], ids=["not due", "not loadable"]
)
def test_jobs_that_cannot_be_taken_are_passed_over_unread(sqlite_store: Store, fixed: dict[str, Any]) -> None:
    """Counted in steps of SQLite's machine, which are the same on any computer."""
    ready = {"queue": "default", "state": "PENDING", "waiting": 0, "gpu": 0, "coordinator": 0}
    counted = []
    for number in (10, 2000):
        fill(sqlite_store, rows(number, random.Random(1), **ready, **fixed))
        with sqlite_store.write() as connection:
            raw: Any = connection.connection.driver_connection
            claims.claim(connection, WANTED)  # once before: the statements are read then
            ticks = [0]

            def tick(ticks: list[int] = ticks) -> int:
                ticks[0] += 1
                return 0

            raw.set_progress_handler(tick, 10)
            assert claims.claim(connection, WANTED) is None
            raw.set_progress_handler(None, 10)
            counted.append(ticks[0])
    assert counted[1] <= counted[0] + 5, counted


@pytest.mark.parametrize("gpu", [None, False])
def test_a_worker_may_serve_many_queues(sqlite_settings: Settings, registry: Registry, gpu: bool | None) -> None:
    with Dispatcher(sqlite_settings, registry=registry) as dispatcher:
        dispatcher.submit("add", {"a": 1}, queue="queue_399")
        wanted = ClaimFilter("me", tuple(f"queue_{number}" for number in range(400)), ("add",), gpu=gpu)
        with dispatcher.store.write() as connection:
            assert claims.claim(connection, wanted) is not None
