"""A handle in the words of Celery's `AsyncResult`."""

from __future__ import annotations

import inspect
import itertools
import re
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from celery.result import AsyncResult
from sqlalchemy.engine import Connection

from core.tests.support.stores import make_settings
from core.tests.support.waiting import until
from pfd import (
    Dispatcher,
    Handle,
    JobCancelled,
    JobError,
    JobFailed,
    JobHandle,
    ParameterError,
    Settings,
    State,
    UnknownJob,
    Worker,
)
from pfd.client.celery_words import NOT_SERVED, OF_GET, OF_REVOKE
from pfd.plugins import Registry
from pfd.store import changes


def words_of(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


def test_each_word_of_celery_is_served_or_says_why_it_is_not(dispatcher: Dispatcher) -> None:
    handle: Any = dispatcher.submit("add", {"a": 1})
    served = words_of(JobHandle) | set(vars(handle))
    assert served & set(NOT_SERVED) == set()
    assert words_of(AsyncResult) - served == set(NOT_SERVED)
    for name, reason in NOT_SERVED.items():
        with pytest.raises(AttributeError, match=re.escape(f"has no {name!r}: {reason}")):
            getattr(handle, name)
    with pytest.raises(AttributeError, match=r"has no 'nonsense'$"):
        handle.nonsense  # noqa: B018
    assert not hasattr(handle, "then")


@pytest.mark.parametrize(("method", "refused"), [("get", OF_GET), ("revoke", OF_REVOKE)])
def test_each_option_of_celery_is_served_or_refused_and_none_is_dropped(
    dispatcher: Dispatcher, method: str, refused: dict[str, str]
) -> None:
    ask: Any = getattr(dispatcher.submit("add", {"a": 1}), method)
    theirs = set(inspect.signature(getattr(AsyncResult, method)).parameters) - {"self"}
    mine = {name for name, one in inspect.signature(ask).parameters.items() if one.kind is not one.VAR_KEYWORD}
    assert theirs - mine == set(refused)
    for name, reason in refused.items():
        with pytest.raises(ParameterError, match=re.escape(f"{method}() does not serve {name}: {reason}")):
            ask(**{name: True})
    with pytest.raises(ParameterError, match="does not serve nonsense: there is no such option"):
        ask(nonsense=1)
    assert dispatcher.job("@last").state is State.PENDING


def test_a_job_that_has_succeeded_says_so_in_each_word(
    dispatcher: Dispatcher, served: Settings, registry: Registry
) -> None:
    handle = dispatcher.submit("add", {"a": 1}, queue="other")
    with Worker(served, slots={"other": 1}, registry=registry) as worker:
        assert handle.get(60, interval=0.01) == {"value": 2}
        assert worker.engine is not None
        assert handle.worker in {info.name for info in dispatcher.workers()}
    assert handle.result == handle.maybe_throw() == handle.maybe_reraise() == {"value": 2}
    assert (handle.state, handle.status) == (State.SUCCESS, "SUCCESS")
    assert (handle.ready(), handle.successful(), handle.failed()) == (True, True, False)
    assert (handle.traceback, handle.retries, handle.queue) == (None, 0, "other")
    assert (handle.name, handle.args, handle.kwargs) == ("add", (), {"a": 1, "b": 1})
    assert handle.task_id == handle.id == str(handle)
    assert handle.date_done is not None
    assert abs(handle.date_done - datetime.now(UTC)) < timedelta(minutes=5)
    assert handle.info == {"progress": 1.0, "status": ""}
    assert (handle.parent, handle.children) == (None, [])
    assert handle == dispatcher.handle(handle.id[:13])
    assert len({handle, dispatcher.handle(handle.id)}) == 1
    assert handle != handle.id


def test_a_job_that_failed_has_its_error_as_its_result_and_raises_it_where_asked_to(
    dispatcher: Dispatcher, served: Settings, registry: Registry
) -> None:
    handle = dispatcher.submit("fail", {"kind": "connection"})
    with Worker(served, registry=registry):
        error = handle.get(60, propagate=False)
    assert isinstance(error, JobFailed)
    assert isinstance(handle.result, JobFailed)
    assert (error.type, str(error)) == (handle.result.type, str(handle.result))
    assert (handle.failed(), handle.successful(), handle.ready()) == (True, False, True)
    assert handle.traceback is not None
    assert "in fail" in handle.traceback
    assert handle.retries == 2
    for ask in (handle.get, handle.maybe_throw):
        with pytest.raises(JobFailed):
            ask()
    assert isinstance(handle.maybe_throw(propagate=False), JobFailed)


def test_a_cancelled_job_has_what_says_so_as_its_result(dispatcher: Dispatcher) -> None:
    handle = dispatcher.submit("add", {"a": 1})
    assert handle.result == handle.info == {"progress": 0.0, "status": ""}
    assert (handle.date_done, handle.worker, handle.traceback) == (None, None, None)
    assert handle.revoke(terminate=True, wait=True, timeout=10).state is State.REVOKED
    assert isinstance(handle.result, JobCancelled)
    assert not handle.failed()
    assert handle.traceback is None


def test_a_running_job_is_cancelled_and_waited_for_where_that_is_asked(
    dispatcher: Dispatcher, served: Settings, registry: Registry, tmp_path: Path
) -> None:
    with Worker(served, registry=registry):
        handle = dispatcher.submit("nap", {"seconds": 60, "witness": str(tmp_path / "witness")})
        until((tmp_path / "witness").exists, "the job has begun")
        assert handle.result["progress"] < 1
        assert handle.revoke(wait=True, timeout=60).state is State.REVOKED


def test_a_cancel_that_would_leave_a_running_job_alone_is_refused(dispatcher: Dispatcher) -> None:
    handle = dispatcher.submit("add", {"a": 1})
    with pytest.raises(ParameterError, match="terminate=False is not served"):
        handle.revoke(terminate=False)
    with pytest.raises(ParameterError, match="without wait=True"):
        handle.revoke(timeout=5)
    odd: list[Any] = [0, -1.0, "often", float("inf")]
    for bad in odd:
        with pytest.raises(ParameterError, match="interval="):
            handle.get(interval=bad)
    assert handle.state is State.PENDING


def test_an_ended_job_is_forgotten_with_its_files(dispatcher: Dispatcher, served: Settings, registry: Registry) -> None:
    with Worker(served, registry=registry):
        handle = dispatcher.submit("write_artifact")
        handle.get(60)
    [path] = handle.artifacts.values()
    assert path.exists()
    handle.forget()
    assert not handle.exists()
    assert not (served.home / "artifacts" / handle.id).exists()
    assert not (served.home / "logs" / handle.id).exists()
    with pytest.raises(UnknownJob):
        handle.forget()


def test_a_job_that_is_live_or_needed_is_not_forgotten(dispatcher: Dispatcher) -> None:
    first = dispatcher.submit("add", {"a": 1})
    with pytest.raises(JobError, match=f"job {first.id} is PENDING"):
        first.forget()
    second = dispatcher.submit("add", {"a": 1}, after=[first])
    with dispatcher.store.write() as connection:
        connection.exec_driver_sql("UPDATE pfd_job SET state = 'SUCCESS', ended_at = 1.0 WHERE seq = 1")
    with pytest.raises(JobError, match="is kept: live jobs wait for them"):
        first.forget()
    assert first.exists()
    second.revoke()
    first.forget()
    assert not first.exists()


def test_a_job_knows_its_children_and_they_their_parent(
    dispatcher: Dispatcher, served: Settings, registry: Registry
) -> None:
    with Worker(served, slots=2, registry=registry):
        handle = dispatcher.submit("parent")
        handle.get(60)
        children = handle.children
        assert [child.wait(60).parent_id for child in children] == [handle.id] * 2
    assert [child.parent for child in children] == [handle] * 2
    assert [child.id for child in children] == [job.id for job in dispatcher.jobs(parent=handle.id)][::-1]


def test_a_handle_says_the_same_where_jobs_run_in_the_caller(tmp_path: Path, registry: Registry) -> None:
    with Dispatcher(make_settings(tmp_path / "home", runtime="eager"), registry=registry) as eager:
        done, failed = eager.submit("add", {"a": 1}), eager.submit("fail_inline")
        assert done.info == {"progress": 1.0, "status": ""}
        assert failed.info == {"progress": 0.0, "status": ""}
        assert isinstance(failed.result, JobFailed)


def test_looks_are_as_far_apart_as_asked_for(dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch) -> None:
    looks, snapshot = itertools.count(), changes.snapshot
    handle = dispatcher.submit("add", {"a": 1})

    def counted(connection: Connection, job_id: str) -> changes.Snapshot:
        next(looks)
        return snapshot(connection, job_id)

    monkeypatch.setattr(changes, "snapshot", counted)
    threading.Timer(1.0, handle.revoke).start()
    with pytest.raises(JobCancelled):
        handle.get(30, interval=0.4)
    assert next(looks) <= 4


def test_what_delay_is_annotated_with_has_all_that_a_handle_has() -> None:
    """Whoever checks types is told of nothing less by `task.delay()` than by a dispatcher."""
    offered = {name for name in vars(JobHandle) if not name.startswith("_")}
    assert offered == {name for name in vars(Handle) if not name.startswith("_")} - {"id"}
