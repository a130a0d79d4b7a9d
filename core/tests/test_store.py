"""The job table: submitting, finding, waiting for each other, claiming, ending, losing."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from pfd import KeyConflict, Settings, StaleClaim, State, UnknownJob
from pfd.job import ArtifactFile, Job, JobFailure
from pfd.plugins import Registry
from pfd.store import FinalState, NewJob, Store, Submitted, WorkerInfo, claims, jobs, next_job, workers
from pfd.store import listing as pages
from pfd.store.claim_filter import ClaimFilter
from pfd.store.search import Search

ME = "worker-1"
FAILED = FinalState(State.FAILURE, failure=JobFailure("ValueError", "wrong"))
DONE = FinalState(State.SUCCESS, result='{"value":1}')


def submit(store: Store, **fields: Any) -> str:
    return insert(store, **fields).id


def insert(store: Store, **fields: Any) -> Submitted:
    new = NewJob(**{"task": "add", "queue": "default", "params": {"a": 1}, **fields})
    with store.write() as connection:
        return jobs.insert(connection, new)


def get(store: Store, job_id: str) -> Job:
    with store.read() as connection:
        return jobs.get(connection, job_id)


def take(store: Store, owner: str = ME, **wanted: Any) -> Job | None:
    want = ClaimFilter(owner, **{"queues": ("default",), "tasks": ("add",), **wanted})
    with store.write() as connection:
        return claims.claim(connection, want)


def claim(store: Store, owner: str = ME, **wanted: Any) -> Job:
    job = take(store, owner, **wanted)
    assert job is not None
    return job


def end(store: Store, job: Job, ending: FinalState = DONE) -> None:
    with store.write() as connection:
        claims.end(connection, job, ending)


def again(store: Store, job: Job, **how: Any) -> State:
    with store.write() as connection:
        ended = claims.requeue(connection, job, **{"delay": 0.0, "outcome": "again", **how})
    return ended[0].state if ended else State.RETRY


def lose(store: Store, job: Job, max_lost: int = 3) -> State:
    with store.write() as connection:
        ended = claims.lost(connection, job, max_lost=max_lost, reason="its worker vanished")
    return ended[0].state if ended else State.RETRY


def report(store: Store, job: Job, fraction: float) -> None:
    with store.write() as connection:
        claims.progress(connection, job, fraction, "on its way", {"step": 1})


def cancel(store: Store, job_id: str) -> Job:
    with store.write() as connection:
        return jobs.cancel(connection, job_id)[0]


def find(store: Store, ref: str) -> str:
    with store.read() as connection:
        return jobs.resolve(connection, ref)


def listing(store: Store, **filters: Any) -> list[str]:
    with store.read() as connection:
        page = {name: filters.pop(name) for name in ("before", "limit") if name in filters}
        return [job.id for job in pages.listing(connection, Search(**filters), **page)]


def outcomes(store: Store, job_id: str) -> list[str | None]:
    seq = get(store, job_id).seq
    with store.read() as connection:
        return [row.outcome for row in claims.history(connection, seq)]


# -- submitting ---------------------------------------------------------------------------------------------------


def test_a_job_is_stored_as_it_was_submitted(store: Store) -> None:
    before = time.time()
    job_id = submit(
        store,
        params={"a": [1, {"b": None}], "text": "ü\U0001f600"},
        priority=7,
        tags=("b", "a"),
        client_id="s",
        options={"time_limit": 3.0},
        retry_of="old",
    )
    job = get(store, job_id)
    assert (job.state, job.task, job.queue, job.priority) == (State.PENDING, "add", "default", 7)
    assert job.params == {"a": [1, {"b": None}], "text": "ü\U0001f600"}
    assert (job.tags, job.client_id, job.options, job.retry_of) == (("a", "b"), "s", {"time_limit": 3.0}, "old")
    assert (job.attempt, job.lost, job.claim, job.result, job.failure, job.artifacts) == (0, 0, None, None, None, ())
    assert before <= job.created_at <= time.time()


def test_a_transaction_that_fails_stores_nothing(store: Store) -> None:
    with pytest.raises(UnknownJob):
        submit(store, after=("no-such-job",), tags=("tag",))
    assert listing(store) == []


def test_a_key_gives_back_the_live_job_and_is_freed_when_it_ends(store: Store) -> None:
    first = insert(store, key="k")
    second = insert(store, key="k")
    assert (second.id, second.fresh) == (first.id, False)
    job = claim(store)
    assert insert(store, key="k") == Submitted(first.id, State.STARTED, fresh=False)
    end(store, job)
    third = insert(store, key="k")
    assert third.fresh
    assert third.id != first.id


def test_a_key_with_another_task_or_other_parameters_is_refused(store: Store) -> None:
    first = submit(store, key="k")
    for fields in ({"params": {"a": 2}}, {"task": "nap"}):
        with pytest.raises(KeyConflict, match=first):
            submit(store, key="k", **fields)
    assert listing(store) == [first]


def test_the_key_of_a_job_in_retry_is_still_in_use(store: Store) -> None:
    first = submit(store, key="k")
    again(store, claim(store))
    assert submit(store, key="k") == first


# -- finding ------------------------------------------------------------------------------------------------------


def test_a_job_is_found_by_id_by_prefix_and_as_the_last(store: Store) -> None:
    first = submit(store, id="aaaa1111-0000-4000-8000-000000000000")
    second = submit(store, id="aaaa2222-0000-4000-8000-000000000000")
    third = submit(store, id="bbbb0000-0000-4000-8000-000000000000")
    assert find(store, first) == first
    assert find(store, "aaaa1") == first
    assert find(store, "AAAA2") == second
    assert find(store, "b") == third
    assert find(store, "bbbb0000-0") == third
    assert find(store, "@last") == third


def test_a_prefix_of_more_than_one_job_names_them(store: Store) -> None:
    for number in range(7):
        submit(store, id=f"aaaa{number}000-0000-4000-8000-000000000000")
    with pytest.raises(UnknownJob, match=r"more than one job: aaaa0000-0000, aaaa1000-0000"):
        find(store, "aaaa")


@pytest.mark.parametrize("ref", ["", "   ", "ffff", "not-an-id", "%", "_", "@first", "a' OR '1'='1", "\ud800", "a\x00"])
def test_what_is_no_job_is_said_to_be_none(store: Store, ref: str) -> None:
    submit(store, id="aaaa0000-0000-4000-8000-000000000000")
    with pytest.raises(UnknownJob):
        find(store, ref)


def test_the_last_job_of_an_empty_store_is_none(store: Store) -> None:
    with pytest.raises(UnknownJob, match="no job yet"):
        find(store, "@last")


def test_a_listing_is_newest_first_and_goes_on_page_by_page(store: Store) -> None:
    ids = [submit(store) for _ in range(7)]
    pages = []
    before = None
    while page := listing(store, limit=3, before=before):
        pages.append(page)
        before = get(store, page[-1]).seq
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [job_id for page in pages for job_id in page] == ids[::-1]


def test_a_listing_is_filtered_by_state_task_queue_tag_and_parent(store: Store) -> None:
    plain = submit(store)
    tagged = submit(store, tags=("red", "blue"))
    other = submit(store, task="nap", queue="training", parent_id=plain)
    end(store, claim(store))
    assert listing(store, states=frozenset({State.SUCCESS})) == [plain]
    assert listing(store, states=frozenset({State.SUCCESS, State.PENDING})) == [other, tagged, plain]
    assert listing(store, task="nap") == [other]
    assert listing(store, queue="training") == [other]
    assert listing(store, tags=("blue",)) == [tagged]
    assert listing(store, parent_id=plain) == [other]
    assert listing(store, tags=("blue",), task="nap") == []
    with store.read() as connection:
        assert pages.counts(connection) == {
            ("default", State.SUCCESS): 1,
            ("default", State.PENDING): 1,
            ("training", State.PENDING): 1,
        }


# -- waiting for each other ---------------------------------------------------------------------------------------


def test_a_job_waits_until_all_that_it_depends_on_have_succeeded(store: Store) -> None:
    parents = [submit(store), submit(store)]
    child = submit(store, after=tuple(parents), priority=9)
    running = [claim(store), claim(store)]
    assert {job.id for job in running} == set(parents)
    assert take(store) is None
    end(store, running[0])
    assert get(store, child).waiting == 1
    assert take(store) is None
    end(store, running[1])
    assert claim(store).id == child


def test_a_failure_revokes_what_depends_on_it_all_the_way_down_and_says_why(store: Store) -> None:
    root = submit(store)
    left, right = submit(store, after=(root,)), submit(store, after=(root,))
    bottom = submit(store, after=(left, right))
    below = submit(store, after=(bottom,))
    aside = submit(store)
    end(store, claim(store), FAILED)
    for job_id, parents in ((left, [root]), (right, [root]), (bottom, [left, right]), (below, [bottom])):
        job = get(store, job_id)
        assert job.state is State.REVOKED
        assert job.ended_at is not None
        assert job.failure is not None
        assert any(parent in job.failure.message for parent in parents)
    assert get(store, aside).state is State.PENDING


def test_cancelling_a_job_revokes_what_waits_for_it(store: Store) -> None:
    root = submit(store)
    child = submit(store, after=(root,))
    assert cancel(store, root).state is State.REVOKED
    assert get(store, child).state is State.REVOKED


def test_the_children_of_a_job_that_ends_badly_are_cancelled_all_the_way_down(store: Store) -> None:
    parent = submit(store)
    running = claim(store)
    child, busy = submit(store, parent_id=parent, level=1, priority=0), submit(store, parent_id=parent, priority=9)
    after_child, after_busy = submit(store, after=(child,)), submit(store, after=(busy,))
    taken = claim(store)
    assert taken.id == busy
    with store.write() as connection:
        ended = claims.end(connection, running, FAILED)
    assert [item.id for item in ended] == [parent, child, after_child]
    job = get(store, child)
    assert job.failure is not None
    assert job.failure.message == f"job {parent}, which this one is a child of, ended as FAILURE"
    assert get(store, busy).cancel_requested
    assert get(store, after_busy).state is State.PENDING  # it is for the end of the running child to say
    assert lose(store, taken) is State.REVOKED
    assert get(store, after_busy).state is State.REVOKED


def test_the_children_of_a_job_that_succeeds_or_is_tried_again_go_on(store: Store) -> None:
    parent = submit(store)
    running = claim(store)
    child = submit(store, parent_id=parent)
    again(store, running, delay=0.0)
    assert get(store, child).state is State.PENDING
    rerun = claim(store)
    assert rerun.id == parent
    end(store, rerun)
    assert get(store, child).state is State.PENDING


def test_what_hangs_on_two_that_end_badly_is_revoked_though_one_of_them_still_runs(store: Store) -> None:
    root = submit(store)
    running = claim(store)
    left, right = submit(store, parent_id=root, priority=1), submit(store, parent_id=root)
    busy = claim(store)
    assert busy.id == left
    bottom = submit(store, after=(left, right))
    end(store, running, FAILED)
    assert get(store, bottom).state is State.REVOKED
    end(store, busy)
    assert get(store, bottom).state is State.REVOKED


def test_coordinators_are_claimed_apart_from_other_jobs_and_by_depth(store: Store) -> None:
    plain = submit(store)
    outer = submit(store, coordinator=True)
    inner = submit(store, coordinator=True, level=1)
    assert claim(store).id == plain
    assert take(store) is None
    assert claim(store, coordinators=True).id == outer
    assert take(store, coordinators=True, full_levels=(0, 1)) is None
    assert claim(store, coordinators=True, full_levels=(0,)).id == inner


def test_a_job_that_waits_for_one_that_has_ended_starts_at_once_or_never(store: Store) -> None:
    good = submit(store)
    end(store, claim(store))
    bad = submit(store)
    end(store, claim(store), FAILED)
    assert insert(store, after=(good,)).state is State.PENDING
    assert claim(store).id
    revoked = insert(store, after=(good, bad))
    assert revoked.state is State.REVOKED
    assert get(store, revoked.id).state is State.REVOKED


def test_a_retry_of_a_job_keeps_waiting_what_waits_for_it(store: Store) -> None:
    root = submit(store)
    child = submit(store, after=(root,))
    again(store, claim(store))
    assert get(store, child).state is State.PENDING
    job = claim(store)
    assert job.id == root
    end(store, job)
    assert claim(store).id == child


# -- claiming -----------------------------------------------------------------------------------------------------


def test_the_larger_priority_is_claimed_sooner_and_the_older_among_equals(store: Store) -> None:
    low, first, second, high = (submit(store, priority=priority) for priority in (-1, 0, 0, 5))
    assert [claim(store).id for _ in range(4)] == [high, first, second, low]
    assert take(store) is None


def test_jobs_that_need_a_gpu_slot_are_claimed_for_one_and_all_others_for_none(store: Store) -> None:
    needs, plain = submit(store, gpu=True, priority=9), submit(store)
    assert (get(store, needs).gpu, get(store, plain).gpu) == (True, False)
    with store.read() as connection:
        assert pages.waiting_for_gpu(connection) == {"default": 1}
        assert next_job.next_due(connection, ClaimFilter(ME, ("default",), ("add",), gpu=True)) is not None
    assert claim(store).id == plain
    assert take(store) is None
    assert claim(store, gpu=True).id == needs
    assert take(store, gpu=True) is None
    either = [submit(store), submit(store, gpu=True)]
    assert [claim(store, gpu=None).id for _ in either] == either
    with store.read() as connection:
        assert pages.waiting_for_gpu(connection) == {}
        assert next_job.next_due(connection, ClaimFilter(ME, ("default",), ("add",), gpu=True)) is None


def test_a_worker_claims_only_its_queues_tasks_and_session_and_what_is_due(store: Store) -> None:
    submit(store, queue="other")
    submit(store, task="nap")
    submit(store, client_id="theirs")
    submit(store, due_at=time.time() + 3600, client_id="mine")
    mine = submit(store, client_id="mine")
    assert claim(store, client_id="mine").id == mine
    assert take(store, client_id="mine") is None
    assert take(store, queues=()) is None
    assert take(store, tasks=()) is None
    with store.read() as connection:
        due = next_job.next_due(connection, ClaimFilter(ME, ("default",), ("add",), "mine"))
    assert due is not None
    assert due > time.time() + 3000


def test_a_claim_is_logged_and_its_number_is_never_used_again(store: Store) -> None:
    job_id = submit(store)
    numbers = []
    for attempt in (1, 2, 3):
        job = claim(store)
        assert (job.id, job.state, job.attempt, job.owner) == (job_id, State.STARTED, attempt, ME)
        assert job.claim is not None
        numbers.append(job.claim)
        again(store, job, outcome=f"outcome {attempt}")
    assert numbers == sorted(set(numbers))
    assert outcomes(store, job_id) == ["outcome 1", "outcome 2", "outcome 3"]


def test_progress_is_written_as_the_owner_and_begins_anew_with_each_attempt(store: Store) -> None:
    job_id = submit(store)
    job = claim(store)
    report(store, job, 0.5)
    assert get(store, job_id).state is State.PROGRESS
    assert get(store, job_id).info == {"progress": 0.5, "status": "on its way", "step": 1}
    again(store, job)
    claim(store)
    assert get(store, job_id).info == {"progress": 0.0, "status": ""}


def test_an_end_holds_result_artifacts_and_the_last_progress(store: Store) -> None:
    job_id = submit(store)
    job = claim(store)
    end(
        store,
        job,
        FinalState(
            State.SUCCESS, '{"value":2}', artifacts=(ArtifactFile("a/b.png", 12),), status="done", meta={"n": 1}
        ),
    )
    found = get(store, job_id)
    assert (found.state, found.result, found.artifacts) == (
        State.SUCCESS,
        {"value": 2},
        (ArtifactFile("a/b.png", 12),),
    )
    assert found.info == {"progress": 1.0, "status": "done", "n": 1}
    assert found.ended_at is not None


def test_a_failure_keeps_its_words_without_what_cannot_be_stored(store: Store) -> None:
    job_id = submit(store)
    failure = JobFailure("Odd\x00Error", "a \ud800 message", "a\x00traceback", "a \x00 hint")
    job = claim(store)
    report(store, job, 0.25)
    end(store, job, FinalState(State.FAILURE, failure=failure))
    found = get(store, job_id)
    assert found.failure == JobFailure("Odd\ufffdError", "a \ufffd message", "a\ufffdtraceback", "a \ufffd hint")
    assert found.progress == 0.25
    assert outcomes(store, job_id) == ["FAILURE: a \ufffd message"]


WRITES: dict[str, Callable[[Store, Job], object]] = {
    "progress": lambda store, job: report(store, job, 0.9),
    "an end": end,
    "a failure": lambda store, job: end(store, job, FAILED),
    "a retry": again,
    "a loss": lose,
}


@pytest.mark.parametrize("what", WRITES)
def test_a_stale_run_can_write_no(store: Store, what: str) -> None:
    job_id = submit(store)
    stale = claim(store)
    lose(store, stale)
    _make_due(store, job_id)
    fresh = claim(store, "worker-2")
    before = get(store, job_id)
    with pytest.raises(StaleClaim):
        WRITES[what](store, stale)
    assert get(store, job_id) == before
    end(store, fresh)
    with pytest.raises(StaleClaim):
        WRITES[what](store, stale)
    with pytest.raises(StaleClaim):
        WRITES[what](store, fresh)
    assert get(store, job_id).state is State.SUCCESS


def test_a_run_holds_its_job_only_while_it_is_its_own(store: Store) -> None:
    job_id = submit(store)
    job = claim(store)
    assert job.claim is not None
    with store.write() as connection:
        claims.hold(connection, job.seq, job.claim, job.id)
    lose(store, job)
    with pytest.raises(StaleClaim, match=job_id), store.write() as connection:
        claims.hold(connection, job.seq, job.claim, job.id)


def test_a_retry_can_hand_its_attempt_back(store: Store) -> None:
    job_id = submit(store)
    again(store, claim(store), counted=False)
    assert get(store, job_id).attempt == 0
    again(store, claim(store))
    assert get(store, job_id).attempt == 1


def test_a_retry_is_not_due_before_its_delay(store: Store) -> None:
    submit(store)
    again(store, claim(store), delay=3600.0)
    assert take(store) is None


def test_losses_are_counted_apart_from_attempts_and_the_last_one_fails_the_job(store: Store) -> None:
    job_id = submit(store)
    for times, state in ((1, State.RETRY), (2, State.RETRY), (3, State.FAILURE)):
        _make_due(store, job_id)
        assert lose(store, claim(store)) is state
        assert get(store, job_id).lost == times
    job = get(store, job_id)
    assert job.failure is not None
    assert (job.failure.type, job.attempt) == ("WorkerLost", 1)
    assert "for the third time" in job.failure.message
    assert outcomes(store, job_id)[:2] == ["lost: its worker vanished"] * 2


def _make_due(store: Store, job_id: str) -> None:
    """Bring a job that waits for its backoff to its time."""
    from pfd.store.schema import jobs as table

    with store.write() as connection:
        connection.execute(table.update().where(table.c.id == job_id).values(due_at=0.0))


# -- cancelling ---------------------------------------------------------------------------------------------------


def test_cancelling_a_queued_job_ends_it_at_once(store: Store) -> None:
    job = cancel(store, submit(store))
    assert job.state is State.REVOKED
    assert job.failure == JobFailure("JobCancelled", "cancelled before it started")
    assert take(store) is None


def test_cancelling_a_running_job_asks_its_worker(store: Store) -> None:
    submit(store)
    job = claim(store)
    assert cancel(store, job.id).cancel_requested
    assert get(store, job.id).state is State.STARTED
    with store.read() as connection:
        assert claims.orders(connection, ME) == {job.seq: (job.claim, True)}
    end(store, job)
    assert get(store, job.id).state is State.SUCCESS  # it was quicker


def test_cancelling_an_ended_job_leaves_it_as_it_is(store: Store) -> None:
    submit(store)
    job = claim(store)
    end(store, job)
    before = get(store, job.id)
    assert cancel(store, job.id) == before


def test_a_cancelled_job_is_never_tried_again(store: Store) -> None:
    for way in (again, lose):
        job_id = submit(store)
        child = submit(store, after=(job_id,))
        job = claim(store)
        cancel(store, job_id)
        assert way(store, job) is State.REVOKED
        assert get(store, job_id).state is State.REVOKED
        assert get(store, child).state is State.REVOKED
        assert take(store) is None


# -- workers ------------------------------------------------------------------------------------------------------


def register(store: Store, name: str = ME) -> WorkerInfo:
    now = time.time()
    info = WorkerInfo(name, f"{name} here", "local", {"default,training": 2}, None, 0, now, now)
    with store.write() as connection:
        workers.register(connection, info)
    return info


def test_a_worker_is_seen_with_its_queues_until_it_leaves(store: Store) -> None:
    info = register(store)
    with store.read() as connection:
        assert workers.live(connection) == [info]
    assert info.queues == {"default", "training"}
    with store.write() as connection:
        workers.leave(connection, info.id)
    with store.read() as connection:
        assert workers.live(connection) == []


def test_the_jobs_of_a_worker_that_lapsed_are_taken_back(store: Store) -> None:
    info = register(store)
    job_ids = {submit(store), submit(store)}
    held = [claim(store), claim(store)]
    with store.write() as connection:
        back = workers.lapse(connection, info, max_lost=3)
    assert back is not None
    assert (set(back.ids), back.ended) == (job_ids, ())
    for job in held:
        found = get(store, job.id)
        assert (found.state, found.lost, found.owner) == (State.RETRY, 1, None)
        assert outcomes(store, job.id) == ["lost: worker worker-1 here gave no sign of life"]
    with store.write() as connection:
        assert not workers.beat(connection, info.id)  # and so it learns of it


def test_a_worker_that_has_shown_life_since_is_not_given_up(store: Store) -> None:
    info = register(store)
    submit(store)
    job = claim(store)
    with store.write() as connection:
        assert workers.beat(connection, info.id)
    with store.write() as connection:
        assert workers.lapse(connection, info, max_lost=3) is None
    assert get(store, job.id).state is State.STARTED


def test_jobs_whose_worker_left_without_them_are_seen_and_taken_back(store: Store) -> None:
    info = register(store)
    submit(store)
    job = claim(store)
    with store.read() as connection:
        assert workers.orphans(connection) == []
    with store.write() as connection:
        workers.leave(connection, info.id)
    with store.read() as connection:
        assert workers.orphans(connection) == [ME]
    register(store)
    with store.write() as connection:
        assert workers.reclaim_orphans(connection, ME, max_lost=3).ids == ()  # it is back
        workers.leave(connection, info.id)
        assert workers.reclaim_orphans(connection, ME, max_lost=3).ids == (job.id,)
    assert get(store, job.id).state is State.RETRY


def test_a_session_of_the_orm_reads_without_writing_and_writes_only_as_a_whole(store: Store) -> None:
    from sqlalchemy import select

    from pfd_sample.records import Note

    job_id = submit(store)
    with store.session(write=True) as session:
        session.add(Note(job_id=job_id, text="kept"))
    other = submit(store)

    def interrupted() -> None:
        with store.session(write=True) as session:
            session.add(Note(job_id=other, text="lost"))
            session.flush()
            raise RuntimeError("halfway")

    with pytest.raises(RuntimeError, match="halfway"):
        interrupted()
    with store.session() as session:
        assert session.scalars(select(Note.text)).all() == ["kept"]


def test_a_connection_that_is_given_back_once_its_store_is_closed_is_closed_as_well(
    settings: Settings, registry: Registry
) -> None:
    store = Store(settings, registry.tables()).open()
    connection = store.engine.connect()
    raw: Any = connection.connection.driver_connection
    store.close()
    connection.close()
    with pytest.raises(Exception, match="closed"):
        raw.cursor().execute("SELECT 1")
