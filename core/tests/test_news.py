"""Hooks hear of every job that ends, whoever ended it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from core.tests.support.listening import listening
from core.tests.support.waiting import until
from pfd import Dispatcher, EventKind, JobEnd, JobEvent, Settings, State, Worker, hookimpl
from pfd.job import JobFailure
from pfd.plugins import Registry
from pfd.store import WorkerInfo, claims, workers
from pfd.store.claim_filter import ClaimFilter

PATIENCE = 60.0


@pytest.fixture
def dispatcher(sqlite_settings: Settings, registry: Registry) -> Iterator[Dispatcher]:
    with Dispatcher(sqlite_settings, registry=registry) as found:
        yield found


@pytest.fixture
def told(registry: Registry) -> Iterator[list[tuple[str, str]]]:
    """What two hooks were told: ("event" or the state of the job, its id)."""
    heard: list[tuple[str, str]] = []

    @hookimpl
    def pfd_after_job(end: JobEnd) -> None:
        heard.append((f"after {end.job.state} {'ran' if end.seconds else 'did not run'}", end.job.id))

    @hookimpl
    def pfd_job_event(event: JobEvent) -> None:
        heard.append((event.kind, event.job_id))

    with listening(registry, pfd_after_job, pfd_job_event):
        yield heard


def test_of_a_failure_and_of_what_it_takes_with_it(
    dispatcher: Dispatcher, registry: Registry, told: list[tuple[str, str]]
) -> None:
    bad = dispatcher.submit("fail_inline", {"kind": "value"})
    waits = dispatcher.submit("add", {"a": 1}, after=[bad])
    with Worker(dispatcher.settings, slots=1, registry=registry):
        assert waits.wait(PATIENCE).state is State.REVOKED
    assert told == [
        ("submitted", bad.id),
        ("submitted", waits.id),
        ("claimed", bad.id),
        ("failure", bad.id),
        ("after FAILURE ran", bad.id),
        ("revoked", waits.id),
        ("after REVOKED did not run", waits.id),
    ]


def test_of_a_cancel_before_the_job_began(dispatcher: Dispatcher, told: list[tuple[str, str]]) -> None:
    handle = dispatcher.submit("add", {"a": 1})
    waits = dispatcher.submit("add", {"a": 1}, after=[handle])
    handle.revoke()
    assert told[2:] == [(what, job.id) for job in (handle, waits) for what in ("revoked", "after REVOKED did not run")]


def test_of_a_job_that_a_sweep_gave_up(dispatcher: Dispatcher, registry: Registry, told: list[tuple[str, str]]) -> None:
    handle = dispatcher.submit("add", {"a": 1})
    with dispatcher.store.write() as connection:
        now = time.time()
        workers.register(connection, WorkerInfo("gone", "gone:1", "local", {"default": 1}, None, 0, now, now))
        assert claims.claim(connection, ClaimFilter("gone", ("default",), ("add",)))
    handle.revoke()
    with Worker(dispatcher.settings, slots=1, registry=registry):
        assert handle.wait(PATIENCE).state is State.REVOKED
        until(lambda: len(told) == 3)
    assert told[1:] == [("revoked", handle.id), ("after REVOKED did not run", handle.id)]


def test_of_a_job_that_a_sweep_took_back_from_another_worker(
    dispatcher: Dispatcher, registry: Registry, told: list[tuple[str, str]]
) -> None:
    handle = dispatcher.submit("add", {"a": 1})
    with dispatcher.store.write() as connection:
        now = time.time()
        workers.register(connection, WorkerInfo("gone", "gone:1", "local", {"default": 1}, None, 0, now, now))
        assert claims.claim(connection, ClaimFilter("gone", ("default",), ("add",)))
    with Worker(dispatcher.settings, slots=1, registry=registry):
        assert handle.wait(PATIENCE).state is State.SUCCESS
        until(lambda: len(told) == 5)
    assert [what for what, _ in told] == ["submitted", "lost", "claimed", "success", "after SUCCESS ran"]


def test_of_a_job_whose_references_lead_nowhere(
    dispatcher: Dispatcher, registry: Registry, told: list[tuple[str, str]]
) -> None:
    good = dispatcher.submit("add", {"a": 1, "b": 2})
    lost = {"$result": {"job": good.id, "field": "nowhere"}}
    bad = dispatcher.submit("add", {"a": lost})
    with Worker(dispatcher.settings, slots=1, registry=registry):
        assert bad.wait(PATIENCE).state is State.FAILURE
        until(lambda: ("after FAILURE did not run", bad.id) in told)


def test_of_a_job_that_its_worker_puts_back_they_hear_why(dispatcher: Dispatcher, registry: Registry) -> None:
    heard: list[JobEvent] = []

    @hookimpl
    def pfd_job_event(event: JobEvent) -> None:
        heard.append(event)

    with listening(registry, pfd_job_event), Worker(dispatcher.settings, registry=registry) as worker:
        handle = dispatcher.submit("nap", {"seconds": 300})
        until(lambda: handle.state is State.PROGRESS, "it runs")
        worker.stop(0.0)
    [retried] = [event for event in heard if event.kind is EventKind.RETRY]
    assert retried.job_id == handle.id
    assert retried.failure == JobFailure("CancelRequested", "cancel")
