"""A client that was written for plain Celery, and knows the broker only, gets tracked jobs."""

from __future__ import annotations

import contextlib
import gc
import itertools
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import sqlalchemy as sa
from celery import Celery, chain, chord, group
from celery.exceptions import Retry, TaskRevokedError
from sqlalchemy.engine import Connection

from pfd import Job, State, UnknownJob
from pfd.store import result_outbox
from pfd.store.schema import jobs
from pfd.vitals import Alarm
from pfd_contract import PATIENCE, MakeSite, Site, until
from pfd_runtime_celery.app import make_app
from pfd_runtime_celery.mirror import INTERVAL, Mirror

# Celery and kombu, on the side of the client, drop connections unclosed where an answer comes late.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def client(celery_crew: Site) -> Iterator[Celery]:
    """An application that imports nothing of PFD's."""
    url = celery_crew.settings.broker_url
    with Celery(broker=url, backend=url, set_as_current=False) as app:
        yield app
    del app
    with warnings.catch_warnings():  # what it drops unclosed is dropped here, and is no other test's to answer for
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def _stored(site: Site, job_id: str) -> Job:
    def look() -> Job | None:
        with contextlib.suppress(UnknownJob):
            return site.dispatcher.job(job_id)
        return None

    return until(look, "the job is stored")  # type: ignore[return-value]


def test_a_message_becomes_a_job_under_its_own_id(celery_crew: Site, client: Celery) -> None:
    result = client.send_task("contract_noop", args=[{}])
    got = result.get(timeout=PATIENCE)
    job = celery_crew.dispatcher.job(result.id)
    assert job.state is State.SUCCESS
    assert got == job.result
    assert result.state == "SUCCESS"
    assert [sight.what for sight in celery_crew.sights(job)] == ["begins", "ends"]


def test_a_message_to_the_queue_that_carries_rings_becomes_a_job_of_the_queue_beside_it(
    celery_crew: Site, client: Celery
) -> None:
    result = client.send_task("contract_nap", args=[{"seconds": 0.1}], queue="pfd.default")
    result.get(timeout=PATIENCE)
    assert celery_crew.dispatcher.job(result.id).queue == "default"
    odd = client.send_task("contract_nap", args=[{"seconds": "long"}], queue="pfd.default", compression="gzip")
    with pytest.raises(Exception, match="compressed"):
        odd.get(timeout=PATIENCE)


def test_a_ring_of_an_earlier_version_runs_no_job_that_has_been_removed(celery_crew: Site, client: Celery) -> None:
    """It has no mark, and is all that a message of a client can be that asks for nothing in particular."""
    wakeup = client.send_task("contract_noop", queue="pfd.default", ignore_result=True)
    later = client.send_task("contract_noop", args=[{}], queue="pfd.default")
    later.get(timeout=PATIENCE)
    with pytest.raises(UnknownJob):
        celery_crew.dispatcher.job(wakeup.id)
    clean = client.send_task("celery.backend_cleanup", queue="pfd.default")
    assert celery_crew.run("noop").state is State.SUCCESS
    with pytest.raises(UnknownJob):
        celery_crew.dispatcher.job(clean.id)


@pytest.mark.parametrize(
    ("args", "kwargs"), [([{"seconds": 0.1}], {}), ([], {"seconds": 0.1})], ids=["a mapping", "by name"]
)
def test_parameters_come_as_they_do_for_delay(
    celery_crew: Site, client: Celery, args: list[Any], kwargs: dict[str, Any]
) -> None:
    result = client.send_task("contract_nap", args=args, kwargs=kwargs)
    result.get(timeout=PATIENCE)
    assert celery_crew.dispatcher.job(result.id).params["seconds"] == 0.1


def test_progress_is_seen_in_celerys_words(celery_crew: Site, client: Celery) -> None:
    result = client.send_task("contract_zigzag", args=[{"size": 100}])
    seen: list[dict[str, Any]] = []
    deadline = time.monotonic() + PATIENCE
    while (meta := client.backend.get_task_meta(result.id))["status"] != "SUCCESS":  # state and info in one look
        assert time.monotonic() < deadline
        if meta["status"] == "PROGRESS" and meta["result"] not in seen:
            seen.append(meta["result"])
    assert seen
    assert all({"progress", "status"} <= set(info) for info in seen)
    assert [info["progress"] for info in seen] == sorted(info["progress"] for info in seen)
    assert result.successful()


def test_what_an_async_result_holds_is_what_a_handle_says(celery_crew: Site, client: Celery) -> None:
    def told(result: Any, state: State) -> Any:
        until(lambda: result.state == state, f"the client is told of {state}")
        assert celery_crew.dispatcher.handle(result.id).state is state
        return result.info

    waiting = client.send_task("contract_noop", args=[{}], countdown=3600)
    assert _stored(celery_crew, waiting.id).state is State.PENDING
    assert (waiting.state, waiting.info) == ("PENDING", None)  # of a job that waits nothing is told
    celery_crew.dispatcher.cancel(waiting.id)
    silent = client.send_task("contract_nap", args=[{"gate": "told silent"}])
    assert told(silent, State.STARTED) == celery_crew.dispatcher.handle(silent.id).info
    celery_crew.open_gate("told silent")
    done, failed, again = (
        client.send_task("contract_tell", args=[{"gate": "told", "error": error}])
        for error in ("", "ValueError", "ConnectionError")
    )
    for result in (done, failed, again):
        info = celery_crew.dispatcher.handle(result.id).info if told(result, State.PROGRESS) else None
        assert told(result, State.PROGRESS) == info == {"progress": 0.25, "status": "one of four", "epoch": 1}
    celery_crew.open_gate("told")
    # At its end it is the result, or the error: what a handle has in `result`.
    assert told(done, State.SUCCESS) == done.result == celery_crew.dispatcher.handle(done.id).result
    assert str(told(failed, State.FAILURE)) == str(celery_crew.dispatcher.handle(failed.id).result)
    assert isinstance(told(again, State.RETRY), Retry)
    celery_crew.dispatcher.cancel(again.id)
    assert isinstance(told(again, State.REVOKED), TaskRevokedError)


def test_a_client_is_told_of_what_else_a_task_reports(celery_crew: Site, client: Celery) -> None:
    result = client.send_task("contract_tell", args=[{"gate": "told more"}])
    until(lambda: result.state == "PROGRESS", "the client is told")
    meta = sa.update(jobs).where(jobs.c.id == result.id).values(meta='{"epoch":2}')
    with celery_crew.dispatcher.store.write() as connection:
        connection.execute(meta)
    until(lambda: result.info.get("epoch") == 2, "the client is told more")
    celery_crew.open_gate("told more")


def test_a_job_that_was_not_sent_by_celery_is_told_of_nowhere_but_in_the_store(
    celery_crew: Site, client: Celery
) -> None:
    handle = celery_crew.submit("noop")
    handle.get(PATIENCE)
    time.sleep(1.0)  # four looks of the mirror
    result = client.AsyncResult(handle.id)
    assert (result.state, result.info) == ("PENDING", None)


def test_an_invalid_request_is_a_failure_that_names_the_field(celery_crew: Site, client: Celery) -> None:
    result = client.send_task("contract_nap", args=[{"seconds": "long", "bogus": 1}])
    with pytest.raises(Exception, match="seconds"):
        result.get(timeout=PATIENCE)
    assert result.state == "FAILURE"
    job = celery_crew.dispatcher.job(result.id)
    assert job.state is State.FAILURE
    assert job.failure is not None
    assert job.failure.type == "ParameterError"
    assert "bogus" in job.failure.message
    assert celery_crew.sights(job) == []


def test_a_failure_comes_with_its_type_and_traceback(celery_crew: Site, client: Celery) -> None:
    result = client.send_task("contract_fail", args=[{}])
    with pytest.raises(Exception, match="ValueError: this value is wrong: 7"):
        result.get(timeout=PATIENCE)
    assert "in fail" in result.traceback


def test_celerys_revoke_cancels_the_job(celery_crew: Site, client: Celery) -> None:
    result = client.send_task("contract_polite", args=[{"seconds": 300}])
    celery_crew.await_sight(result.id, "begins")
    result.revoke()
    with pytest.raises(TaskRevokedError):
        result.get(timeout=PATIENCE)
    assert celery_crew.dispatcher.job(result.id).state is State.REVOKED
    assert celery_crew.sights(result.id, "stops")[0].detail == "cancel"


def test_options_of_a_message_are_those_of_the_job(celery_crew: Site, client: Celery) -> None:
    result = client.send_task(
        "contract_noop", args=[{}], countdown=3600, time_limit=7, soft_time_limit=5, queue="default", priority=4
    )
    job = _stored(celery_crew, result.id)
    assert job.state is State.PENDING
    assert 3500 < job.due_at - time.time() < 3700
    assert (job.options, job.priority, job.queue) == ({"time_limit": 7.0, "soft_time_limit": 5.0}, 4, "default")
    assert celery_crew.dispatcher.cancel(result.id).state is State.REVOKED
    with pytest.raises(TaskRevokedError):
        result.get(timeout=PATIENCE)


def test_a_message_that_is_delivered_twice_is_one_job(celery_crew: Site, client: Celery) -> None:
    identity = str(uuid.uuid4())
    for _ in range(3):
        client.send_task("contract_noop", args=[{}], task_id=identity)
    last = client.send_task("contract_noop", args=[{}])
    last.get(timeout=PATIENCE)
    client.AsyncResult(identity).get(timeout=PATIENCE)
    assert len(celery_crew.sights(identity, "begins")) == 1
    assert len(celery_crew.dispatcher.claims(identity)) == 1


@pytest.mark.parametrize("identity", ["../../elsewhere", "x" * 300, "1234"])
def test_an_id_that_is_no_uuid_is_not_let_in(celery_crew: Site, client: Celery, identity: str) -> None:
    client.send_task("contract_noop", args=[{}], task_id=identity)
    client.send_task("contract_noop", args=[{}]).get(timeout=PATIENCE)
    assert identity not in [job.id for job in celery_crew.dispatcher.jobs(limit=200)]


def test_nothing_is_unpickled(celery_crew: Site, client: Celery) -> None:
    result = client.send_task("contract_noop", args=[{}], serializer="pickle")
    with pytest.raises(Exception, match="ContentDisallowed"):
        result.get(timeout=PATIENCE)
    assert celery_crew.sights(result.id) == []
    client.send_task("contract_noop", args=[{}]).get(timeout=PATIENCE)  # and the worker lives on


def test_a_client_that_wants_no_result_is_told_nothing(celery_crew: Site, client: Celery) -> None:
    result = client.send_task("contract_noop", args=[{}], ignore_result=True)
    until(lambda: _stored(celery_crew, result.id).state is State.SUCCESS, "it has ended")
    time.sleep(1.0)  # four looks of the mirror
    assert client.backend.get(client.backend.get_key_for_task(result.id)) is None


def test_requests_are_stored_while_all_slots_are_busy(celery_crew: Site, client: Celery) -> None:
    busy = [celery_crew.submit("nap", {"gate": "room"}) for _ in range(3)]
    for handle in busy:
        celery_crew.await_sight(handle, "begins")
    results = [client.send_task("contract_noop", args=[{}]) for _ in range(50)]
    assert {_stored(celery_crew, result.id).state for result in results} == {State.PENDING}
    celery_crew.open_gate("room")
    for result in results:
        result.get(timeout=PATIENCE)


def test_the_store_is_asked_often_only_while_a_client_is_to_be_told(
    celery_sites: MakeSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = celery_sites(tmp_path, sweep=30.0)
    handle, looks, any_waiting = site.submit("noop"), itertools.count(), result_outbox.any_waiting

    def counted(connection: Connection) -> bool:
        next(looks)
        return any_waiting(connection)

    monkeypatch.setattr(result_outbox, "any_waiting", counted)
    mirror = Mirror(make_app(site.settings, site.dispatcher.plugins), site.dispatcher.store, Alarm())
    mirror.start()
    time.sleep(8 * INTERVAL)
    assert next(looks) == 1  # at first, and then not before the next sweep
    with site.dispatcher.store.write() as connection:
        result_outbox.watch(connection, handle.job.seq, {})
    mirror.wake()
    time.sleep(8 * INTERVAL)
    assert next(looks) > 4
    mirror.stop()
    site.close()


def _noop(client: Celery) -> Any:
    return client.signature("contract_noop", args=[{}], immutable=True)


@pytest.mark.parametrize(
    ("name", "ask"),
    [
        ("chain", lambda client: chain(_noop(client), _noop(client), app=client).apply_async()),
        ("link", lambda client: _noop(client).apply_async(link=_noop(client))),
        ("link_error", lambda client: _noop(client).apply_async(link_error=_noop(client))),
        ("chord", lambda client: chord([_noop(client), _noop(client)], _noop(client), app=client).apply_async()),
        ("expires", lambda client: _noop(client).apply_async(expires=3600)),
    ],
)
def test_what_is_not_served_is_a_failure_that_says_so_and_nothing_runs(
    celery_crew: Site, client: Celery, name: str, ask: Callable[[Celery], Any]
) -> None:
    before = celery_crew.dispatcher.counts()
    result = ask(client)
    with pytest.raises(Exception, match=f"{name}: is not served"):
        result.get(timeout=PATIENCE)  # of a chain or chord it is the last one's, whose client hears of it as well
    after = celery_crew.dispatcher.counts()
    assert after["default", State.FAILURE] > before.get(("default", State.FAILURE), 0)
    assert after.get(("default", State.SUCCESS), 0) == before.get(("default", State.SUCCESS), 0)


def test_a_group_is_a_job_for_each_of_its_members(celery_crew: Site, client: Celery) -> None:
    result = group([_noop(client) for _ in range(3)], app=client).apply_async()
    got = result.get(timeout=PATIENCE)
    assert got == [celery_crew.dispatcher.job(one.id).result for one in result.results]


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("add_consumer", {"queue": "elsewhere"}),
        ("rate_limit", {"task_name": "contract_noop", "rate_limit": "1/h"}),
        ("memdump", {"samples": 10**9}),
        ("pool_grow", {"n": 1000}),
        ("time_limit", {"task_name": "contract_noop", "hard": 1}),
        ("pool_restart", {}),
    ],
)
def test_a_command_that_changes_a_worker_is_refused(
    celery_crew: Site, client: Celery, command: str, arguments: dict[str, Any]
) -> None:
    until(lambda: client.control.ping(timeout=1), "it listens for commands")
    [answer] = client.control.broadcast(command, arguments=arguments, reply=True, timeout=5, limit=1)
    [said] = answer.values()
    assert said == {"error": f"{command}: is not served by a worker of PFD"}
    client.send_task("contract_noop", args=[{}]).get(timeout=PATIENCE)


def test_a_command_with_odd_arguments_ends_nothing(celery_crew: Site, client: Celery) -> None:
    odd: list[dict[str, Any]] = [{"task_id": 7}, {"task_id": [None, "x", {}]}, {"self": 1}, {"state": 1}, {}]
    for arguments in odd:
        client.control.broadcast("revoke", arguments=arguments)
    client.control.broadcast("nobody_knows_it")
    client.send_task("contract_noop", args=[{}]).get(timeout=PATIENCE)
    celery_crew.is_ready(celery_crew.programs[0])


def test_celerys_clean_up_is_done_and_no_job(celery_crew: Site, client: Celery) -> None:
    known = {job.id for job in celery_crew.dispatcher.jobs(limit=500)}
    sent = client.send_task("celery.backend_cleanup", queue="default")
    client.send_task("contract_noop", args=[{}]).get(timeout=PATIENCE)
    assert sent.id not in {job.id for job in celery_crew.dispatcher.jobs(limit=500)} - known


def test_a_small_message_that_stands_for_gigabytes_is_not_unpacked(celery_crew: Site, client: Celery) -> None:
    [program] = celery_crew.programs
    before = psutil.Process(program.owner).memory_info().rss
    result = client.send_task("contract_noop", args=[{"text": "x" * 200_000_000}], compression="zlib")
    with pytest.raises(Exception, match="compressed"):
        result.get(timeout=PATIENCE)
    assert psutil.Process(program.owner).memory_info().rss - before < 100_000_000
