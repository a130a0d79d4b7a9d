"""A row that was damaged, or written by something else than PFD, fails alone and hides no other."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import math
import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError, OperationalError

from core.tests.support.commands import Commands
from core.tests.support.listening import listening
from core.tests.support.waiting import until
from pfd import (
    Dispatcher,
    JobEvent,
    JobFailed,
    PfdError,
    Ref,
    Settings,
    SettingsError,
    State,
    StoreError,
    UnknownJob,
    Worker,
    hookimpl,
)
from pfd.app import App
from pfd.errors import DamagedRow
from pfd.hooks import EventKind
from pfd.job import ENDED, JobFailure
from pfd.plugins import Registry
from pfd.runtimes.local import LocalRuntime
from pfd.schedules import slots
from pfd.schedules.scheduler import Scheduler
from pfd.store import (
    FinalState,
    NewJob,
    Store,
    WorkerInfo,
    changes,
    claims,
    jobs,
    listing,
    next_job,
    prune,
    result_outbox,
    tagged,
    workers,
)
from pfd.store.claim_filter import ClaimFilter
from pfd.store.rows import FULL
from pfd.store.schema import jobs as job_table
from pfd.store.schema import mirrors as mirror_table
from pfd.store.schema import schedules as schedule_table
from pfd.store.schema import workers as worker_table
from pfd.worker.sweeper import Sweeper

WANTED = ClaimFilter("me", ("default",), ("add",))

DEEP = '{"a":' + "[" * 900 + "]" * 900 + "}"
LONG = '{"a":' + "9" * 5000 + "}"
INVALID: sa.ColumnElement[Any] = sa.literal_column("CAST(x'7bff' AS TEXT)")
"""A text of SQLite that is not UTF-8."""

TEXTS = st.one_of(
    st.sampled_from(
        ["", "{", "not json", "[1]", "7", "null", '{"a": NaN}', '"\\ud800"', '{"a": "\\u0000"}', DEEP, LONG]
    ),
    st.sampled_from(['{"roots": 5}', '{"time_limit": "x"}', '{"type": 1, "message": 2}', "[[1, 2]]", "SUCCESS"]),
    st.text(max_size=10),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=6,
    ).map(json.dumps),
)
VALUES = st.one_of(
    TEXTS,
    st.just(INVALID),
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.binary(max_size=8),
)
JSON_COLUMNS = ("params", "options", "meta", "tags", "artifacts", "failure", "result")


@pytest.fixture
def dispatcher(settings: Settings, registry: Registry) -> Iterator[Dispatcher]:
    with Dispatcher(settings, registry=registry) as found:
        yield found


NAMES = {job_table: "id", worker_table: "id", schedule_table: "name", mirror_table: "job_seq"}


def damage(store: Store, table: sa.Table, row: str | int, /, **values: Any) -> None:
    """Write to the row of a table as something else than PFD would, which knows nothing of types."""
    name = next(
        name for name in ("name", "id", "job_seq") if name in table.c and (table, name) != (worker_table, "name")
    )
    bare = sa.table(table.name, *map(sa.column, {name, *values}))
    with store.write() as connection:
        connection.execute(sa.update(bare).where(bare.c[name] == row).values(values))


def claim_all(store: Store) -> set[str]:
    """Claim and end all that can be claimed; their ids."""
    found: set[str] = set()
    while True:
        with store.write() as connection:
            if (job := claims.claim(connection, WANTED)) is None:
                return found
            claims.end(connection, job, FinalState(State.SUCCESS, "{}"))
        found.add(job.id)


def read_in_all_ways(dispatcher: Dispatcher, job_id: str) -> None:
    """Read a store in each way there is; only of the job itself it may be said that there is none."""
    store = dispatcher.store
    for job in dispatcher.jobs():
        json.dumps(dataclasses.asdict(job))
    dispatcher.counts()
    dispatcher.waiting_for_gpu()
    dispatcher.prune(0, dry_run=True)
    dispatcher.running("me")
    with store.read() as connection:
        listing.tally(connection)
        listing.due_since(connection, time.time())
        next_job.next_due(connection, WANTED)
        tagged.read(connection, "mine")
        workers.live(connection)
        prune.find(connection, prune.Which(time.time()), ())
    with contextlib.suppress(UnknownJob):
        dispatcher.claims(job_id)
        dispatcher.log_path(job_id)
        with store.read() as connection:
            jobs.ended(connection, [job_id])
            assert changes.changed_since(connection, job_id, None)
        with contextlib.suppress(PfdError):
            dispatcher.retry(job_id)
        dispatcher.cancel(job_id)


def try_row(dispatcher: Dispatcher, column: str, value: Any) -> None:
    """Damage the row of a job, and see that the one behind it is claimed."""
    store = dispatcher.store
    with store.write() as connection:
        connection.execute(job_table.delete())
        bad, good = (jobs.insert(connection, NewJob("add", "default", {"a": 1}, tags=("mine",))).id for _ in range(2))
    try:
        damage(store, job_table, bad, **{column: value})
    except (StoreError, DBAPIError):  # this the database itself keeps out
        damage(store, job_table, bad, tags="[]")
    read_in_all_ways(dispatcher, bad)
    assert good in claim_all(store)
    read_in_all_ways(dispatcher, bad)
    if column in JSON_COLUMNS:
        assert dispatcher.job(bad).state in ENDED


@given(column=st.sampled_from([c.name for c in FULL if c.name != "seq"]), value=VALUES)
@hypothesis_settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_whatever_a_row_holds_the_job_behind_it_is_claimed(column: str, value: Any, fuzzed: Dispatcher) -> None:
    try_row(fuzzed, column, value)


@pytest.fixture
def fuzzed(sqlite_settings: Settings, registry: Registry) -> Iterator[Dispatcher]:
    with Dispatcher(sqlite_settings, registry=registry) as found:
        yield found


@pytest.mark.parametrize("column", JSON_COLUMNS)
def test_on_every_store_a_job_is_claimed_behind_one_whose_row_is_no_json(dispatcher: Dispatcher, column: str) -> None:
    for value in ("not json", "7", DEEP, LONG, '"\\ud800"'):
        try_row(dispatcher, column, value)


def test_a_worker_ends_a_job_that_it_cannot_read_and_says_which_column_it_is(
    dispatcher: Dispatcher, settings: Settings, registry: Registry
) -> None:
    bad = dispatcher.submit("add", {"a": 1})
    below = dispatcher.submit("add", {"a": 1}, after=[bad])
    good = dispatcher.submit("add", {"a": 1})
    damage(dispatcher.store, job_table, bad.id, params=DEEP)
    with Worker(settings, registry=registry):
        assert good.get(30) == {"value": 2}
        with pytest.raises(JobFailed, match="params: nested more than 300 deep") as caught:
            bad.get(30)
    assert caught.value.type == "DamagedRow"
    assert caught.value.hint
    assert below.state is State.REVOKED
    with pytest.raises(DamagedRow, match="params"):
        dispatcher.retry(bad.id)


def test_a_job_that_refers_to_a_result_that_cannot_be_read_fails_alone(
    dispatcher: Dispatcher, settings: Settings, registry: Registry
) -> None:
    with Worker(settings, registry=registry):
        first = dispatcher.submit("add", {"a": 1})
        first.get(30)
    damage(dispatcher.store, job_table, first.id, result="{")
    with pytest.raises(DamagedRow, match="result: not JSON"):
        first.get()
    second = dispatcher.submit("add", {"a": Ref(first.id, "value")})
    third = dispatcher.submit("add", {"a": 1})
    with Worker(settings, registry=registry):
        assert third.get(30) == {"value": 2}
        with pytest.raises(JobFailed, match="result: not JSON"):
            second.get(30)


@pytest.fixture
def told(registry: Registry) -> Iterator[list[JobEvent]]:
    """What a plugin is told of jobs that have ended."""
    found: list[JobEvent] = []

    @hookimpl
    def pfd_job_event(event: JobEvent) -> None:
        if event.kind in ("success", "failure"):
            found.append(event)

    with listening(registry, pfd_job_event):
        yield found


@contextlib.contextmanager
def at_each_commit(call: Callable[[int], None]) -> Iterator[None]:
    """Call something right before each commit of this process, with how many jobs have failed by it."""

    def committing(connection: sa.Connection) -> None:
        query = sa.select(sa.func.count()).where(job_table.c.state == "FAILURE")
        call(int(connection.execute(query).scalar_one()))

    sa.event.listen(sa.Engine, "commit", committing)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "commit", committing)


@pytest.mark.parametrize("where", ["row", "reference"])
def test_jobs_that_cannot_be_run_are_ended_a_few_at_a_time_and_that_behind_them_runs(
    dispatcher: Dispatcher, settings: Settings, registry: Registry, told: list[JobEvent], where: str
) -> None:
    store, number = dispatcher.store, 2 * claims.MOST_ENDED + 10
    params = {"a": Ref("00000000-0000-0000-0000-000000000000", "value").to_json()} if where == "reference" else {"a": 1}
    with store.write() as connection:
        odd = [jobs.insert(connection, NewJob("add", "default", params)).id for _ in range(number)]
        if where == "row":
            connection.execute(sa.update(sa.table(job_table.name, sa.column("params"))).values(params="{"))
    good = dispatcher.submit("add", {"a": 1})
    ended = [0]
    with at_each_commit(ended.append), Worker(settings, registry=registry, slots=1):
        assert good.get(60) == {"value": 2}
    assert max(after - before for before, after in itertools.pairwise(ended)) == claims.MOST_ENDED
    assert sorted(event.job_id for event in told) == sorted([*odd, good.id])


@pytest.mark.parametrize("before", [0, 1], ids=["by itself", "with the end of another"])
def test_of_a_job_that_cannot_be_run_it_is_told_once_and_when_that_is_stored(
    dispatcher: Dispatcher, settings: Settings, registry: Registry, told: list[JobEvent], before: int
) -> None:
    first = [dispatcher.submit("add", {"a": 1}).id for _ in range(before)]
    bad, good = dispatcher.submit("add", {"a": 1}), dispatcher.submit("add", {"a": 1})
    damage(dispatcher.store, job_table, bad.id, params="not json")
    seen: list[int] = []

    def fail_at_first(failures: int) -> None:
        if failures and not seen:
            seen.append(len([event for event in told if event.kind == EventKind.FAILURE]))
            raise OperationalError("COMMIT", None, sqlite3.OperationalError("database is locked"))

    with at_each_commit(fail_at_first), Worker(settings, registry=registry, slots=1):
        assert good.get(60) == {"value": 2}
    assert seen == [0]
    assert [event.job_id for event in told] == [*first, bad.id, good.id]


def test_a_job_in_a_state_that_there_is_not_can_be_cancelled(dispatcher: Dispatcher) -> None:
    odd = dispatcher.submit("add", {"a": 1})
    below = dispatcher.submit("add", {"a": 1}, after=[odd])
    damage(dispatcher.store, job_table, odd.id, state="DONE")
    with pytest.raises(DamagedRow, match="no such state"):
        odd.get(1)
    assert dispatcher.counts() == {("default", State.PENDING): 1}
    assert dispatcher.cancel(odd.id).state is State.REVOKED
    assert below.state is State.REVOKED


def test_a_damaged_job_is_listed_and_shown_with_what_can_be_read_of_it(
    sqlite_settings: Settings, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    pfd = Commands(capsys)
    with Dispatcher(sqlite_settings, registry=registry) as dispatcher:
        bad, good = dispatcher.submit("add", {"a": 1}).id, dispatcher.submit("add", {"a": 2}).id
        damage(dispatcher.store, job_table, bad, params="not json", tags="7", created_at="noon")
    listed = pfd("jobs")
    assert listed.code == 0
    assert good[:8] in listed.out
    assert "its row is damaged: created_at, tags" in listed.out
    shown = pfd("job", bad)
    assert shown.code == 0
    assert "params      not JSON" in shown.out
    assert pfd.json("job", bad)["damage"].keys() == {"params", "tags", "created_at"}
    assert "damage" not in pfd.json("job", good)
    assert pfd("logs", bad).code == 0
    assert pfd("cancel", bad).code == 0
    assert pfd("retry", bad).code == 1


@pytest.mark.parametrize(
    "row", [{"slots": "not json"}, {"gpus": DEEP}, {"beat": "often"}, {"seen_at": b"\xff"}, {"lease": "x"}]
)
def test_a_worker_whose_row_is_damaged_keeps_nobody_from_taking_back_what_was_lost(
    sqlite_settings: Settings, registry: Registry, row: dict[str, Any]
) -> None:
    settings = sqlite_settings.model_copy(update={"lease": 0.2, "sweep": 0.1})
    with Dispatcher(settings, registry=registry) as dispatcher:
        store = dispatcher.store
        now = time.time()
        ids = [dispatcher.submit("add", {"a": 1}).id for _ in range(2)]
        for name in ("odd", "gone"):
            with store.write() as connection:
                info = WorkerInfo(name, name, "local", {"default": 1}, None, 0, now, now)
                workers.register(connection, info)
                assert claims.claim(connection, dataclasses.replace(WANTED, owner=name))
        damage(store, worker_table, "odd", **row)
        assert {info.id for info in dispatcher.workers()} <= {"odd", "gone"}
        sweeper = Sweeper(store, settings, "me")
        back: set[str] = set()

        def all_are_back() -> bool:
            back.update(sweeper.sweep().ids)
            return back == set(ids)

        until(all_are_back, "both jobs are taken back", 10)


def test_a_schedule_whose_row_is_damaged_is_paused_and_keeps_no_other_from_firing(
    dispatcher: Dispatcher, settings: Settings, registry: Registry
) -> None:
    store = dispatcher.store
    for name in ("bad", "good"):
        dispatcher.schedule(name, "* * * * * *", "add", {"a": 1})
    damage(store, schedule_table, "bad", params="not json")
    listed = {one.name: one for one in dispatcher.schedules()}
    assert listed["bad"].damage.keys() == {"params"}
    assert listed["good"].damage == {}
    scheduler = Scheduler(App(settings, registry, store, LocalRuntime(settings)))

    def fires(name: str) -> Callable[[], bool]:
        def fired() -> bool:
            scheduler.tick()
            return bool(dispatcher.schedule_slots(name))

        return fired

    def is_paused() -> bool:
        scheduler.tick()
        return not dispatcher.find_schedule("bad").enabled

    until(fires("good"), "the good one fires")
    until(is_paused, "the damaged one is paused")
    assert dispatcher.schedule_slots("bad") == []
    dispatcher.schedule("bad", "* * * * * *", "add", {"a": 1})
    dispatcher.resume_schedule("bad")
    until(fires("bad"), "made anew it fires")


@pytest.mark.parametrize("row", [{"next_at": -1}, {"settled_until": "long ago"}, {"zone": 5.5}, {"created_at": "x"}])
def test_of_a_schedule_any_column_may_be_damaged(
    sqlite_settings: Settings, registry: Registry, row: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    pfd = Commands(capsys)
    with Dispatcher(sqlite_settings, registry=registry) as dispatcher:
        dispatcher.schedule("bad", "0 0 * * *", "add", {"a": 1})
        damage(dispatcher.store, schedule_table, "bad", **row)
        with dispatcher.store.read() as connection:
            slots.due(connection)
        for command in ("show", "pause", "resume"):
            assert pfd("schedules", command, "bad").code in (0, 2)
        assert pfd("schedules").code == 0
        assert pfd("schedules", "remove", "bad").code == 0


def test_a_client_of_a_broker_is_told_of_its_job_beside_one_that_is_damaged(dispatcher: Dispatcher) -> None:
    store = dispatcher.store
    ids = [dispatcher.submit("add", {"a": 1}).id for _ in range(4)]
    with store.write() as connection:
        for job_id in ids:
            result_outbox.watch(connection, jobs.get(connection, job_id).seq, {"to": job_id})
        result_outbox.watch(connection, 10**6, {"to": "x" * 10_000})  # would break a foreign key, were it stored
        numbers = {job_id: jobs.get(connection, job_id).seq for job_id in ids}
    damage(store, job_table, ids[0], params="not json")
    damage(store, job_table, ids[1], state="DONE")
    damage(store, mirror_table, numbers[ids[2]], reply="not json")
    told: dict[str, State] = {}
    with store.write() as connection:
        result_outbox.tell(connection, lambda job, reply: told.update({reply["to"]: job.state}))
        assert result_outbox.tell(connection, lambda job, reply: None) == 0
    assert told == {ids[0]: State.PENDING, ids[1]: State.FAILURE, ids[3]: State.PENDING}


def test_jobs_that_ended_at_no_time_can_be_pruned(sqlite_settings: Settings, registry: Registry) -> None:
    with Dispatcher(sqlite_settings, registry=registry) as dispatcher:
        for ended_at in ("noon", None, math.inf):
            job = dispatcher.submit("add", {"a": 1})
            dispatcher.cancel(job.id)
            damage(dispatcher.store, job_table, job.id, ended_at=ended_at)
        assert dispatcher.prune(0).jobs == 2  # what has ended at infinity has not ended yet


def test_what_a_run_writes_is_bounded_where_it_is_stored(store: Store) -> None:
    with store.write() as connection:
        jobs.insert(connection, NewJob("add", "default", {}))
        job = claims.claim(connection, WANTED)
        assert job is not None
        claims.progress(connection, job, 0.5, "s" * 10**6, {"x": "y" * 10**6})
        first = jobs.get(connection, job.id)
        claims.progress(connection, job, 0.5, "\ud800", {"x": object()})
        second = jobs.get(connection, job.id)
        claims.requeue(connection, job, delay=1e300, outcome="o" * 10**6)
        third = jobs.get(connection, job.id)
        (claim,) = claims.history(connection, job.seq)
    assert len(first.status) == claims.MAX_STATUS
    assert "more than 65536" in first.meta["left_out"]
    assert second.status == "\ufffd"
    assert "not JSON" in second.meta["left_out"]
    assert third.damage == {}
    assert len(claim.outcome) <= claims.MAX_OUTCOME


def test_a_failure_is_bounded_where_it_is_stored(store: Store) -> None:
    with store.write() as connection:
        jobs.insert(connection, NewJob("add", "default", {}))
        job = claims.claim(connection, WANTED)
        assert job is not None
        failure = JobFailure("T" * 10**6, "m" * 10**6, "t" * 10**6, "h\ud800" * 10**6)
        claims.end(connection, job, FinalState(State.FAILURE, failure=failure))
        stored = jobs.get(connection, job.id)
    assert stored.damage == {}
    assert len(json.dumps(dataclasses.asdict(stored))) < 50_000


def test_the_row_of_a_worker_is_bounded(store: Store) -> None:
    info = WorkerInfo("one", "n" * 10_000, "r" * 10_000, {"default": 1}, None, 0, time.time(), time.time())
    with store.write() as connection:
        workers.register(connection, info)
        with pytest.raises(SettingsError, match="more than 65536"):
            workers.register(connection, dataclasses.replace(info, id="two", slots={"q" * 10**5: 1}))
        (stored,) = workers.live(connection)
    assert len(stored.name) == 200
    assert len(stored.runtime) == 50
