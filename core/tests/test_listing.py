"""Pages of a large job table: the right jobs, found through indexes."""

from __future__ import annotations

import itertools
import re
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa

from core.tests.support.stores import KINDS, Databases, make_settings
from pfd import State
from pfd.job import ENDED
from pfd.plugins import Registry
from pfd.store import Store, listing
from pfd.store.schema import jobs, tags
from pfd.store.search import Search

NUMBER, PAGE = 2000, 20
PARENTS = {kind: str(uuid.uuid5(uuid.NAMESPACE_DNS, kind)) for kind in "ab"}

# Jobs of two kinds take turns, so that each filter for one kind finds half of the table, and one for a and one for b
# find nothing together.
FILTERS: dict[str, dict[str, Any]] = {
    "states": {"a": [State.SUCCESS], "b": [State.PENDING], "ended": sorted(ENDED), "all": list(State)},
    "task": {"a": "task_a", "b": "task_b"},
    "queue": {"a": "queue_a", "b": "queue_b"},
    "tag": {"a": "tag_a", "b": "tag_b"},
    "parent_id": {"a": PARENTS["a"], "b": PARENTS["b"]},
}


@dataclass(frozen=True)
class Stored:
    """What the filters look at of a job in the table."""

    seq: int
    state: State
    kind: str

    def fits(self, filters: dict[str, Any]) -> bool:
        mine = {
            "task": f"task_{self.kind}",
            "queue": f"queue_{self.kind}",
            "tag": f"tag_{self.kind}",
            "parent_id": PARENTS[self.kind],
        }
        wanted = dict(filters)
        return self.state in wanted.pop("states", State) and all(mine[name] == wanted[name] for name in wanted)


def stored(seq: int) -> Stored:
    kind = "ab"[seq % 2]
    state = State.FAILURE if seq % 100 == 0 else State.SUCCESS if kind == "a" else State.PENDING
    return Stored(seq, state, kind)


TABLE = [stored(seq) for seq in range(1, NUMBER + 1)]


def row(job: Stored) -> dict[str, Any]:
    zeros = dict.fromkeys(("priority", "due_at", "waiting", "followers", "attempt", "lost", "cancel_requested"), 0)
    texts = {"meta": "{}", "options": "{}", "params": "{}", "artifacts": "[]", "status": "", "tags": "[]"}
    return {
        **zeros,
        **texts,
        "seq": job.seq,
        "id": str(uuid.uuid4()),
        "task": f"task_{job.kind}",
        "queue": f"queue_{job.kind}",
        "state": job.state,
        "parent_id": PARENTS[job.kind],
        "progress": 0.0,
        "created_at": float(job.seq),
    }


@pytest.fixture(scope="module", params=KINDS)
def large(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    databases: Databases,
    registry: Registry,
) -> Iterator[Store]:
    """A store with many jobs."""
    folder = tmp_path_factory.mktemp("large")
    store = Store(make_settings(folder / "home", databases.url(request.param, folder)), registry.tables()).open()
    with store.write() as connection:
        connection.execute(jobs.insert(), [row(job) for job in TABLE])
        connection.execute(tags.insert(), [{"tag": f"tag_{job.kind}", "job_seq": job.seq} for job in TABLE])
    with store.engine.connect() as connection:
        # So that PostgreSQL knows what it may read from an index alone; it would find out by itself in a minute.
        if connection.dialect.name == "postgresql":
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(
                "VACUUM ANALYZE pfd_job, pfd_tag"
            )
    yield store
    store.close()


def searched(filters: dict[str, Any]) -> Search:
    given = dict(filters)
    words = (given.pop("tag"),) if "tag" in given else ()
    return Search(states=frozenset(given.pop("states", ())), tags=words, **given)


def combinations() -> Iterator[dict[str, Any]]:
    """Each choice of one value, or none, for each filter."""
    for chosen in itertools.product(*[(None, *values) for values in FILTERS.values()]):
        yield {name: FILTERS[name][value] for name, value in zip(FILTERS, chosen, strict=True) if value is not None}


def test_any_combination_of_filters_lists_the_newest_jobs_that_fit_all_of_them(large: Store) -> None:
    with large.read() as connection:
        for filters in combinations():
            expected = [job.seq for job in reversed(TABLE) if job.fits(filters)]
            deep = expected[len(expected) // 2] if expected else NUMBER // 2
            for before in (None, deep):
                found = listing.listing(connection, searched(filters), before=before, limit=PAGE)
                older = [seq for seq in expected if before is None or seq < before]
                assert [job.seq for job in found] == older[:PAGE], (filters, before)
            assert listing.total(connection, searched(filters)) == len(expected), filters


def test_any_combination_of_filters_is_answered_from_indexes_alone(large: Store) -> None:
    for filters in combinations():
        if set(filters) <= {"states"} and len(filters.get("states", State)) == len(State):
            continue  # all jobs, by their key
        for before in (None, NUMBER // 2):
            slow = slow_steps(large, filters, before)
            assert slow == [], (filters, before)


def slow_steps(store: Store, filters: dict[str, Any], before: int | None) -> list[Any]:
    """Steps of the plan for a page that read a whole table, read rows to reject them, or sort more than a page."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    with store.read() as connection:
        sa.event.listen(connection, "before_cursor_execute", note)
        listing.listing(connection, searched(filters), before=before, limit=PAGE)
        sa.event.remove(connection, "before_cursor_execute", note)
        [(statement, parameters)] = asked
        if connection.dialect.name == "sqlite":
            steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            return [step.detail for step in steps if is_slow_in_sqlite(step.detail)]
        # So few rows are read fastest as a whole; what is asked here is what can be done without.
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        connection.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
        [plans] = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalars()
        return [step for step in flat(plans[0]["Plan"]) if is_slow_in_postgres(step)]


def is_slow_in_sqlite(step: str) -> bool:
    # An index that is not said to cover what is asked for has its rows read, if only to reject them.
    return "TEMP B-TREE" in step or " USING INDEX " in step or step.startswith(("SCAN pfd_job", "SCAN pfd_tag"))


def is_slow_in_postgres(step: dict[str, Any]) -> bool:
    kind = step["Node Type"]
    if kind == "Sort":
        return int(step["Plan Rows"]) > PAGE
    return "Seq Scan" in kind or ("Filter" in step and kind != "Index Only Scan")


def flat(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A step of a plan of PostgreSQL, and all those below it."""
    yield plan
    for part in plan.get("Plans", ()):
        yield from flat(part)


def test_a_filter_for_what_no_job_has_lists_nothing(large: Store) -> None:
    with large.read() as connection:
        unknown: list[dict[str, Any]] = [
            {"task": "task_c"},
            {"queue": "queue_c"},
            {"tag": "tag_c"},
            {"parent_id": "nobody"},
        ]
        for filters in unknown:
            assert listing.listing(connection, searched(filters)) == []
            assert listing.listing(connection, searched({"states": [State.SUCCESS], **filters})) == []


def test_jobs_are_counted_by_queue_and_state(large: Store) -> None:
    with large.read() as connection:
        found = listing.counts(connection)
    expected: dict[tuple[str, State], int] = {}
    for job in TABLE:
        key = (f"queue_{job.kind}", job.state)
        expected[key] = expected.get(key, 0) + 1
    assert found == expected


def test_nothing_is_counted_in_an_empty_store(store: Store) -> None:
    with store.read() as connection:
        assert listing.counts(connection) == {}
        assert listing.listing(connection) == []


def test_jobs_are_counted_in_an_index_alone(store: Store) -> None:
    asked: list[tuple[str, object]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        asked.append((statement, parameters))

    with store.read() as connection:
        sa.event.listen(connection, "before_cursor_execute", note)
        listing.tally(connection)
        listing.due_since(connection, time.time())
        sa.event.remove(connection, "before_cursor_execute", note)
        plans = []
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # so few rows are read fastest as a whole
        for statement, parameters in asked:
            explain = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
            rows = connection.exec_driver_sql(f"{explain} {statement}", parameters)  # type: ignore[arg-type]
            plans.append("\n".join(str(row[-1]) for row in rows))
    counted, since = plans
    assert re.search(r"USING COVERING INDEX ix_pfd_job_state|Index Only Scan using ix_pfd_job_state", counted)
    assert re.search(r"USING INDEX ix_pfd_job_|(Index Scan using|on) ix_pfd_job_", since)
