"""Handles that are awaited in an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.tests.support.waiting import until
from pfd import Dispatcher, Job, JobCancelled, JobFailed, Settings, State, StoreUnavailable, UnknownJob, Worker
from pfd.client.waiting import POLL_MOST, SLOT_HELD
from pfd.context import running
from pfd.plugins import Registry
from pfd.store import Store, changes


@pytest.fixture
def dispatcher(settings: Settings, registry: Registry) -> Iterator[Dispatcher]:
    """A dispatcher on each kind of store, without a worker."""
    with Dispatcher(settings, registry=registry) as found:
        yield found


def test_a_handle_that_is_awaited_gives_its_result_or_raises(dispatcher: Dispatcher, registry: Registry) -> None:
    async def main() -> None:
        assert await dispatcher.submit("add", {"a": 1}) == {"value": 2}
        with pytest.raises(JobFailed, match="this value is wrong: 7"):
            await dispatcher.submit("fail_inline")
        (cancelled := dispatcher.submit("add", {"a": 1}, countdown=3600)).revoke()
        with pytest.raises(JobCancelled):
            await cancelled

    with Worker(dispatcher.settings, registry=registry):
        asyncio.run(main())


def test_each_change_is_iterated_over_once_until_the_end(dispatcher: Dispatcher, registry: Registry) -> None:
    async def main() -> list[Job]:
        return [job async for job in dispatcher.submit("nap_inline", {"seconds": 0.5, "steps": 5})]

    with Worker(dispatcher.settings, registry=registry):
        seen = asyncio.run(main())
    assert seen[-1].state is State.SUCCESS
    shown = [(job.state, job.progress) for job in seen]
    assert len(set(shown)) == len(shown) > 1
    assert [progress for _, progress in shown] == sorted(progress for _, progress in shown)


def test_the_event_loop_goes_on_and_a_hundred_handles_take_one_thread(
    dispatcher: Dispatcher, registry: Registry
) -> None:
    handles = [dispatcher.submit("add", {"a": number, "b": 0}) for number in range(100)]
    threads, longest = 0, 0.0

    async def watch_the_loop() -> None:
        nonlocal threads, longest
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.01)
            longest = max(longest, time.monotonic() - began)
            threads = max(threads, sum(one.name.startswith("asyncio_") for one in threading.enumerate()))

    async def main() -> list[dict[str, int]]:
        watcher = asyncio.create_task(watch_the_loop())
        waiting = asyncio.gather(*handles)
        await asyncio.sleep(0.5)  # all of them are queued
        with Worker(dispatcher.settings, registry=registry):
            results = await waiting
        watcher.cancel()
        return results

    assert [one["value"] for one in asyncio.run(main())] == list(range(100))
    assert threads <= 2  # an executor may take a thread that has just done its work for one that is at work still
    assert longest < 5  # a Worker is started and stopped on this loop


def test_what_awaits_is_cancelled_at_once_and_leaves_nothing_behind(dispatcher: Dispatcher) -> None:
    handle = dispatcher.submit("add", {"a": 1})

    async def main() -> None:
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await handle
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(handle, 0.3)

        async def follow() -> list[Job]:
            return [job async for job in handle]

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(follow(), 0.3)
        task = asyncio.ensure_future(handle)
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.monotonic() - began < 5
        await asyncio.sleep(2 * POLL_MOST)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    assert handle.state is State.PENDING


def test_several_loops_and_one_after_the_other_may_await_the_same_job(
    dispatcher: Dispatcher, registry: Registry
) -> None:
    handle, found = dispatcher.submit("add", {"a": 1}), []

    async def main() -> None:
        found.append(await handle)

    threads = [threading.Thread(target=asyncio.run, args=(main(),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    with Worker(dispatcher.settings, registry=registry):
        for thread in threads:
            thread.join(60)
    asyncio.run(main())
    assert found == [{"value": 2}] * 4


def test_a_job_that_is_gone_is_told_of_and_others_are_awaited_on(dispatcher: Dispatcher) -> None:
    gone, other = dispatcher.submit("add", {"a": 1}), dispatcher.submit("add", {"a": 2})

    async def main() -> None:
        waiting = asyncio.ensure_future(other)
        awaited = asyncio.ensure_future(gone)
        await asyncio.sleep(0.1)
        with dispatcher.store.write() as connection:
            connection.exec_driver_sql(f"DELETE FROM pfd_job WHERE id = '{gone.id}'")
        with pytest.raises(UnknownJob, match="any more"):
            await awaited
        other.revoke()
        with pytest.raises(JobCancelled):
            await waiting

    asyncio.run(main())


def test_a_store_that_is_away_is_waited_for(
    dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    handle = dispatcher.submit("add", {"a": 1})
    handle.revoke()
    away = True
    read = Store.read

    @contextlib.contextmanager
    def reading(store: Store) -> Iterator[object]:
        if away:
            raise StoreUnavailable("it is away")
        with read(store) as connection:
            yield connection

    monkeypatch.setattr(Store, "read", reading)

    async def main() -> None:
        nonlocal away
        waiting = asyncio.ensure_future(handle)
        await asyncio.sleep(0.8)
        assert not waiting.done()
        away = False
        with pytest.raises(JobCancelled):
            await waiting

    with caplog.at_level(logging.WARNING, "pfd.client"):
        asyncio.run(main())
    said = [text for text in map(logging.LogRecord.getMessage, caplog.records) if "store" in text]
    assert len(said) == 2
    assert "waiting for the store: it is away" in said[0]
    assert "is back" in said[1]


def test_any_other_error_is_raised_by_who_awaits(dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch) -> None:
    handle = dispatcher.submit("add", {"a": 1})

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    async def main() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(changes, "snapshots", broken)
            for one in await asyncio.gather(handle._result(), handle._result(), return_exceptions=True):
                assert isinstance(one, ZeroDivisionError)
        handle.revoke()
        with pytest.raises(JobCancelled):
            await handle

    asyncio.run(main())


def test_the_job_of_a_worker_that_is_dead_is_taken_back_while_it_is_awaited(
    dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = dispatcher.submit("add", {"a": 1})
    with dispatcher.store.write() as connection:
        connection.exec_driver_sql("UPDATE pfd_job SET state = 'STARTED', owner = 'nobody'")
    taken: list[str] = []
    monkeypatch.setattr(dispatcher, "reclaim", lambda: taken.append("back"))

    async def main() -> None:
        waiting = asyncio.ensure_future(handle)
        await asyncio.to_thread(until, lambda: taken, "it is looked at")
        waiting.cancel()

    asyncio.run(main())


def test_a_task_that_awaits_what_may_need_its_slot_is_told_so(
    dispatcher: Dispatcher, caplog: pytest.LogCaptureFixture
) -> None:
    handle = dispatcher.submit("add", {"a": 1})

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(handle, SLOT_HELD + 1)

    inside: Any = SimpleNamespace(task="outer", is_coordinator=False)
    token = running.set(inside)
    try:
        with caplog.at_level(logging.WARNING, "pfd.client"):
            asyncio.run(main())
    finally:
        running.reset(token)
    told = [record.getMessage() for record in caplog.records if "in a slot" in record.getMessage()]
    assert len(told) == 1
    assert told[0].startswith(f"outer waits for job {handle.id}, which is queued")


def test_a_loop_that_ends_takes_what_looks_along(dispatcher: Dispatcher, tmp_path: Path) -> None:
    handle = dispatcher.submit("add", {"a": 1})

    async def main() -> None:
        asyncio.ensure_future(handle)  # noqa: RUF006  (left over on purpose)
        await asyncio.sleep(0.1)

    asyncio.run(main())
    assert not [one for one in threading.enumerate() if one.name.startswith("asyncio_")]
    asyncio.run(main())


def test_a_loop_for_each_job_leaves_nothing_of_itself_behind(dispatcher: Dispatcher) -> None:
    """A service that calls `asyncio.run` for each request has a new loop each time."""

    async def one() -> None:
        await dispatcher.submit("add", {"a": 1})

    with Worker(dispatcher.settings, registry=dispatcher.plugins):
        for _ in range(5):
            asyncio.run(one())
    gc.collect()
    assert len(dispatcher._awaiting) == 0
