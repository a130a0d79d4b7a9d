"""A client that was written for plain Dramatiq, and knows the broker only, gets tracked jobs."""

from __future__ import annotations

import contextlib
import itertools
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dramatiq
import pytest
import redis
from dramatiq.brokers.redis import RedisBroker

from pfd import Job, State, UnknownJob
from pfd.job import ENDED
from pfd_contract import MakeSite, Site, until
from tests.support.brokers import RedisServer
from tests.support.foreign import dramatiq_message, to_bytes

_numbers = itertools.count(1)


@pytest.fixture
def broker(mortal_redis: RedisServer) -> RedisServer:
    """A Redis that nobody minds."""
    return mortal_redis


@pytest.fixture
def site(dramatiq_sites: MakeSite, broker: RedisServer, tmp_path: Path) -> Iterator[Site]:
    """A site on that Redis, as yet without a worker."""
    made = dramatiq_sites(tmp_path, broker_url=broker.url(next(_numbers)), lease=30.0)
    yield made
    if not broker.answers():
        broker.start()
    made.close()


def _send(site: Site, task: str, *args: Any, job_id: str | None = None, queue: str = "default", **kwargs: Any) -> str:
    """Ask for a job with nothing but Dramatiq.  Returns the id of the message."""
    client = RedisBroker(url=site.settings.broker_url)  # type: ignore[no-untyped-call]
    message = dramatiq.Message[Any](
        queue_name=queue,
        actor_name=task,
        args=args,
        kwargs=kwargs,
        options={},
        message_id=job_id or str(uuid.uuid4()),
    )
    client.declare_queue(queue)
    client.enqueue(message)
    client.close()
    return message.message_id


def _ended(site: Site, job_id: str) -> Job:
    def look() -> Job | None:
        with contextlib.suppress(UnknownJob):
            job = site.dispatcher.job(job_id)
            return job if job.state in ENDED else None
        return None

    return until(look, "the job has ended")  # type: ignore[return-value]


def test_a_message_becomes_a_job_under_its_own_id(site: Site) -> None:
    with site.worker():
        as_mapping = _ended(site, _send(site, "contract_nap", {"seconds": 0.1}))
        by_name = _ended(site, _send(site, "contract_nap", seconds=0.1))
    for job in (as_mapping, by_name):
        assert (job.state, job.params["seconds"]) == (State.SUCCESS, 0.1)
        assert [sight.what for sight in site.sights(job)] == ["begins", "ends"]


def test_a_ring_of_an_earlier_version_runs_no_job_that_has_been_removed(site: Site) -> None:
    with site.worker():
        wakeup = _send(site, "contract_noop", queue="pfd.default")
        job = _ended(site, _send(site, "contract_noop", {}, queue="pfd.default"))
        assert (job.state, job.queue) == (State.SUCCESS, "default")
        assert site.run("noop").state is State.SUCCESS
    with pytest.raises(UnknownJob):
        site.dispatcher.job(wakeup)


def test_an_invalid_request_is_a_failure_that_names_the_field(site: Site) -> None:
    with site.worker():
        job = _ended(site, _send(site, "contract_nap", seconds="long", bogus=1))
    assert job.state is State.FAILURE
    assert job.failure is not None
    assert job.failure.type == "ParameterError"
    assert "bogus" in job.failure.message


def test_a_message_that_is_delivered_twice_is_one_job(site: Site) -> None:
    with site.worker():
        job_id = _send(site, "contract_noop")
        assert _ended(site, job_id).state is State.SUCCESS
        _send(site, "contract_noop", job_id=job_id)
        until(lambda: not _held(site), "the second is taken")
        assert site.run("noop").state is State.SUCCESS
    assert len(site.sights(job_id, "begins")) == 1
    assert len(site.dispatcher.jobs()) == 2


def _held(site: Site) -> int:
    """Messages of clients that wait, or were fetched and not acknowledged yet."""
    with redis.Redis.from_url(site.settings.broker_url) as client:
        fetched = client.keys("dramatiq:__acks__.*.default")
        return int(client.llen("dramatiq:default")) + sum(int(client.scard(key)) for key in fetched)


def test_a_worker_that_ends_does_not_wait_to_acknowledge_what_it_holds(site: Site, broker: RedisServer) -> None:
    """It has fetched a request that it cannot store, and its broker goes away as well."""
    with site.worker() as program:
        assert site.run("noop").state is State.SUCCESS
        with site.store_away():
            job_id = _send(site, "contract_noop")
            with redis.Redis.from_url(site.settings.broker_url) as client:
                until(lambda: not client.llen("dramatiq:default"), "it is fetched")
            broker.end()
            assert program.stop() == 0
        broker.start()
    with pytest.raises(UnknownJob):
        site.dispatcher.job(job_id)


def test_messages_whose_way_here_was_cut_are_given_back_and_become_jobs(site: Site) -> None:
    """Redis has counted them as fetched, and its answer was lost; while the worker lives nobody else takes them."""
    with site.worker(), redis.Redis.from_url(site.settings.broker_url) as client:
        assert _ended(site, _send(site, "contract_noop")).state is State.SUCCESS
        before = dict(client.zrange("dramatiq:__heartbeats__", 0, -1, withscores=True))

        def beating() -> list[bytes]:
            now = client.zrange("dramatiq:__heartbeats__", 0, -1, withscores=True)
            return [name for name, at in now if at > before[name]]

        [worker] = until(beating, "the worker gives a sign of life; those who only send do not")
        job_id = str(uuid.uuid4())
        client.hset("dramatiq:default.msgs", "lost", to_bytes(_message(job_id)))
        client.sadd(f"dramatiq:__acks__.{worker.decode()}.default", "lost")
        assert _ended(site, job_id).state is State.SUCCESS


def _message(job_id: str) -> dict[str, Any]:
    return dramatiq_message("contract_noop", job_id, "default")
