"""Programs that fork with a store open: `gunicorn --preload`, `multiprocessing`, or `os.fork` beside threads."""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator

import pytest

from core.tests.support.waiting import is_gone, until
from pfd import Dispatcher, Settings, StoreError, Worker
from pfd.plugins import Registry

SUBMITS, CHILDREN = 40, 3


@pytest.fixture
def dispatcher(settings: Settings, registry: Registry) -> Iterator[Dispatcher]:
    with Dispatcher(settings, registry=registry, tells_unserved=False) as found:
        yield found


def forked(body: Callable[[], object]) -> int:
    """A child that does `body` and ends: with 0 where that went well."""
    if (pid := os.fork()) == 0:
        code = 1
        with contextlib.suppress(BaseException):
            try:
                body()
                code = 0
            except BaseException:
                traceback.print_exc()
        os._exit(code)
    return pid


def ends_well(pid: int) -> bool:
    """Whether a child ends with 0; one that hangs is killed."""
    try:
        until(lambda: is_gone(pid), "the child has ended")
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        raise
    finally:
        code = os.waitpid(pid, 0)[1]
    return code == 0


def submit_many(dispatcher: Dispatcher, who: int) -> None:
    for number in range(SUBMITS):
        handle = dispatcher.submit("add", {"a": number}, tags=(f"by-{who}",))
        assert handle.job.params["a"] == number


def counts(dispatcher: Dispatcher) -> list[int]:
    return [len(dispatcher.jobs(tag=f"by-{who}", limit=100)) for who in range(CHILDREN + 1)]


def test_children_of_a_fork_and_their_parent_each_have_connections_of_their_own(dispatcher: Dispatcher) -> None:
    dispatcher.submit("add", {"a": 1})
    children = [forked(functools.partial(submit_many, dispatcher, who)) for who in range(CHILDREN)]
    submit_many(dispatcher, CHILDREN)
    assert [ends_well(pid) for pid in children] == [True] * CHILDREN
    assert counts(dispatcher) == [SUBMITS] * (CHILDREN + 1)


def test_processes_of_multiprocessing_have_connections_of_their_own(dispatcher: Dispatcher) -> None:
    dispatcher.submit("add", {"a": 1})
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=submit_many, args=(dispatcher, who)) for who in range(CHILDREN)]
    for child in children:
        child.start()
    submit_many(dispatcher, CHILDREN)
    for child in children:
        child.join(60)
        child.kill()
    assert [child.exitcode for child in children] == [0] * CHILDREN
    assert counts(dispatcher) == [SUBMITS] * (CHILDREN + 1)


def test_what_a_child_submits_outlives_its_parent(dispatcher: Dispatcher, registry: Registry) -> None:
    """SQLite in the child took the parent's locks for its own, and wrote to a log that its parent had removed."""
    dispatcher.submit("add", {"a": 1})
    (begun, tell_begun), (go, tell_go) = os.pipe(), os.pipe()

    def child() -> None:
        submit_many(dispatcher, 0)
        os.write(tell_begun, b"!")
        os.read(go, 1)
        submit_many(dispatcher, 1)

    pid = forked(child)
    os.read(begun, 1)
    dispatcher.close()  # the last one who has it open, as far as the system knows of locks
    os.write(tell_go, b"!")
    assert ends_well(pid)
    for descriptor in (begun, tell_begun, go, tell_go):
        os.close(descriptor)
    with Dispatcher(dispatcher.settings, registry=registry) as anew:
        assert counts(anew)[:2] == [SUBMITS, SUBMITS]


def test_a_fork_finds_no_thread_in_the_middle_of_a_transaction(dispatcher: Dispatcher) -> None:
    stop = threading.Event()

    def submit_on_and_on() -> None:
        while not stop.is_set():
            dispatcher.submit("add", {"a": 1})

    threads = [threading.Thread(target=submit_on_and_on) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for who in range(CHILDREN):
            assert ends_well(forked(functools.partial(dispatcher.submit, "add", {"a": 1}, tags=(f"by-{who}",))))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert counts(dispatcher)[:CHILDREN] == [1] * CHILDREN


def test_a_child_forked_within_a_transaction_uses_neither_its_connection_nor_its_locks(
    dispatcher: Dispatcher,
) -> None:
    def submit_where_that_can_be() -> None:
        on_sqlite = not dispatcher.settings.database_url
        with pytest.raises(StoreError, match="was forked in the middle") if on_sqlite else contextlib.nullcontext():
            dispatcher.submit("add", {"a": 1})

    with dispatcher.store.session(write=True):
        assert ends_well(forked(submit_where_that_can_be))
    assert dispatcher.submit("add", {"a": 2}).job.params["a"] == 2


def test_the_child_of_a_worker_s_program_takes_nothing_of_the_worker_away(
    dispatcher: Dispatcher, registry: Registry
) -> None:
    with Worker(dispatcher.settings, slots=1, registry=registry) as worker:
        listeners = list(worker._listener.path.parent.iterdir()) if worker._listener else []
        assert ends_well(forked(worker.stop))
        assert [info.id for info in dispatcher.workers()] == [worker.engine.id if worker.engine else None]
        assert all(listener.exists() for listener in listeners)
        assert dispatcher.submit("add", {"a": 1}).get(60) == {"value": 2}


def test_a_child_can_wait_for_a_job(dispatcher: Dispatcher, registry: Registry) -> None:
    with Worker(dispatcher.settings, slots=1, registry=registry):
        handle = dispatcher.submit("add", {"a": 1})
        assert ends_well(forked(lambda: handle.get(60)))
