"""The feed of changes: a reader that follows it has what the table says, and missed no end."""

from __future__ import annotations

import contextlib
import functools
import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from core.tests.support.stores import Databases, make_settings
from core.tests.support.waiting import until
from pfd import Dispatcher, Job, Settings, State, Worker
from pfd.errors import ParameterError
from pfd.job import ENDED
from pfd.plugins import Registry
from pfd.store import copies, feed
from pfd.store.schema import change, facts
from pfd.store.schema import jobs as job_table
from tests.support.servers import find_postgres

PATIENCE = 60.0


@pytest.fixture
def dispatcher(settings: Settings, registry: Registry) -> Iterator[Dispatcher]:
    with Dispatcher(settings, registry=registry) as found:
        yield found


class Follower:
    """Follows the feed as a dashboard does."""

    def __init__(self, dispatcher: Dispatcher, limit: int = 1000) -> None:
        self._dispatcher = dispatcher
        self._limit = limit
        self._cursor = ""
        self.now: dict[str, Job] = {}
        self.ends: dict[str, list[State]] = {}

    def look(self) -> int:
        found = self._dispatcher.changes(self._cursor, self._limit)
        self._cursor = found.cursor
        for job in found.jobs:
            if job.state in ENDED:
                self.ends.setdefault(job.id, []).append(job.state)
            self.now[job.id] = job
        return len(found.jobs)

    def catch_up(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while self.look() or time.monotonic() < deadline - PATIENCE + 1.0:  # others may hold it up for a moment
            assert time.monotonic() < deadline


def of_table(dispatcher: Dispatcher) -> dict[str, Job]:
    return {job.id: job for job in dispatcher.jobs(limit=None)}


def test_each_step_of_a_job_is_a_change(dispatcher: Dispatcher, registry: Registry) -> None:
    follower = Follower(dispatcher)
    assert follower.look() == 0
    handle = dispatcher.submit("nap", {"seconds": 300})
    until(lambda: follower.look() == 1)
    assert follower.now[handle.id].state is State.PENDING
    with Worker(dispatcher.settings, registry=registry):
        until(lambda: follower.look() >= 0 and follower.now[handle.id].state is State.PROGRESS)
        seen = follower.now[handle.id].progress
        until(lambda: follower.look() >= 0 and follower.now[handle.id].progress >= seen)
        dispatcher.cancel(handle.id)
        until(lambda: follower.look() >= 0 and follower.now[handle.id].state is State.REVOKED)
    assert follower.ends == {handle.id: [State.REVOKED]}
    assert follower.look() == 0


def test_pages_hold_each_job_once_and_now_is_behind_them_all(dispatcher: Dispatcher) -> None:
    ids = [dispatcher.submit("add", {"a": number}).id for number in range(25)]
    until(lambda: len(dispatcher.changes("", 100).jobs) == 25)
    found, cursor = [], ""
    while (page := dispatcher.changes(cursor, 7)).jobs:
        found += [job.id for job in page.jobs]
        cursor = page.cursor
    assert found == ids
    assert len(dispatcher.changes(limit=None).jobs) == 25
    now = dispatcher.changes("now").cursor
    assert dispatcher.changes(now).jobs == ()
    assert dispatcher.changes(cursor).cursor == cursor
    later = dispatcher.submit("add", {"a": 1})
    until(lambda: [job.id for job in dispatcher.changes(now).jobs] == [later.id])


@pytest.mark.parametrize(
    "since", ["x", "1", "1:2", "-1:2:3", "1::3", "1:2:3:4", "9" * 19 + ":1:1", ":" + "9" * 19 + ":1", None, 7]
)
def test_what_is_no_cursor_is_refused(dispatcher: Dispatcher, since: str) -> None:
    with pytest.raises(ParameterError, match="no cursor of changes"):
        dispatcher.changes(since)


def test_a_cursor_that_is_ahead_of_the_store_is_refused_and_not_waited_on(dispatcher: Dispatcher) -> None:
    store, number, seq = dispatcher.changes("now").cursor.split(":")
    assert dispatcher.changes(f"{store}:{number}:{seq}").jobs == ()
    with pytest.raises(ParameterError, match="of another store") as found:
        dispatcher.changes(f"{store}:{int(number) + 1_000}:{seq}")
    assert "begin anew" in str(found.value.hint)


def other_store(dispatcher: Dispatcher, databases: Databases, folder: Path) -> Settings:
    """Settings of another store of the same kind, with an id."""
    url = databases.url("postgres" if dispatcher.settings.database_url else "sqlite", folder)
    settings = make_settings(folder / "other", url)
    if not url:
        databases.furnish(settings.home)
    return settings


def test_a_cursor_of_another_store_is_refused_also_where_it_is_not_ahead(
    dispatcher: Dispatcher, registry: Registry, databases: Databases, tmp_path: Path
) -> None:
    old = dispatcher.submit("add", {"a": 1})
    unnamed = dispatcher.changes().cursor
    assert unnamed.startswith(":")  # no worker has given the store an id yet
    dispatcher.store.bind_home()
    named = dispatcher.changes().cursor
    assert not named.startswith(":")
    with Dispatcher(other_store(dispatcher, databases, tmp_path), registry=registry) as other:
        other.store.bind_home()
        for number in range(20):
            other.submit("add", {"a": number})
        until(lambda: len(other.changes().jobs) == 20)
        cursor = other.changes().cursor
        for follower, foreign in ((dispatcher, cursor), (other, named)):
            with pytest.raises(ParameterError, match="of another store"):
                follower.changes(foreign)
    later = dispatcher.submit("add", {"a": 2})
    until(lambda: [job.id for job in dispatcher.changes(unnamed).jobs] == [later.id])  # it goes on
    until(lambda: [job.id for job in dispatcher.changes(named).jobs] == [later.id])
    assert old.id not in {job.id for job in dispatcher.changes(unnamed).jobs}


def test_a_cursor_from_before_a_backup_was_put_back_is_refused_however_much_came_since(
    dispatcher: Dispatcher, registry: Registry, tmp_path: Path
) -> None:
    dispatcher.store.bind_home()
    dispatcher.submit("add", {"a": 1})
    until(lambda: len(dispatcher.changes().jobs) == 1)
    put_back = back_up_and_restore(dispatcher, tmp_path)
    lost = dispatcher.submit("add", {"a": 2})  # after the backup
    until(lambda: len(dispatcher.changes().jobs) == 2)
    cursor = dispatcher.changes().cursor
    dispatcher.close()
    put_back()
    for number in range(20):
        dispatcher.submit("add", {"a": number})
    until(lambda: len(dispatcher.changes().jobs) == 21)
    assert lost.id not in of_table(dispatcher)
    with pytest.raises(ParameterError, match="before a backup was put back"):
        dispatcher.changes(cursor)


def test_a_backup_that_is_put_back_twice_is_another_store_each_time(
    dispatcher: Dispatcher, registry: Registry, tmp_path: Path
) -> None:
    dispatcher.store.bind_home()
    dispatcher.submit("add", {"a": 1})
    until(lambda: len(dispatcher.changes().jobs) == 1)
    put_back = back_up_and_restore(dispatcher, tmp_path)
    cursors = []
    for count in (3, 5):
        dispatcher.close()
        put_back()
        before = dispatcher.changes().cursor
        for number in range(count):
            dispatcher.submit("add", {"a": number})
        until(functools.partial(has_changes, dispatcher, count + 1))
        assert len(dispatcher.changes(before).jobs) == count  # what is read of a copy that was not written to is good
        cursors.append(dispatcher.changes().cursor)
    with pytest.raises(ParameterError, match="before a backup was put back"):
        dispatcher.changes(cursors[0])
    assert dispatcher.changes(cursors[1]).jobs == ()


def has_changes(dispatcher: Dispatcher, count: int) -> bool:
    return len(dispatcher.changes().jobs) == count


def test_programs_that_open_a_copy_at_once_agree_on_what_store_it_is(
    databases: Databases, registry: Registry, tmp_path: Path
) -> None:
    settings = make_settings(tmp_path / "home", databases.url("sqlite", tmp_path))
    databases.furnish(settings.home)
    with Dispatcher(settings, registry=registry) as dispatcher:
        dispatcher.submit("add", {"a": 1})
        put_back = back_up_and_restore(dispatcher, tmp_path)
    for _ in range(5):
        put_back()
        assert len(cursors_of_many(settings, registry)) == 1


def cursors_of_many(settings: Settings, registry: Registry) -> set[str]:
    """The cursors that programs get which open a store all at once."""
    found: set[str] = set()
    begin = threading.Barrier(8)

    def use() -> None:
        with Dispatcher(settings, registry=registry) as one:
            begin.wait(PATIENCE)
            found.add(one.changes().cursor)

    threads = [threading.Thread(target=use) for _ in range(begin.parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    return found


def test_of_two_that_find_a_copy_unused_one_draws_its_identity(tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite3"
    with contextlib.closing(sqlite3.connect(copy)) as one, contextlib.closing(sqlite3.connect(copy)) as two:
        one.execute("CREATE TABLE pfd_fact (name TEXT PRIMARY KEY, value TEXT NOT NULL)")
        copies.set_apart(one)
        one.commit()
        assert copies.is_unused(one)
        assert copies.is_unused(two)
        found = []
        for connection in (one, two):
            connection.execute(copies.DRAW)
            connection.commit()
            found += connection.execute("SELECT value FROM pfd_fact").fetchall()
            assert not copies.is_unused(connection)
        assert found[0] == found[1]


def test_a_dump_that_two_new_servers_restore_is_a_store_of_each(
    databases: Databases, tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings(tmp_path / "home", databases.url("postgres", tmp_path))
    with Dispatcher(settings, registry=registry) as dispatcher:
        dispatcher.store.bind_home()
        cursors = [dispatcher.changes().cursor]
        for _ in range(2):
            with dispatcher.store.write() as connection:  # as the dump of another server has it
                connection.execute(facts.delete().where(facts.c.name == "feed_id"))
                connection.execute(facts.update().where(facts.c.name == "feed_server").values(value="1"))
            dispatcher.store.bind_home()
            cursors.append(dispatcher.changes().cursor)
            dispatcher.store.bind_home()  # as each later worker does
            assert dispatcher.changes(cursors[-1]).cursor == cursors[-1]
        for cursor in cursors[:-1]:
            with pytest.raises(ParameterError, match="before a backup was put back"):
                dispatcher.changes(cursor)
        with dispatcher.store.write() as connection:
            connection.execute(facts.update().where(facts.c.name == "feed_server").values(value="1"))
        monkeypatch.setattr(feed, "_MAY_ASK", sa.text("SELECT false"))  # a provider that keeps that to itself
        dispatcher.store.bind_home()
        assert dispatcher.changes(cursors[-1]).cursor == cursors[-1]


def back_up_and_restore(dispatcher: Dispatcher, folder: Path) -> Callable[[], None]:
    """Back the store up, as the page on deploying says; what puts it back."""
    from pfd.store.backup import back_up

    url = dispatcher.settings.database_url
    if not url:
        copy, store = folder / "copy.sqlite3", dispatcher.settings.home / "pfd.sqlite3"
        back_up(dispatcher.store, copy)

        def put_back() -> None:
            for path in store.parent.glob("pfd.sqlite3*"):
                path.unlink()
            shutil.copy(copy, store)

        return put_back
    programs, dump = find_postgres(), folder / "pfd.dump"
    assert programs is not None
    plain = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    subprocess.run([programs / "pg_dump", "--format=custom", f"--file={dump}", plain], check=True)
    restore: list[str | Path] = [programs / "pg_restore", "--clean", "--if-exists", f"--dbname={plain}", dump]

    def restored() -> None:
        subprocess.run(restore, check=True)

    return restored


def test_a_write_that_was_rolled_back_is_no_change(dispatcher: Dispatcher) -> None:
    handle = dispatcher.submit("add", {"a": 1})
    cursor = dispatcher.changes("now").cursor
    with dispatcher.store.write() as connection:
        connection.execute(job_table.update().values(progress=0.5))
        connection.rollback()
    assert dispatcher.changes(cursor).jobs == ()
    dispatcher.cancel(handle.id)
    until(lambda: [job.state for job in dispatcher.changes(cursor).jobs] == [State.REVOKED])


SEEN = {
    "state": "'STARTED'", "progress": "0.5", "status": "'x'", "meta": "'{}'", "claim": "7", "attempt": "1", "lost": "1",
    "cancel_requested": "1", "waiting": "0", "due_at": "1.0", "result": "'{}'", "failure": "NULL", "artifacts": "'[]'",
}  # fmt: skip


def is_the_only_change(dispatcher: Dispatcher, cursor: str, job_id: str) -> bool:
    return [job.id for job in dispatcher.changes(cursor).jobs] == [job_id]


def test_whatever_is_shown_of_a_job_is_a_change_by_itself(dispatcher: Dispatcher) -> None:
    handle = dispatcher.submit("add", {"a": 1})
    until(lambda: len(dispatcher.changes().jobs) == 1)
    for column, value in SEEN.items():
        cursor = dispatcher.changes("now").cursor
        with dispatcher.store.write() as connection:
            connection.execute(sa.text(f"UPDATE pfd_job SET {column} = {value}"))
        until(functools.partial(is_the_only_change, dispatcher, cursor, handle.id), column, 10.0)
    cursor = dispatcher.changes("now").cursor
    with dispatcher.store.write() as connection:
        connection.execute(sa.text("UPDATE pfd_job SET followers = followers + 1"))  # which nobody is shown
    assert dispatcher.changes(cursor).jobs == ()


def test_what_another_program_writes_is_a_change_as_well(dispatcher: Dispatcher) -> None:
    dispatcher.submit("add", {"a": 1})
    until(lambda: len(dispatcher.changes().jobs) == 1)
    cursor = dispatcher.changes("now").cursor
    with dispatcher.store.write() as connection:
        connection.execute(sa.text("UPDATE pfd_job SET status = 'by hand'"))
    until(lambda: [job.status for job in dispatcher.changes(cursor).jobs] == ["by hand"])


def test_a_change_that_is_drawn_first_and_seen_last_is_not_passed_over(
    databases: Databases, tmp_path: Path, registry: Registry
) -> None:
    settings = make_settings(tmp_path / "home", databases.url("postgres", tmp_path))
    with Dispatcher(settings, registry=registry) as dispatcher:
        slow, quick = dispatcher.submit("add", {"a": 1}), dispatcher.submit("add", {"a": 2})
        until(lambda: len(dispatcher.changes().jobs) == 2)
        cursor = dispatcher.changes("now").cursor
        with dispatcher.store.write() as connection:
            connection.execute(job_table.update().where(job_table.c.id == slow.id).values(status="slow"))
            dispatcher.cancel(quick.id)
            assert dispatcher.changes(cursor).jobs == ()  # it waits for the older one
        until(lambda: {job.id for job in dispatcher.changes(cursor).jobs} == {slow.id, quick.id})


def test_numbers_go_on_behind_those_of_a_restored_dump(
    databases: Databases, tmp_path: Path, registry: Registry
) -> None:
    settings = make_settings(tmp_path / "home", databases.url("postgres", tmp_path))
    with Dispatcher(settings, registry=registry) as dispatcher:
        old = dispatcher.submit("add", {"a": 1})
        with dispatcher.store.write() as connection:  # as a server wrote it that had done far more
            connection.execute(job_table.update().values(changed=10**12))
        dispatcher.store.bind_home()
        assert [job.id for job in dispatcher.changes().jobs] == [old.id]
        cursor = dispatcher.changes().cursor
        new = dispatcher.submit("add", {"a": 2})
        until(lambda: [job.id for job in dispatcher.changes(cursor).jobs] == [new.id])
        with dispatcher.store.read() as connection:
            start = connection.execute(sa.select(change.c.start)).scalar_one()
        dispatcher.store.bind_home()
        with dispatcher.store.read() as connection:
            assert connection.execute(sa.select(change.c.start)).scalar_one() == start  # once


def test_the_feed_is_read_by_its_index(dispatcher: Dispatcher) -> None:
    with dispatcher.store.read() as connection:
        if connection.dialect.name == "sqlite":
            query = "SELECT seq FROM pfd_job WHERE (changed, seq) > (5, 5) ORDER BY changed, seq LIMIT 9"
            plan = " ".join(str(row) for row in connection.execute(sa.text(f"EXPLAIN QUERY PLAN {query}")))
            assert "ix_pfd_job_changed" in plan
            assert "TEMP B-TREE" not in plan
