"""The end of a run: stored first, then told, and then what it lets go is made known."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pfd import State, hookimpl
from pfd.app import App
from pfd.errors import StopReason
from pfd.hooks import EventKind, JobEvent
from pfd.job import Job, JobFailure
from pfd.notify import Wakeup
from pfd.plugins import Registry
from pfd.runner.call import Outcome, OutcomeKind
from pfd.runner.shortage import PATIENCE, Shortage
from pfd.store import NewJob, Store, claims, jobs
from pfd.store.claim_filter import ClaimFilter
from pfd.worker.finish import Finisher

WANTED = ClaimFilter("me", ("default",), ("add",))
DONE = Outcome(OutcomeKind.DONE, result='{"value":2}')


class Worker:
    """Finishes jobs, and notes in their order what is told of them and what the store says then."""

    name = "test"

    def __init__(self, store: Store, registry: Registry) -> None:
        self.store = store
        self.said: list[tuple[object, ...]] = []
        self.finisher = Finisher(App(store.settings, registry, store, self), Shortage(), self.notify)

    def submit(self, *after: str) -> str:
        with self.store.write() as connection:
            return jobs.insert(connection, NewJob("add", "default", {"a": 1}, after=after)).id

    def claim(self) -> Job:
        with self.store.write() as connection:
            job = claims.claim(connection, WANTED)
        assert job is not None
        return job

    def state(self, job_id: str) -> State:
        with self.store.read() as connection:
            return jobs.get(connection, job_id).state

    @hookimpl
    def pfd_job_event(self, event: JobEvent) -> None:
        self.said.append((event.kind, event.job_id, self.state(event.job_id)))

    def notify(self, wakeup: Wakeup) -> None:
        self.said.append(("wakeup", wakeup.job_id))


@pytest.fixture
def worker(store: Store, registry: Registry) -> Iterator[Worker]:
    found = Worker(store, registry)
    registry.listen("test", found)
    yield found
    registry.unlisten(found)


def test_an_end_is_stored_before_it_is_told_and_told_before_others_are_woken(worker: Worker) -> None:
    job_id = worker.submit()
    left, right = worker.submit(job_id), worker.submit(job_id)
    assert worker.finisher.finish(worker.claim(), None, DONE, 0.0) is None
    assert worker.said[0] == (EventKind.SUCCESS, job_id, State.SUCCESS)
    assert sorted(worker.said[1:]) == sorted([("wakeup", left), ("wakeup", right)])


def test_the_job_that_is_claimed_with_the_end_is_not_made_known(worker: Worker) -> None:
    job_id = worker.submit()
    waiting = {worker.submit(job_id), worker.submit(job_id)}
    following = worker.finisher.finish(
        worker.claim(), None, DONE, 0.0, lambda connection, ended: claims.claim(connection, WANTED, ended=ended)
    )
    assert following is not None
    assert following.state is State.STARTED
    [known] = worker.said[1:]
    assert {known[1], following.id} == waiting


def test_the_end_of_a_run_that_lost_its_job_is_told_as_stale_and_not_kept(worker: Worker) -> None:
    job_id = worker.submit()
    job = worker.claim()
    with worker.store.write() as connection:
        claims.lost(connection, job, max_lost=3, reason="taken back")
    for outcome in (DONE, Outcome(OutcomeKind.STALE)):
        assert worker.finisher.finish(job, None, outcome, 0.0, lambda *_: pytest.fail("claimed")) is None
    assert worker.said == [(EventKind.STALE, job_id, State.RETRY)] * 2


def test_what_is_stopped_with_its_worker_is_put_back_and_what_was_cancelled_is_not(worker: Worker) -> None:
    stopped = Outcome(OutcomeKind.STOPPED, stopped_for=StopReason.CANCEL)
    for requeueing, cancelled, kind, state in (
        (True, False, EventKind.RETRY, State.RETRY),
        (True, True, EventKind.REVOKED, State.REVOKED),
        (False, False, EventKind.REVOKED, State.REVOKED),
    ):
        worker.finisher.requeueing = requeueing
        job_id = worker.submit()
        job = worker.claim()
        if cancelled:
            with worker.store.write() as connection:
                jobs.cancel(connection, job_id)
        worker.said.clear()
        worker.finisher.finish(job, None, stopped, 0.0)
        assert worker.said == [(kind, job_id, state)]
        with worker.store.write() as connection:
            jobs.cancel(connection, job_id)


@pytest.mark.parametrize("reason", [StopReason.TIME_LIMIT, None], ids=["its time is over", "the task says so itself"])
def test_what_is_stopped_for_another_reason_while_its_worker_stops_has_ended(
    worker: Worker, reason: StopReason | None
) -> None:
    worker.finisher.requeueing = True
    job_id = worker.submit()
    worker.finisher.finish(worker.claim(), None, Outcome(OutcomeKind.STOPPED, stopped_for=reason), 0.0)
    assert worker.state(job_id) in (State.FAILURE, State.REVOKED)


def test_a_job_that_others_could_be_begun_beside_counts_as_lost_at_last(worker: Worker) -> None:
    """It was requeued for what its worker lacked, which cannot be the reason for ever."""
    shortage = Outcome.short("no memory")
    assert shortage.failure == JobFailure("WorkerLost", "its worker is short of something: no memory")
    job_id = worker.submit()
    kinds: list[object] = []
    for number in range(PATIENCE + 2):
        with worker.store.write() as connection:
            job = claims.claim(connection, WANTED, due_by=float("inf"))
        assert job is not None
        assert job.id == job_id
        worker.said.clear()
        worker.finisher.finish(job, None, shortage, 0.0)
        kinds += [kind for kind, *_ in worker.said]
        worker.finisher._shortage.over(-1 - number, float("inf"))  # another one has begun
    assert kinds == [EventKind.RETRY] * (PATIENCE + 1) + [EventKind.LOST]
