"""A broker that is away, comes back, forgets everything or does not answer: no job is lost, and none run twice."""

from __future__ import annotations

import contextlib
import itertools
import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery

from pfd import State
from pfd_contract import PATIENCE, MakeSite, Site, until
from pfd_contract.processes import frozen, tree
from pfd_contract.programs import WorkerProgram
from tests.contract.support.sites import site_maker
from tests.support.brokers import RabbitServer, RedisServer

PROMPT = 7.0
"""Seconds within which a worker without a job ends: four in which the broker may answer, and a busy machine."""

ANSWER = 6.0
"""Seconds within which a submission comes back whatever the broker does: its time-outs, and a busy machine."""

_numbers = itertools.count(1)


@pytest.fixture
def broker(mortal_redis: RedisServer) -> RedisServer:
    """A Redis that nobody minds."""
    return mortal_redis


@pytest.fixture
def site(contract_sites: MakeSite, broker: RedisServer, tmp_path: Path) -> Iterator[Site]:
    """A site on that Redis, as yet without a worker."""
    url = broker.url(next(_numbers))
    made = contract_sites(tmp_path, broker_url=url, lease=30.0)
    yield made
    if not broker.answers():
        broker.start()
    made.close()


def test_a_job_that_is_submitted_while_the_broker_is_away_is_stored_and_runs(
    site: Site, broker: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    with site.worker():
        assert site.run("noop").state is State.SUCCESS
        broker.end()
        with caplog.at_level(logging.WARNING):
            began = time.monotonic()
            handle = site.submit("noop")
            assert time.monotonic() - began < ANSWER
        assert "stored, but its workers could not be told" in caplog.text  # the caller is
        # Workers find it all the same: they look into the store at each sweep.
        assert handle.wait(PATIENCE).state is State.SUCCESS
        began = time.monotonic()
        handles = [site.submit("noop") for _ in range(200)]
        assert time.monotonic() - began < 2 * ANSWER  # and do not wait for the broker one by one
        broker.start()
        assert {handle.wait(PATIENCE).state for handle in handles} == {State.SUCCESS}
        until(lambda: _rung_at_once(site), "rings are heard again", seconds=60.0)
    assert [len(site.sights(handle, "begins")) for handle in handles] == [1] * len(handles)


def _rung_at_once(site: Site) -> bool:
    """Whether a job begins long before a sweep would find it."""
    waits = []
    for _ in range(5):
        submitted = time.monotonic()
        waits.append(site.await_sight(site.run("noop"), "begins").at - submitted)
        time.sleep(0.05)
    return sorted(waits)[2] < site.settings.sweep / 2


@pytest.mark.slow("commands wait for the broker first")
def test_the_command_line_says_that_the_broker_is_away_and_goes_on(site: Site, broker: RedisServer) -> None:
    assert site.dispatcher.jobs() == []  # which makes the tables
    broker.end()
    said = site.pfd("submit", "contract_noop")
    assert "stored" in said
    assert "broker" in said
    assert "the broker does not answer" in site.pfd("doctor", expect=1)
    broker.start()
    assert "it answers" in site.pfd("doctor", expect=1)  # a task of the contract has no code here
    with site.worker():
        [job] = site.dispatcher.jobs()
        assert site.dispatcher.handle(job.id).wait(PATIENCE).state is State.SUCCESS


@pytest.mark.slow("its library waits for the broker first")
def test_a_worker_starts_and_works_while_the_broker_is_away(site: Site, broker: RedisServer) -> None:
    handle = site.submit("nap", {"seconds": 0.1})
    broker.end()
    program = site.start_worker()
    assert handle.wait(PATIENCE).state is State.SUCCESS
    assert site.run("noop").state is State.SUCCESS
    broker.start()
    until(lambda: _rung_at_once(site), "it hears rings", seconds=60.0)
    assert program.stop() == 0


def test_running_jobs_do_not_mind_a_broker_that_restarts_and_forgets(site: Site, broker: RedisServer) -> None:
    with site.workers(2, slots=2):
        running = [site.submit("nap", {"gate": "go"}) for _ in range(4)]
        for handle in running:
            site.await_sight(handle, "begins")
        waiting = [site.submit("nap", {"seconds": 0.05}) for _ in range(20)]
        broker.end()
        broker.start()
        broker.flush()
        site.open_gate("go")
        ended = [handle.wait(PATIENCE) for handle in [*running, *waiting]]
    assert {(job.state, job.lost, job.attempt) for job in ended} == {(State.SUCCESS, 0, 1)}
    assert [len(site.sights(job, "begins")) for job in ended] == [1] * len(ended)


def test_a_broker_that_does_not_answer_holds_nobody_up(site: Site, broker: RedisServer) -> None:
    with site.workers(2) as [_, leaver]:
        assert site.run("noop").state is State.SUCCESS
        with frozen(broker.pid):
            began = time.monotonic()
            handle = site.submit("noop")
            assert time.monotonic() - began < ANSWER
            assert handle.wait(PATIENCE).state is State.SUCCESS
            _ends_promptly(leaver)
        until(lambda: _rung_at_once(site), "rings are heard again", seconds=90.0)


@pytest.mark.slow("its library waits for the broker first")
def test_a_worker_is_told_to_end_while_the_broker_is_away(site: Site, broker: RedisServer) -> None:
    with site.worker() as program:
        assert site.run("noop").state is State.SUCCESS
        broker.end()
        time.sleep(2.0)  # it has noticed
        assert program.stop() == 0
    assert site.dispatcher.workers() == []


def _ends_promptly(program: WorkerProgram) -> None:
    began = time.monotonic()
    assert program.stop() == 0
    assert time.monotonic() - began < PROMPT


def test_a_request_of_a_client_waits_for_a_store_that_is_away(celery_site: Site) -> None:
    site = celery_site
    url = site.settings.broker_url
    with site.worker(), Celery(broker=url, backend=url, set_as_current=False) as client:
        with site.store_away():
            result = client.send_task("contract_noop", args=[{}])
            time.sleep(3.0)
        result.get(timeout=PATIENCE)
        assert site.dispatcher.job(result.id).state is State.SUCCESS
    assert len(site.sights(result.id, "begins")) == 1


def test_what_a_client_is_to_be_told_waits_for_a_backend_that_is_away(
    celery_sites: MakeSite, broker: RedisServer, tmp_path: Path
) -> None:
    backend = broker.url(next(_numbers))
    with (
        contextlib.closing(celery_sites(tmp_path, lease=30.0, result_backend=backend)) as site,
        site.worker(),
        Celery(broker=site.settings.broker_url, backend=backend, set_as_current=False) as client,
    ):
        result = client.send_task("contract_nap", args=[{"gate": "told"}])
        site.await_sight(result.id, "begins")
        broker.end()
        site.open_gate("told")
        assert site.dispatcher.handle(result.id).wait(PATIENCE).state is State.SUCCESS
        time.sleep(1.0)
        broker.start()
        assert result.get(timeout=PATIENCE)["attempt"] == 1


@pytest.mark.slow("RabbitMQ starts twice")
@pytest.mark.parametrize("runtime", ["celery", "dramatiq"])
def test_rabbitmq_that_restarts_loses_nothing_and_that_does_not_answer_keeps_nobody(
    runtime: str, rabbit_server: RabbitServer, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    make = site_maker(f"{runtime}-rabbitmq-postgres", request)
    with contextlib.closing(make(tmp_path, lease=60.0)) as site, site.worker(slots=2):
        running = site.submit("nap", {"gate": "go"})
        site.await_sight(running, "begins")
        rabbit_server.end()
        away = site.submit("nap", {"seconds": 0.05})
        assert away.wait(PATIENCE).state is State.SUCCESS
        rabbit_server.start()
        site.open_gate("go")
        ended = [running.wait(PATIENCE), away.job, site.run("noop")]
        until(lambda: _rung_at_once(site), "rings are heard again", seconds=60.0)
        assert {(job.state, job.lost) for job in ended} == {(State.SUCCESS, 0)}
        assert [len(site.sights(job, "begins")) for job in ended] == [1, 1, 1]
        [worker] = site.programs
        with frozen(*tree(rabbit_server.pid)):
            _ends_promptly(worker)
