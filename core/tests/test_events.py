"""Watching a job: every change is seen soon and once, and a store that is away for a while ends no watch."""

from __future__ import annotations

import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from core.tests.support.commands import start
from core.tests.support.stores import Databases, as_environment, make_settings
from core.tests.support.waiting import until
from pfd import Dispatcher, JobHandle, Settings, State, StoreUnavailable, UnknownJob, Worker
from pfd.job import Job
from pfd.plugins import Registry
from pfd.store import changes
from pfd.store.schema import jobs as job_table
from tests.support.servers import PostgresServer


@pytest.fixture
def dispatcher(settings: Settings, registry: Registry) -> Iterator[Dispatcher]:
    with Dispatcher(settings, registry=registry) as opened:
        yield opened


def set_row(dispatcher: Dispatcher, handle: JobHandle, **values: Any) -> None:
    with dispatcher.store.write() as connection:
        connection.execute(job_table.update().where(job_table.c.id == handle.id).values(**values))


class Watcher:
    """Watches a job in a thread, and notes when it saw what."""

    def __init__(self, handle: JobHandle) -> None:
        self.seen: queue.SimpleQueue[tuple[float, Job]] = queue.SimpleQueue()
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._watch, args=(handle,), daemon=True)
        self._thread.start()

    def _watch(self, handle: JobHandle) -> None:
        try:
            for job in handle.events():
                self.seen.put((time.monotonic(), job))
        except BaseException as error:
            self.error = error

    def next(self) -> Job:
        return self.seen.get(timeout=60)[1]

    def finish(self) -> None:
        self._thread.join(60)
        assert not self._thread.is_alive()


CHANGES: list[tuple[dict[str, Any], Callable[[Job], bool]]] = [
    ({"waiting": 2}, lambda job: job.waiting == 2),
    ({"state": "STARTED", "claim": 1}, lambda job: job.state is State.STARTED),
    ({"claim": 2}, lambda job: job.claim == 2),
    ({"progress": 0.5}, lambda job: job.progress == 0.5),
    ({"status": "half"}, lambda job: job.status == "half"),
    ({"meta": '{"loss": 0.25}'}, lambda job: job.meta == {"loss": 0.25}),
    ({"cancel_requested": 1}, lambda job: job.cancel_requested),
    ({"state": "REVOKED", "ended_at": 1.0}, lambda job: job.state is State.REVOKED),
]


def test_every_kind_of_change_is_an_event_within_half_a_second(dispatcher: Dispatcher) -> None:
    handle = dispatcher.submit("add", {"a": 1})
    watcher = Watcher(handle)
    assert watcher.next().state is State.PENDING
    delays = []
    for values, shows in CHANGES:
        began = time.monotonic()
        set_row(dispatcher, handle, **values)
        at, job = watcher.seen.get(timeout=60)
        assert shows(job), (values, job)
        delays.append(at - began)
    watcher.finish()
    assert watcher.seen.empty()
    # Of eight the middle one: a busy machine may hold up any of them.
    assert sorted(delays)[len(delays) // 2] < 0.5


def test_what_does_not_change_is_no_event_and_the_whole_row_is_read_only_when_something_did(
    dispatcher: Dispatcher,
) -> None:
    handle = dispatcher.submit("add", {"a": 1})
    with dispatcher.store.read() as connection:
        found = changes.changed_since(connection, handle.id, None)
        assert found is not None
        seen, job = found
        assert job == handle.job
        assert changes.changed_since(connection, handle.id, seen) is None
        assert changes.snapshot(connection, handle.id) == seen
    set_row(dispatcher, handle, progress=0.5)
    with dispatcher.store.read() as connection:
        found = changes.changed_since(connection, handle.id, seen)
    assert found is not None
    assert found[1].progress == 0.5


def test_a_watch_of_a_job_that_is_pruned_says_that_it_is_gone(dispatcher: Dispatcher) -> None:
    handle = dispatcher.submit("add", {"a": 1})
    watcher = Watcher(handle)
    watcher.next()
    with dispatcher.store.write() as connection:
        connection.execute(job_table.delete())
    watcher.finish()
    assert isinstance(watcher.error, UnknownJob)
    for look in (handle.wait, handle.get):
        with pytest.raises(UnknownJob, match="any more"):
            look(60)


# -- a store that is away -----------------------------------------------------------------------------------------


@pytest.fixture
def remote(databases: Databases, tmp_path: Path, registry: Registry) -> Iterator[Dispatcher]:
    """A dispatcher of a PostgreSQL database of this test alone."""
    settings = make_settings(tmp_path / "home", databases.url("postgres", tmp_path))
    with Dispatcher(settings, registry=registry) as opened:
        yield opened


@contextmanager
def away(server: PostgresServer, dispatcher: Dispatcher) -> Iterator[None]:
    """The server ends all connections of a database, and takes no new ones."""
    name = sa.make_url(dispatcher.settings.database_url).database
    server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    try:
        yield
    finally:
        server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


def test_watching_and_waiting_go_on_when_the_store_returns_and_say_that_it_was_away(
    remote: Dispatcher, postgres_server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    handle = remote.submit("add", {"a": 1})
    watcher = Watcher(handle)
    watcher.next()
    waited: list[Job] = []
    waiting = threading.Thread(target=lambda: waited.append(handle.wait()), daemon=True)
    waiting.start()
    with away(postgres_server, remote):
        with pytest.raises(StoreUnavailable):
            until(lambda: handle.state is not State.PENDING, "a single look is not patient")
        until(lambda: caplog.text.count("waiting for the store") == 2, "both say so, and once")
        assert not waited
    handle.revoke()
    waiting.join(60)
    assert waited[0].state is State.REVOKED
    watcher.finish()
    assert watcher.error is None
    assert watcher.next().state is State.REVOKED
    assert caplog.text.count("the store is back") == 2


def test_a_wait_for_a_store_that_is_away_ends_with_its_time(
    remote: Dispatcher, postgres_server: PostgresServer
) -> None:
    handle = remote.submit("add", {"a": 1})
    with away(postgres_server, remote):
        for wait in (handle.wait, handle.get, lambda timeout: list(handle.events(timeout))):
            with pytest.raises(TimeoutError, match=rf"job {handle.id} cannot be seen after 0.1 s; the store"):
                wait(0.1)
    assert handle.state is State.PENDING


@pytest.mark.parametrize("option", [(), ("--json",)])
def test_a_watch_on_the_command_line_survives_an_outage(
    remote: Dispatcher, postgres_server: PostgresServer, registry: Registry, option: tuple[str, ...]
) -> None:
    handle = remote.submit("add", {"a": 1})
    with start("watch", handle.id, *option, **as_environment(remote.settings)) as watching:
        try:
            assert watching.stdout is not None
            assert "PENDING" in watching.stdout.readline()
            said = ""
            with away(postgres_server, remote):
                while "waiting for the store" not in said:
                    said = watching.stdout.readline()
                    assert said, "it ended"
            with Worker(remote.settings, registry=registry):
                printed, _ = watching.communicate(timeout=60)
        finally:
            watching.kill()
    assert watching.returncode == 0
    assert "SUCCESS" in printed
    assert "Traceback" not in printed


# -- Ctrl-C -------------------------------------------------------------------------------------------------------

_PRESSED = """
from pfd import Dispatcher
from core.tests.support.stores import make_settings
from pfd.end_signal import job_ended

def pause(*arguments):
    print("watching", flush=True)
    rest(*arguments)

rest, job_ended.wait = job_ended.wait, pause
handle = Dispatcher(make_settings({home!r})).handle("@last")
{look}
"""


@pytest.mark.parametrize("look", ["handle.wait()", "handle.get()", "list(handle.events())"])
def test_ctrl_c_ends_a_wait_or_a_watch_at_once_and_leaves_the_job(
    look: str, sqlite_settings: Settings, registry: Registry
) -> None:
    with Dispatcher(sqlite_settings, registry=registry) as dispatcher:
        handle = dispatcher.submit("add", {"a": 1})
        code = _PRESSED.format(home=str(sqlite_settings.home), look=look)
        program = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert program.stdout is not None
        assert program.stdout.readline() == "watching\n"
        program.send_signal(signal.SIGINT)
        _, said = program.communicate(timeout=60)
        assert program.returncode == -signal.SIGINT
        assert "KeyboardInterrupt" in said
        assert ("goes on; 'pfd watch" in said) == ("get" in look)
        assert handle.state is State.PENDING
