"""Whatever lies in a queue of a broker: no worker ends by it, and the next good message becomes a job that runs."""

from __future__ import annotations

import contextlib
import json
import random
import time
import uuid
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pfd import Job, State, UnknownJob
from pfd.job import ENDED
from pfd.store import refused
from pfd_contract import MakeSite, Site, until
from tests.contract.support.sites import site_maker
from tests.support.foreign import BODY, celery_envelope, celery_headers, dramatiq_message, to_bytes
from tests.support.senders import QUEUE, SENDERS, TASK, CeleryRabbit, CeleryRedis, Rabbit, Sender

ON_CELERY = pytest.mark.parametrize("sender", [name for name in SENDERS if "celery" in name], indirect=True)
ON_DRAMATIQ = pytest.mark.parametrize("sender", [name for name in SENDERS if "dramatiq" in name], indirect=True)
ON_RABBIT = pytest.mark.parametrize("sender", [name for name in SENDERS if "rabbit" in name], indirect=True)


@pytest.fixture(scope="module", params=list(SENDERS))
def sender(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sender]:
    """Somebody who can write to the broker of a worker with two slots."""
    make: MakeSite = site_maker(request.param, request)
    site = make(tmp_path_factory.mktemp("foreign"), lease=15.0)
    with site.worker(slots=2):
        until(lambda: site.run("noop").state is State.SUCCESS, "it works")
        found = SENDERS[request.param](site)
        until(lambda: _runs(found), "messages of clients are taken")
        yield found
    found.close()


def _find(site: Site, job_id: str) -> Job | None:
    with contextlib.suppress(UnknownJob):
        job = site.dispatcher.job(job_id)
        return job if job.state in ENDED else None
    return None


def _ended(sender: Sender, job_id: str) -> Job:
    return until(lambda: _find(sender.site, job_id), "it is a job that has ended")  # type: ignore[return-value]


def _runs(sender: Sender) -> bool:
    """Whether a good message becomes a job that runs, now."""
    job_id = str(uuid.uuid4())
    sender.good(job_id)
    return _ended(sender, job_id).state is State.SUCCESS


def _lives(sender: Sender) -> None:
    [program] = sender.site.programs
    assert sender.site.is_ready(program), program.printed
    assert _runs(sender), program.printed
    assert "died" not in program.printed
    assert "unexpected error" not in program.printed


@settings(
    max_examples=25,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(rng=st.randoms(use_true_random=False))
def test_after_a_mutated_message_a_good_one_is_stored_and_run(sender: Sender, rng: random.Random) -> None:
    sender.foreign(rng, QUEUE)
    sender.foreign(rng, f"pfd.{QUEUE}")
    _lives(sender)


def test_of_a_flood_of_mutated_messages_none_ends_the_worker(sender: Sender) -> None:
    rng = random.Random(11)
    for _ in range(400):
        sender.foreign(rng, QUEUE if rng.random() < 0.8 else f"pfd.{QUEUE}")
    assert sender.site.run("noop").state is State.SUCCESS  # which no message has to wait for
    _lives(sender)


NOISE = {
    "nothing": b"",
    "a number": b"1",
    "a list": b"[1, 2, 3]",
    "null": b"null",
    "no text": b"\xff\xfe\x00\x80",
    "an endless number": b"9" * 10_000,
    "nested": b"[" * 100_000,
    "large": bytes(random.Random(3).randrange(256) for _ in range(1000)) * 5_000,
}


@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE)
def test_noise_in_the_place_of_a_message_is_let_go_of(sender: Sender, noise: bytes) -> None:
    sender.raw(noise)
    _lives(sender)


def test_messages_that_no_job_can_be_of_are_counted_and_doctor_shows_them(sender: Sender) -> None:
    site = sender.site
    if isinstance(sender, CeleryRabbit):  # whatever its body is, its headers say whose it is
        sender.publish(b"[[], {}, {}]", headers={"id": "x", "task": TASK}, content_type="application/json")
        reason = "its id is not a UUID in lower case"
    else:
        sender.raw(b"[1, 2, 3]")
        reason = "the message is not an object but of type list"

    def known() -> bool:
        with site.dispatcher.store.read() as connection:
            return any(one.reason == reason for one in refused.newest(connection))

    until(known, "it is counted")
    said = " ".join(site.pfd("doctor", expect=1).split())  # a task of the contract has no code here
    assert f"{site.settings.runtime} queue {QUEUE}" in said
    assert reason in said


def test_a_job_that_is_sent_to_a_queue_of_rings_is_one_of_the_queue_that_they_ring_for(sender: Sender) -> None:
    """The documents name those queues; a message that is taken for a ring is gone without a trace."""
    identities = [str(uuid.uuid4()) for _ in range(5)]
    for job_id in identities:
        sender.good(job_id, f"pfd.{QUEUE}")
    for job_id in identities:
        job = _ended(sender, job_id)
        assert (job.state, job.queue) == (State.SUCCESS, QUEUE)
        assert len(sender.site.sights(job, "begins")) == 1
    _lives(sender)


def test_no_ring_is_taken_for_a_message_of_a_client(sender: Sender) -> None:
    site = sender.site
    before = site.dispatcher.jobs(limit=1)[0].seq
    jobs = [site.submit("noop").wait() for _ in range(10)]
    assert {job.state for job in jobs} == {State.SUCCESS}
    _lives(sender)
    assert len([job for job in site.dispatcher.jobs(limit=50) if job.seq > before]) == 10 + 1
    assert "pfd_ring" not in site.pfd("doctor", expect=1)


def _failure(sender: Sender, job_id: str) -> str:
    job = _ended(sender, job_id)
    assert job.state is State.FAILURE
    assert job.failure is not None
    assert sender.site.sights(job) == []
    return job.failure.message


@ON_CELERY
@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"timelimit": [1]}, "timelimit=[1]"),
        ({"timelimit": ["soon", None]}, "timelimit[0]='soon'"),
        ({"eta": 7}, "eta=7"),
        ({"expires": 3600}, "expires: is not served"),
        ({"compression": "application/x-gzip"}, "compressed"),
    ],
)
def test_an_odd_header_is_a_failure_that_names_it(sender: Sender, headers: dict[str, Any], said: str) -> None:
    job_id = str(uuid.uuid4())
    if isinstance(sender, CeleryRedis):
        body = zlib.compress(to_bytes(BODY)) if "compression" in headers else None
        envelope = celery_envelope(TASK, job_id, QUEUE, body)
        sender.send({**envelope, "headers": {**envelope["headers"], **headers}})
    else:
        assert isinstance(sender, CeleryRabbit)
        properties = sender.properties(job_id)
        sender.publish(to_bytes(BODY), **{**properties, "headers": {**properties["headers"], **headers}})
    assert said in _failure(sender, job_id)
    _lives(sender)


def test_a_parameter_of_the_name_of_any_argument_is_no_more_than_unknown(sender: Sender) -> None:
    """It was taken for one of a function of PFD's own, and ended the thread that stores jobs."""
    job_id = str(uuid.uuid4())
    given = dict.fromkeys(("self", "args", "kwargs", "task", "params", "store", "options"), 1)
    if isinstance(sender, CeleryRedis):
        sender.send(celery_envelope(TASK, job_id, QUEUE, to_bytes([[], given, {}])))
    elif isinstance(sender, CeleryRabbit):
        sender.publish(to_bytes([[], given, {}]), **sender.properties(job_id))
    else:
        message = {**dramatiq_message(TASK, job_id, QUEUE), "args": [], "kwargs": given}
        sender.raw(to_bytes(message))
    assert "self: is not a parameter" in _failure(sender, job_id)
    _lives(sender)


def test_an_unknown_task_and_one_of_celerys_own_are_failures(sender: Sender) -> None:
    for task in ("nobody_knows_it", "celery.map", "celery.chord_unlock"):
        job_id = str(uuid.uuid4())
        if isinstance(sender, CeleryRedis):
            sender.send(celery_envelope(task, job_id, QUEUE))
        elif isinstance(sender, CeleryRabbit):
            sender.publish(to_bytes(BODY), **{**sender.properties(job_id), "headers": celery_headers(task, job_id)})
        else:
            sender.raw(to_bytes(dramatiq_message(task, job_id, QUEUE)))
        assert task in _failure(sender, job_id)


@ON_DRAMATIQ
@pytest.mark.parametrize(
    "changes",
    [{"queue_name": "elsewhere"}, {"queue_name": None}, {"options": {"redis_message_id": "another"}}],
    ids=["another queue", "no queue", "another id"],
)
def test_what_a_message_of_dramatiq_says_of_where_it_lies_is_not_believed(
    sender: Sender, changes: dict[str, Any]
) -> None:
    ids = [str(uuid.uuid4()) for _ in range(3)]  # more than Dramatiq has threads for it
    for job_id in ids:
        sender.raw(to_bytes({**dramatiq_message(TASK, job_id, QUEUE), **changes}))
    for job_id in ids:
        assert _ended(sender, job_id).state is State.SUCCESS
    _lives(sender)


@ON_DRAMATIQ
@pytest.mark.parametrize("option", ["pipe_target", "on_success", "max_retries", "max_age", "anything"])
def test_an_option_of_dramatiq_is_served_or_refused(sender: Sender, option: str) -> None:
    job_id = str(uuid.uuid4())
    message = dramatiq_message(TASK, job_id, QUEUE)
    sender.raw(to_bytes({**message, "options": {**message["options"], option: {"a": 1}}}))
    assert f"options.{option}: is not served" in _failure(sender, job_id)


@ON_DRAMATIQ
def test_a_delay_and_a_limit_of_dramatiq_are_those_of_the_job(sender: Sender) -> None:
    job_id = str(uuid.uuid4())
    eta = time.time() + 3600
    options = {"eta": int(eta * 1000), "time_limit": 7000}
    sender.raw(json.dumps({**dramatiq_message(TASK, job_id, QUEUE), "options": options}).encode())

    def stored() -> Job | None:
        with contextlib.suppress(UnknownJob):
            return sender.site.dispatcher.job(job_id)
        return None

    until(stored, "it is stored")
    job = sender.site.dispatcher.job(job_id)
    assert (job.state, job.options) == (State.PENDING, {"time_limit": 7.0})
    assert abs(job.due_at - eta) < 1
    assert sender.site.dispatcher.cancel(job_id).state is State.REVOKED


@ON_RABBIT
@pytest.mark.parametrize(
    "field",
    [
        b"T" + b"\x80" + bytes(7),
        b"D\xff" + b"\xff" * 4,
        b"x" + bytes([0, 0, 0, 2]) + b"\xff\xfe",
        b"S\0\0\0\1\xff",
        b"V",
    ],
    ids=["a time beyond all calendars", "a decimal", "bytes", "no text", "void"],
)
def test_a_header_that_a_library_cannot_read_is_no_end_of_the_line(sender: Sender, field: bytes) -> None:
    assert isinstance(sender, Rabbit)
    sender.publish_field(field)
    _lives(sender)


@ON_RABBIT
def test_a_routing_key_that_is_no_text_is_no_end_of_the_line(sender: Sender) -> None:
    assert isinstance(sender, Rabbit)
    sender.publish_by_key(b"\xff\xfe")
    _lives(sender)


@pytest.mark.parametrize("sender", ["celery-redis-postgres"], indirect=True)
def test_what_is_no_message_among_the_unacknowledged_keeps_no_worker_from_starting(sender: Sender) -> None:
    with redis.Redis.from_url(sender.site.settings.broker_url) as client:
        client.hset("unacked", "odd", "no message")
        client.zadd("unacked_index", {"odd": 0})
        with sender.site.worker() as another:
            until(lambda: not client.hexists("unacked", "odd"), "it is let go of")
            assert sender.site.is_ready(another), another.printed
    assert _runs(sender)
