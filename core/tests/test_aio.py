"""A dispatcher by coroutines: what a web service does with jobs, and that its loop goes on meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from core.tests.support.stores import as_environment
from core.tests.support.waiting import until
from pfd import (
    AsyncDispatcher,
    AsyncJobHandle,
    Dispatcher,
    JobCancelled,
    JobFailed,
    JobHandle,
    ParameterError,
    Settings,
    State,
    StoreError,
    StoreUnavailable,
    UnknownJob,
    Worker,
)
from pfd.client.aio.following import PAGE, POLL_BUSY, Following
from pfd.client.aio.loops import AT_ONCE
from pfd.client.waiting import POLL_MOST
from pfd.plugins import Registry
from pfd.store import Store, feed
from pfd.store.feed import Change

PATIENCE = 60.0


@pytest.fixture
def dispatcher(settings: Settings, registry: Registry) -> Iterator[Dispatcher]:
    """A dispatcher on each kind of store, without a worker."""
    with Dispatcher(settings, registry=registry, tells_unserved=False) as found:
        yield found


def run(main: Coroutine[Any, Any, None]) -> None:
    """In a loop that leaves neither a task nor a thread behind."""

    async def limited() -> None:
        async with asyncio.timeout(PATIENCE):
            await main

    asyncio.run(limited())
    assert not [one.name for one in threading.enumerate() if one.name.startswith("asyncio_")]


def public(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


def test_every_method_of_a_dispatcher_is_there_as_a_coroutine() -> None:
    others = {"plugins", "store", "awaiting", "take_back"}  # what blocks, or is of one loop
    assert public(AsyncDispatcher) - {"follow", "total"} == public(Dispatcher) - others
    for name in public(AsyncDispatcher) - {"follow", "tasks", "total"}:
        mine, theirs = getattr(AsyncDispatcher, name), getattr(Dispatcher, name)
        assert inspect.iscoroutinefunction(mine), name
        assert mine.__doc__, name
        assert list(inspect.signature(mine).parameters) == list(inspect.signature(theirs).parameters), name


def test_methods_of_a_subclass_are_those_that_are_called(settings: Settings, registry: Registry) -> None:
    class Named(Dispatcher):
        def claims(self, ref: str) -> Any:
            return [ref]

    async def main() -> None:
        async with AsyncDispatcher(Named(settings, registry=registry)) as pfd:
            assert [str(one) for one in await pfd.claims("its own")] == ["its own"]

    run(main())


def test_what_a_handle_tells_is_there_as_a_coroutine() -> None:
    of_the_row = {"args", "kwargs", "name", "queue", "retries", "status", "task_id"}  # of `await handle.job()`
    celery = {"get", "maybe_throw", "maybe_reraise", "show"}
    assert public(AsyncJobHandle) - {"page"} == public(JobHandle) - of_the_row - celery


def test_a_service_submits_waits_looks_and_cancels(dispatcher: Dispatcher, registry: Registry) -> None:
    async def main() -> None:
        async with AsyncDispatcher(dispatcher) as pfd:
            with Worker(dispatcher.settings, registry=registry):
                handle = await pfd.submit("add", {"a": 1}, tags=["web"])
                assert await handle.result() == await handle == {"value": 2}
                assert [job.state async for job in handle][-1] is State.SUCCESS
                assert (await handle.state(), await handle.ready(), await handle.successful()) == (
                    State.SUCCESS,
                    True,
                    True,
                )
                failing = await pfd.submit("fail_inline")
                with pytest.raises(JobFailed, match="this value is wrong: 7"):
                    await failing.result()
                assert (await failing.failed(), (await failing.wait()).state) == (True, State.FAILURE)
                after = await pfd.submit("add", {"a": 5}, after=[handle])
                assert await after.result(PATIENCE) == {"value": 6}
            page = await pfd.jobs(tags=["web"], limit=1)
            assert ([job.id for job in page], await pfd.total(page)) == ([handle.id], 1)
            assert (await pfd.job(handle.id)).result == {"value": 2}
            assert await pfd.handle(handle.id[:8]) == handle
            assert (await pfd.log(handle.id)).data == b""
            assert await pfd.series_names(handle.id) == ()
            assert await pfd.artifacts(handle.id) == await handle.artifacts() == {}
            assert (await pfd.blocks(handle.id))[0].block == "metrics"
            assert handle.id in (await handle.page()).html
            waiting = await pfd.submit("add", {"a": 1})
            assert (await pfd.cancel(waiting.id)).state is State.REVOKED
            with pytest.raises(JobCancelled):
                await waiting
            await waiting.forget()
            assert not await waiting.exists()
            with pytest.raises(UnknownJob):
                await waiting.result()
            with pytest.raises(ParameterError):
                await pfd.submit("add", {"a": "x"})

    run(main())


def test_a_wait_ends_with_its_time_and_a_cancel_is_waited_for(dispatcher: Dispatcher) -> None:
    async def main() -> None:
        async with AsyncDispatcher(dispatcher) as pfd:
            handle = await pfd.submit("add", {"a": 1})
            with pytest.raises(TimeoutError, match=r"has not ended after 0\.2 s; it goes on"):
                await handle.result(0.2)
            with pytest.raises(ParameterError, match="timeout='x'"):
                await handle.wait("x")  # type: ignore[arg-type]
            with pytest.raises(ParameterError, match="wait=True"):
                await handle.revoke(timeout=1)
            assert (await handle.revoke(wait=True, timeout=PATIENCE)).state is State.REVOKED
            assert repr(handle) == f"<AsyncJobHandle {handle}>"

    run(main())


# -- the loop -----------------------------------------------------------------------------------------------------


def test_no_call_asks_the_store_in_the_thread_of_the_loop(
    dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: Counter[int] = Counter()
    asking = Store._asked

    def noting(store: Store, access: Any) -> Any:
        asked[threading.get_ident()] += 1
        return asking(store, access)

    async def main() -> None:
        async with AsyncDispatcher(dispatcher) as pfd:
            handles = [await pfd.submit("add", {"a": number}) for number in range(10)]
            cursor = (await pfd.changes("now")).cursor
            waiting = [asyncio.create_task(handle.result()) for handle in handles]
            calls: list[Coroutine[Any, Any, object]] = []
            for number in range(50):
                calls += [
                    pfd.submit("add", {"a": number}),
                    pfd.job(handles[number % 10].id),
                    pfd.jobs(),
                    pfd.changes(cursor),
                    handles[number % 10].state(),
                ]
            await asyncio.gather(*calls)
            for one in waiting:
                one.cancel()

    monkeypatch.setattr(Store, "_asked", noting)
    run(main())
    assert asked.total() >= 250
    assert threading.get_ident() not in asked


def test_no_more_than_a_few_calls_run_at_once_and_one_cancelled_before_its_turn_is_not_made(
    dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, most, made = 0, 0, []
    adding, go_on = threading.Lock(), threading.Event()

    def slow(_: Dispatcher, ref: str) -> str:
        nonlocal running, most
        with adding:
            running += 1
            most = max(most, running)
            made.append(ref)
        go_on.wait(PATIENCE)
        with adding:
            running -= 1
        return ref

    monkeypatch.setattr(Dispatcher, "handle", slow)
    monkeypatch.setattr(AsyncDispatcher, "_handle", lambda _, handle: handle)

    async def main() -> None:
        async with AsyncDispatcher(dispatcher) as pfd:
            calls = [asyncio.create_task(pfd.handle(str(number))) for number in range(20)]
            await asyncio.to_thread(until, lambda: len(made) == AT_ONCE)
            for call in calls[10:]:
                call.cancel()
            await asyncio.sleep(0.05)
            go_on.set()
            assert await asyncio.gather(*calls[:10]) == [str(number) for number in range(10)]

    run(main())
    assert (most, sorted(made, key=int)) == (AT_ONCE, [str(number) for number in range(10)])


class Held(Dispatcher):
    """Whose handles are given when they are let go."""

    def __init__(self, settings: Settings, registry: Registry) -> None:
        super().__init__(settings, registry=registry)
        self.let_go = threading.Event()
        self.asked: list[str] = []
        self.given = self.submit("add", {"a": 1})

    def handle(self, ref: str) -> JobHandle:
        self.asked.append(ref)
        assert self.let_go.wait(PATIENCE)
        return self.given


@pytest.fixture
def held(settings: Settings, registry: Registry) -> Iterator[Held]:
    with Held(settings, registry) as found:
        yield found


def test_calls_that_were_cancelled_count_until_their_threads_end(held: Held) -> None:
    job = held.given.id

    async def main() -> None:
        async with AsyncDispatcher(held) as pfd:
            for _ in range(3):
                calls = [asyncio.wait_for(pfd.handle(job), 0.05) for _ in range(AT_ONCE)]
                assert {type(one) for one in await asyncio.gather(*calls, return_exceptions=True)} == {TimeoutError}
            last = asyncio.create_task(pfd.handle(job))
            await asyncio.sleep(0.05)
            assert held.asked == [job] * AT_ONCE
            held.let_go.set()
            assert str(await last) == job
            assert held.asked == [job] * (AT_ONCE + 1)  # those whose turn had not come are not made

    run(main())


def test_a_call_that_is_cancelled_before_a_thread_is_free_is_not_made(dispatcher: Dispatcher) -> None:
    async def main() -> None:
        loop, busy = asyncio.get_running_loop(), threading.Event()
        loop.set_default_executor(ThreadPoolExecutor(1, thread_name_prefix="asyncio_one"))
        async with AsyncDispatcher(dispatcher) as pfd:
            first = loop.run_in_executor(None, busy.wait, PATIENCE)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(pfd.submit("add", {"a": 1}), 0.05)
            busy.set()
            await first
            assert list(await pfd.jobs()) == []

    run(main())


def test_closing_ends_calls_whose_turn_has_not_come(held: Held) -> None:
    job = held.given.id

    async def main() -> None:
        pfd = AsyncDispatcher(held)
        calls = [asyncio.create_task(pfd.handle(job)) for _ in range(AT_ONCE + 2)]
        await asyncio.to_thread(until, lambda: len(held.asked) == AT_ONCE)
        await pfd.close()
        held.let_go.set()
        ends = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(end) for end in ends[AT_ONCE:]] == [StoreError] * 2
        assert all("has been closed" in str(end) for end in ends[AT_ONCE:])
        assert held.asked == [job] * AT_ONCE

    run(main())


def test_a_loop_that_has_ended_is_not_kept(dispatcher: Dispatcher) -> None:
    pfd = AsyncDispatcher(dispatcher)
    job = dispatcher.submit("add", {"a": 1}).id

    async def main() -> None:
        await asyncio.gather(*(pfd.job(job) for _ in range(3 * AT_ONCE)))
        await anext(pfd.follow())
        with pytest.raises(TimeoutError):
            await (await pfd.handle(job)).wait(0.05)

    for _ in range(5):
        run(main())
    gc.collect()
    assert len(pfd._loops._loops) == 0


def test_a_task_that_is_cancelled_leaves_nothing_behind(dispatcher: Dispatcher) -> None:
    async def main() -> None:
        pfd = AsyncDispatcher(dispatcher)
        handle = await pfd.submit("add", {"a": 1})

        async def follow() -> None:
            async for _ in pfd.follow():
                pass

        tasks = [asyncio.create_task(one) for one in (handle.result(), handle.wait(), follow(), follow(), pfd.jobs())]
        await asyncio.sleep(0.2)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(2 * POLL_MOST)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        here = pfd._loops.here()
        assert not here.awaiting._waiters
        assert not here.following._waiters
        await pfd.close()

    run(main())


def test_closing_ends_what_waits_in_each_loop_and_what_comes_later_with_a_clear_error(dispatcher: Dispatcher) -> None:
    pfd = AsyncDispatcher(dispatcher)
    job = dispatcher.submit("add", {"a": 1}).id
    errors: list[BaseException] = []
    waiting = threading.Semaphore(0)

    async def wait_for_all() -> None:
        handle = await pfd.handle(job)

        async def follow() -> None:
            async for _ in pfd.follow("now"):
                pass

        async def events() -> None:
            async for _ in handle:
                pass

        tasks = [asyncio.create_task(one) for one in (handle.result(), follow(), events())]
        await asyncio.sleep(0.3)
        waiting.release()
        found: list[object] = list(await asyncio.gather(*tasks, return_exceptions=True))
        errors.extend(one for one in found if isinstance(one, BaseException))

    threads = [threading.Thread(target=asyncio.run, args=(wait_for_all(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
        assert waiting.acquire(timeout=PATIENCE)

    async def close() -> None:
        await pfd.close()
        await pfd.close()
        for call in (lambda: pfd.job(job), lambda: pfd.submit("add", {"a": 1})):
            with pytest.raises(StoreError, match="has been closed"):
                await call()
        with pytest.raises(StoreError, match="has been closed"):
            pfd.follow()

    asyncio.run(close())
    for thread in threads:
        thread.join(PATIENCE)
    assert len(errors) == 6
    assert all(isinstance(one, StoreError) and "has been closed" in str(one) for one in errors)
    assert dispatcher.job(job).state is State.PENDING  # it goes on, and so does who shares the dispatcher


def test_several_loops_use_it_at_once_and_one_after_the_other(dispatcher: Dispatcher) -> None:
    pfd = AsyncDispatcher(dispatcher)
    found: list[str] = []

    async def main() -> None:
        handle = await pfd.submit("add", {"a": 1})
        assert (await pfd.job(handle.id)).id == handle.id
        found.append(handle.id)

    threads = [threading.Thread(target=asyncio.run, args=(main(),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    run(main())
    assert len(set(found)) == 4


FORKING = """
import asyncio, os
from pfd import AsyncDispatcher
pfd = AsyncDispatcher()
async def use():
    return (await pfd.submit("add", {"a": 1})).id
asyncio.run(use())  # as a server that looks whether the store is there before it forks
children = []
for _ in range(2):
    if (child := os.fork()) == 0:
        async def main():
            ids = [await use() for _ in range(3)]
            async for change in pfd.follow():
                if change.job.id == ids[-1]:
                    return
        asyncio.run(asyncio.wait_for(main(), 30))
        os._exit(0)
    children.append(child)
print([os.waitpid(child, 0)[1] for child in children], asyncio.run(use()) != "")
"""


def test_after_a_fork_each_process_uses_it(dispatcher: Dispatcher) -> None:
    environment = {**os.environ, **as_environment(dispatcher.settings)}
    done = subprocess.run(
        [sys.executable, "-c", FORKING],
        check=False,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.stdout == "[0, 0] True\n", done.stderr
    assert len(dispatcher.jobs()) == 8


# -- following ----------------------------------------------------------------------------------------------------


async def taken(changes: AsyncIterator[Change], done: Callable[[list[Change]], bool]) -> list[Change]:
    """The changes until there are those that are looked for."""
    found: list[Change] = []
    async for change in changes:
        found.append(change)
        if done(found):
            break
    return found


def test_each_change_comes_once_to_each_that_follows_and_goes_on_from_its_cursor(
    dispatcher: Dispatcher, registry: Registry
) -> None:
    def all_ended(found: list[Change]) -> bool:
        return sum(change.job.state is State.SUCCESS for change in found) == 20

    async def main() -> None:
        async with AsyncDispatcher(dispatcher) as pfd:
            before = await pfd.submit("add", {"a": 0})
            following = [asyncio.create_task(taken(pfd.follow(), all_ended)) for _ in range(5)]
            with Worker(dispatcher.settings, registry=registry):
                await asyncio.gather(*[pfd.submit("add", {"a": number}) for number in range(1, 20)])
                found = await asyncio.gather(*following)
            for changes in found:
                ends = [change.job.id for change in changes if change.job.state is State.SUCCESS]
                assert len(ends) == len(set(ends)) == 20
                cursors = [change.cursor for change in changes]
                assert len(set(cursors)) == len(cursors)
                assert {change.job.id for change in changes} >= {before.id}
            middle, last = found[0][len(found[0]) // 2], found[0][-1]
            rest = [job.id for job in (await pfd.changes(middle.cursor)).jobs]
            assert middle.job.id not in rest or middle.job.state is not State.SUCCESS
            assert rest[-1] == last.job.id
            assert (await pfd.changes(last.cursor)).jobs == ()
            later = await pfd.submit("add", {"a": 1})
            [change] = await taken(pfd.follow(last.cursor), lambda found: len(found) == 1)
            assert change.job.id == later.id

    run(main())


def test_a_wait_for_the_next_change_that_is_given_up_passes_over_none_and_another_may_be_begun(
    dispatcher: Dispatcher,
) -> None:
    async def main() -> None:
        async with AsyncDispatcher(dispatcher) as pfd:
            changes, given_up = pfd.follow("now"), 0
            found: list[str] = []
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(changes), 0.3)  # behind "now"
            submitting = asyncio.create_task(_submit_some(pfd, 30))
            while len(found) < 30:
                try:
                    found.append((await asyncio.wait_for(anext(changes), 0.02)).job.id)
                except TimeoutError:
                    given_up += 1
            assert given_up > 0, "it was never late"
            assert found == await submitting

    run(main())


def test_a_wait_for_the_next_change_of_a_job_that_is_given_up_passes_over_none(
    dispatcher: Dispatcher, registry: Registry
) -> None:
    async def main() -> None:
        async with AsyncDispatcher(dispatcher) as pfd:
            job = await pfd.submit("nap", {"seconds": 1.5, "steps": 5})
            events, given_up = job.events(), 0
            seen: list[State] = []
            with Worker(dispatcher.settings, slots=1, registry=registry):
                while State.SUCCESS not in seen:
                    try:
                        seen.append((await asyncio.wait_for(anext(events), 0.05)).state)
                    except TimeoutError:
                        given_up += 1
            assert given_up > 0, "it was never late"
            assert seen[0] is not State.SUCCESS
            assert State.PROGRESS in seen
            with pytest.raises(StopAsyncIteration):
                await anext(events)

    run(main())


async def _submit_some(pfd: AsyncDispatcher, count: int) -> list[str]:
    ids = []
    for number in range(count):
        ids.append((await pfd.submit("add", {"a": number})).id)
        await asyncio.sleep(0.03)
    return ids


def test_two_tasks_that_await_the_next_change_of_one_iterator_are_told_so(dispatcher: Dispatcher) -> None:
    async def main() -> None:
        async with AsyncDispatcher(dispatcher) as pfd:
            changes = pfd.follow()
            first = asyncio.ensure_future(anext(changes))
            await asyncio.sleep(0.05)
            with pytest.raises(RuntimeError, match="let each task follow by itself"):
                await anext(changes)
            job = await pfd.submit("add", {"a": 1})
            assert (await first).job.id == job.id

    run(main())


def test_closing_ends_the_look_at_once_however_long_it_was_to_rest(
    dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pfd.client.looking.POLL_FIRST", PATIENCE)
    dispatcher.submit("add", {"a": 1})

    async def main() -> None:
        pfd = AsyncDispatcher(dispatcher)
        following = asyncio.ensure_future(anext(pfd.follow((await pfd.changes("now")).cursor)))
        await asyncio.sleep(0.3)  # it rests by now
        await pfd.close()
        with pytest.raises(StoreError, match="has been closed"):
            await following
        async with asyncio.timeout(PATIENCE / 6):
            while asyncio.all_tasks() != {asyncio.current_task()}:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    run(main())


def test_what_was_there_before_comes_page_by_page_and_now_is_behind_it(dispatcher: Dispatcher) -> None:
    with dispatcher.store.write() as connection:
        from pfd.store import NewJob, jobs

        for _ in range(2 * PAGE + 7):
            jobs.insert(connection, NewJob("add", "default", {"a": 1}))

    async def main() -> None:
        async with AsyncDispatcher(dispatcher) as pfd:
            found = await taken(pfd.follow(), lambda found: len(found) == 2 * PAGE + 7)
            assert len({change.job.id for change in found}) == 2 * PAGE + 7
            now = asyncio.create_task(taken(pfd.follow("now"), bool))
            await asyncio.sleep(3 * POLL_BUSY)
            later = await pfd.submit("add", {"a": 1})
            assert [change.job.id for change in await now] == [later.id]
            with pytest.raises(ParameterError, match="no cursor of changes"):
                await anext(pfd.follow("x"))

    run(main())


@pytest.mark.parametrize("since", [[], {}, None, 5, "x", "\ud800", "1:9999999999999999999:1", "now\n"])
def test_what_is_no_cursor_is_refused_to_who_gave_it_and_to_no_other(dispatcher: Dispatcher, since: Any) -> None:
    async def main() -> None:
        async with AsyncDispatcher(dispatcher) as pfd:
            other = asyncio.create_task(taken(pfd.follow(), bool))
            await asyncio.sleep(0.05)
            with pytest.raises(ParameterError, match="no cursor of changes"):
                await anext(pfd.follow(since))
            job = await pfd.submit("add", {"a": 1})
            assert [change.job.id for change in await other] == [job.id]

    run(main())


@contextlib.contextmanager
def counted_looks(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many waited for each look."""
    looks: list[int] = []
    look = Following._look

    def looking(following: Following, waiters: Any) -> Any:
        looks.append(len(waiters))
        return look(following, waiters)

    with monkeypatch.context() as patch:
        patch.setattr(Following, "_look", looking)
        yield looks


@contextlib.contextmanager
def counted_reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The cursors that were read from."""
    cursors: list[str] = []
    steps = feed.steps

    def reading(connection: Any, since: str, limit: int) -> Any:
        cursors.append(since)
        return steps(connection, since, limit)

    with monkeypatch.context() as patch:
        patch.setattr(feed, "steps", reading)
        yield cursors


async def eventually(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not done():  # noqa: ASYNC110  (what is counted knows of no event)
            await asyncio.sleep(0.01)


def test_all_that_follow_in_a_loop_share_its_looks_and_it_rests_between_them(
    dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with AsyncDispatcher(dispatcher) as pfd:
            seen: list[int] = [0] * 40

            async def follow(number: int) -> None:
                async for _ in pfd.follow():
                    seen[number] += 1
                    await asyncio.sleep(0)  # as a server that sends it

            following = [asyncio.create_task(follow(number)) for number in range(40)]
            await asyncio.sleep(0.5)
            with counted_looks(monkeypatch) as looks, counted_reads(monkeypatch) as reads:
                await asyncio.sleep(1.5)
            print(f"{len(looks)} looks in 1.5 s without a change")
            assert 3 <= len(looks) <= 9
            assert len(looks) - 1 <= len(reads) <= len(looks) + 1  # one for all that have come to the same place
            assert set(looks) == {40}
            with counted_looks(monkeypatch) as looks:
                began = time.monotonic()
                for number in range(150):
                    await asyncio.to_thread(dispatcher.submit, "add", {"a": number})
                    await asyncio.sleep(0.005)
                lasted = time.monotonic() - began
            print(f"{len(looks)} looks in {lasted:.1f} s with 150 changes")
            assert len(looks) <= lasted / POLL_BUSY + 2
            await eventually(lambda: set(seen) == {150})
            for task in following:
                task.cancel()

    run(main())


def test_a_follower_that_is_slow_holds_up_no_other_and_misses_nothing(dispatcher: Dispatcher) -> None:
    async def main() -> None:
        async with AsyncDispatcher(dispatcher) as pfd:
            slow: list[str] = []

            async def dawdle() -> None:
                async for change in pfd.follow():
                    slow.append(change.job.id)
                    await asyncio.sleep(0.02)

            dawdling = asyncio.create_task(dawdle())
            quick = asyncio.create_task(taken(pfd.follow(), lambda found: len(found) == 30))
            ids = [(await pfd.submit("add", {"a": number})).id for number in range(30)]
            assert [change.job.id for change in await quick] == ids
            await eventually(lambda: len(slow) >= 30)
            assert slow == ids
            dawdling.cancel()

    run(main())


def test_a_store_that_is_away_is_waited_for_by_who_follows(
    dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    job = dispatcher.submit("add", {"a": 1}).id

    def away(_: Store) -> object:
        raise StoreUnavailable("it is away")

    async def main() -> None:
        async with AsyncDispatcher(dispatcher) as pfd:
            with monkeypatch.context() as patch:
                patch.setattr(Store, "read", away)
                following = asyncio.create_task(taken(pfd.follow(), bool))
                await asyncio.sleep(0.3)
                assert not following.done()
            assert [change.job.id for change in await following] == [job]

    run(main())
    assert "changes of jobs cannot be seen; waiting for the store: it is away" in caplog.text
