"""What a client sees: handles, waiting, failures, trying again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.tests.support.stores import make_settings
from core.tests.support.waiting import until
from pfd import (
    Dispatcher,
    JobCancelled,
    JobError,
    ParameterError,
    PfdError,
    Settings,
    SettingsError,
    State,
    UnknownJob,
    Worker,
    reading,
    writing,
)
from pfd.client.dispatcher import default_dispatcher, forget_default, process_client_id
from pfd.plugins import Registry


@pytest.fixture
def dispatcher(sqlite_settings: Settings, registry: Registry) -> Iterator[Dispatcher]:
    """A dispatcher without a worker: what it stores stays PENDING."""
    with Dispatcher(sqlite_settings, registry=registry) as found:
        yield found


def test_waiting_for_a_job_that_has_not_ended_times_out_and_leaves_it(dispatcher: Dispatcher) -> None:
    handle = dispatcher.submit("add", {"a": 1})
    for wait in (handle.get, handle.wait, lambda timeout: list(handle.events(timeout))):
        with pytest.raises(TimeoutError, match=f"job {handle.id} is PENDING after 0.05 s; it goes on"):
            wait(0.05)
    with pytest.raises(TimeoutError):
        handle.get(0)
    assert handle.state is State.PENDING
    assert not handle.ready()
    assert not handle.successful()


def test_a_job_that_has_not_ended_cannot_be_tried_again(dispatcher: Dispatcher) -> None:
    handle = dispatcher.submit("add", {"a": 1})
    with pytest.raises(JobError, match="is PENDING"):
        dispatcher.retry(handle.id)
    handle.revoke()
    again = dispatcher.retry(handle.id[:8])
    assert again.job.retry_of == handle.id
    assert again.job.params == {"a": 1, "b": 1}


def test_a_handle_is_made_from_a_prefix_and_from_the_last(dispatcher: Dispatcher) -> None:
    first = dispatcher.submit("add", {"a": 1})
    last = dispatcher.submit("add", {"a": 1})
    assert dispatcher.handle(first.id[:13]).id == first.id
    assert dispatcher.job("@last").id == last.id
    with pytest.raises(UnknownJob):
        dispatcher.handle("ffffffff-0000")


def test_a_cancelled_job_raises_what_says_so(dispatcher: Dispatcher) -> None:
    handle = dispatcher.submit("add", {"a": 1})
    handle.revoke()
    with pytest.raises(JobCancelled) as caught:
        handle.get()
    assert caught.value.job_id == handle.id
    assert isinstance(caught.value, PfdError)


def test_a_handle_shows_itself_in_one_line(dispatcher: Dispatcher) -> None:
    handle = dispatcher.submit("add", {"a": 1})
    assert repr(handle) == f"<JobHandle add {handle.id} PENDING 0%>"


def test_jobs_are_filtered_by_words_as_well_as_states(dispatcher: Dispatcher) -> None:
    one = dispatcher.submit("add", {"a": 1})
    two = dispatcher.submit("add", {"a": 1})
    two.revoke()
    assert [job.id for job in dispatcher.jobs(state="PENDING")] == [one.id]
    assert [job.id for job in dispatcher.jobs(state=["PENDING", State.REVOKED])] == [two.id, one.id]
    assert dispatcher.counts() == {("default", State.PENDING): 1, ("default", State.REVOKED): 1}
    with pytest.raises(ParameterError, match="DONE"):
        dispatcher.jobs(state="DONE")


def test_a_result_can_be_waited_for_under_a_running_event_loop(dispatcher: Dispatcher, registry: Registry) -> None:
    async def main() -> dict[str, object]:
        handle = dispatcher.submit("add", {"a": 1})
        in_this_thread = handle.get(60)
        in_another = await asyncio.to_thread(handle.get, 60)
        assert in_this_thread == in_another
        return in_this_thread

    with Worker(dispatcher.settings, registry=registry):
        assert asyncio.run(main()) == {"value": 2}


def test_many_threads_may_share_a_dispatcher(dispatcher: Dispatcher, registry: Registry) -> None:
    results: list[int] = []

    def work(number: int) -> None:
        results.append(dispatcher.submit("add", {"a": number, "b": 0}).get(60)["value"])

    with Worker(dispatcher.settings, slots=2, registry=registry):
        threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(results) == list(range(12))


def test_events_show_each_change_once_and_end_with_the_end(dispatcher: Dispatcher, registry: Registry) -> None:
    handle = dispatcher.submit("nap_inline", {"seconds": 0.5, "steps": 5})
    with Worker(dispatcher.settings, registry=registry):
        seen = list(handle.events(60))
    assert seen[-1].state is State.SUCCESS
    shown = [(job.state, job.progress) for job in seen]
    assert len(set(shown)) == len(shown)
    assert [progress for _, progress in shown] == sorted(progress for _, progress in shown)


def test_a_dispatcher_that_was_closed_opens_again_when_used(dispatcher: Dispatcher) -> None:
    handle = dispatcher.submit("add", {"a": 1})
    dispatcher.close()
    dispatcher.close()
    assert handle.state is State.PENDING


def test_an_eager_job_in_a_home_of_another_store_is_refused(tmp_path: Path, registry: Registry) -> None:
    with Worker(make_settings(tmp_path / "home"), registry=registry):
        pass
    other = make_settings(tmp_path / "home", f"sqlite:///{tmp_path}/other.sqlite3", runtime="eager")
    with Dispatcher(other, registry=registry) as dispatcher, pytest.raises(SettingsError, match="does not belong"):
        dispatcher.submit("add", {"a": 1})


def test_a_runtime_that_is_not_installed_is_named_with_those_that_are(tmp_path: Path, registry: Registry) -> None:
    with Dispatcher(make_settings(tmp_path / "home", runtime="telepathy"), registry=registry) as dispatcher:
        with pytest.raises(SettingsError, match=r"'telepathy' is not installed; there are: .*eager.*local"):
            dispatcher.submit("add", {"a": 1})
        assert dispatcher.jobs() == []


def test_a_bell_that_is_out_of_order_delays_a_job_and_loses_nothing(
    dispatcher: Dispatcher, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Worker(dispatcher.settings, registry=registry):
        (tmp_path / "file").touch()
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "file")[:60])
        assert dispatcher.submit("add", {"a": 1}).get(60) == {"value": 2}


def test_the_default_dispatcher_is_one_for_each_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = default_dispatcher()
    assert default_dispatcher() is first
    monkeypatch.setenv("PFD_HOME", str(tmp_path / "other"))
    assert default_dispatcher() is not first
    forget_default()
    assert default_dispatcher() is not first


def test_the_session_of_a_process_stays_the_same() -> None:
    assert process_client_id() == process_client_id()


def test_reading_sees_what_is_stored(dispatcher: Dispatcher) -> None:
    from sqlalchemy import text

    dispatcher.submit("add", {"a": 1})
    with reading(dispatcher.settings) as session:
        assert session.execute(text("SELECT count(*) FROM pfd_job")).scalar_one() == 1


def test_writing_keeps_a_block_that_ends_well_and_nothing_of_one_that_does_not(dispatcher: Dispatcher) -> None:
    from sqlalchemy import text

    dispatcher.submit("add", {"a": 1})
    with writing(dispatcher.settings) as session:
        session.execute(text("UPDATE pfd_job SET priority = 7"))

    def interrupted() -> None:
        with writing(dispatcher.settings) as session:
            session.execute(text("UPDATE pfd_job SET priority = 1"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with reading(dispatcher.settings) as session:
        assert session.execute(text("SELECT priority FROM pfd_job")).scalar_one() == 7


def test_a_worker_is_listed_with_what_it_runs(dispatcher: Dispatcher, registry: Registry, tmp_path: Path) -> None:
    with Worker(dispatcher.settings, slots={"default": 2}, registry=registry) as worker:
        handle = dispatcher.submit("nap_inline", {"seconds": 0.5, "witness": str(tmp_path / "witness")})
        until((tmp_path / "witness").exists, "the job has begun")
        [info] = dispatcher.workers()
        assert worker.engine is not None
        assert (info.id, info.slots, info.runtime) == (worker.engine.id, {"default": 2}, "local")
        assert [job.id for job in dispatcher.running(info.id)] == [handle.id]
