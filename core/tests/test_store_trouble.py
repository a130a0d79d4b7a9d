"""A store that is damaged, locked, full, newer, read-only or not there: one clear error, and nothing half-written."""

from __future__ import annotations

import ast
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from core.tests.support.stores import Databases, as_environment, make_settings
from core.tests.support.waiting import until
from pfd import Dispatcher, PfdError, SchemaError, Settings, SettingsError, State, StoreError, StoreUnavailable, Worker
from pfd.plugins import Registry
from pfd.store import NewJob, Store, engine, jobs


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def database(sqlite_settings: Settings, registry: Registry) -> Path:
    """The file of a store with three jobs in it; nobody has it open."""
    with Dispatcher(sqlite_settings, registry=registry) as dispatcher:
        for number in range(3):
            dispatcher.submit("add", {"a": number})
    return sqlite_settings.home / "pfd.sqlite3"


def trouble(settings: Settings, registry: Registry) -> PfdError:
    """The error that a submission meets; its message is one line, and so is its hint."""
    with Dispatcher(settings, registry=registry) as dispatcher, pytest.raises(PfdError) as caught:
        dispatcher.submit("add", {"a": 1})
    assert isinstance(caught.value, StoreError)
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    assert "\n" not in caught.value.hint
    return caught.value


def count(database: Path) -> int:
    with closing(sqlite3.connect(database)) as connection:
        return int(connection.execute("SELECT count(*) FROM pfd_job").fetchone()[0])


def test_a_store_newer_than_the_code_is_refused_and_left_as_it_is(
    database: Path, sqlite_settings: Settings, registry: Registry
) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE pfd_alembic_version SET version_num = 'pfd_9999'")
    error = trouble(sqlite_settings, registry)
    assert isinstance(error, SchemaError)
    assert "at revision pfd_9999, which this version does not know" in str(error)
    assert "update pfd-core" in (error.hint or "")
    assert count(database) == 3


def test_a_newer_store_on_postgresql_is_refused_by_submissions_and_upgrades(
    databases: Databases, tmp_path: Path, registry: Registry
) -> None:
    settings = make_settings(tmp_path / "home", databases.url("postgres", tmp_path))
    store = Store(settings, registry.tables())
    with store.write() as connection:
        connection.exec_driver_sql("UPDATE pfd_alembic_version SET version_num = 'pfd_9999'")
    assert isinstance(trouble(settings, registry), SchemaError)
    with pytest.raises(SchemaError, match="which this version does not know"):
        store.upgrade()
    store.close()


@pytest.mark.parametrize("damage", ["no database", "empty pages", "torn"])
def test_a_damaged_file_is_said_to_be_damaged(
    database: Path, sqlite_settings: Settings, registry: Registry, damage: str
) -> None:
    for leftover in database.parent.glob("pfd.sqlite3-*"):
        leftover.unlink()
    content = database.read_bytes()
    if damage == "no database":
        database.write_bytes(b"this is a letter to a friend\n" * 1000)
    elif damage == "empty pages":
        database.write_bytes(content[:100] + bytes(len(content) - 100))
    else:
        database.write_bytes(content[: len(content) // 2 // 4096 * 4096])
    before = database.read_bytes()
    assert "is damaged" in str(trouble(sqlite_settings, registry))
    assert database.read_bytes()[100:] == before[100:]


def test_a_store_that_another_program_has_locked_is_said_to_be_locked(
    database: Path, sqlite_settings: Settings, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.2)  # not twenty: the test need not take as long as a user may
    code = (
        f"import sqlite3, sys; c = sqlite3.connect({str(database)!r}, isolation_level=None)\n"
        "c.execute('BEGIN EXCLUSIVE'); print('locked', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        assert "is locked by another program" in str(trouble(sqlite_settings, registry))
    finally:
        holder.communicate()
    assert count(database) == 3
    with Dispatcher(sqlite_settings, registry=registry) as dispatcher:
        dispatcher.submit("add", {"a": 1})
    assert count(database) == 4


def test_a_writer_waits_for_another_one(database: Path, sqlite_settings: Settings, registry: Registry) -> None:
    code = (
        f"import sqlite3, sys, time; c = sqlite3.connect({str(database)!r}, isolation_level=None)\n"
        "c.execute('BEGIN IMMEDIATE'); print('locked', flush=True); time.sleep(0.5); c.execute('COMMIT')"
    )
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "locked\n"
    with Dispatcher(sqlite_settings, registry=registry) as dispatcher:
        dispatcher.submit("add", {"a": 1})
    holder.communicate()
    assert count(database) == 4


STOPPED_MIDWAY = """
import os, signal, sys
import sqlalchemy as sa
from pfd import load_settings
from pfd.errors import StoreUnavailable
from pfd.store import Store
from pfd.store.schema import jobs

store = Store(load_settings().values)
change = sa.update(jobs).values(status="changed")
try:
    with store.write() as connection:
        connection.execute(change)
        os.kill(os.getpid(), signal.SIGSTOP)
        connection.execute(change)
except StoreUnavailable as error:
    with store.read() as connection:  # the next transaction is none of its concern
        print(error, connection.execute(sa.select(jobs.c.status)).scalar())
"""


def test_a_program_that_is_stopped_in_the_middle_of_a_write_does_not_keep_its_rows(
    databases: Databases, tmp_path: Path, registry: Registry
) -> None:
    settings = make_settings(tmp_path / "home", databases.url("postgres", tmp_path))
    with Dispatcher(settings, registry=registry) as dispatcher:
        handle = dispatcher.submit("add", {"a": 1})
        code = [sys.executable, "-c", STOPPED_MIDWAY]
        stopped = subprocess.Popen(
            code, env=os.environ | as_environment(settings), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            process = psutil.Process(stopped.pid)
            until(lambda: process.status() == psutil.STATUS_STOPPED, "it has stopped itself")
            handle.revoke()
        finally:
            stopped.send_signal(signal.SIGCONT)
        printed, _ = stopped.communicate(timeout=60)
        assert handle.state is State.REVOKED
    assert stopped.returncode == 0, printed
    assert "did nothing for 5 s in the middle of a write" in printed
    assert "changed" not in printed


def test_a_write_that_calls_others_takes_its_time_and_what_the_url_says_of_the_limit_stands(
    databases: Databases, tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "IDLE_S", 0.2)
    url = databases.url("postgres", tmp_path)

    def idle(store: Store, *, calling_others: bool = False) -> str:
        with store.write(calling_others=calling_others) as connection:
            shown = connection.exec_driver_sql(f"SHOW {engine.IDLE}").scalar()
            time.sleep(1.0)
            connection.exec_driver_sql("SELECT 1")
        return str(shown)

    with closing(Store(make_settings(tmp_path / "home", url), registry.tables()).open()) as store:
        with pytest.raises(StoreUnavailable, match="did nothing"):
            idle(store)
        assert idle(store, calling_others=True) == "0"
    mark = "&" if "?" in url else "?"
    slow = make_settings(tmp_path / "home", f"{url}{mark}options=-c%20{engine.IDLE}%3D7000")
    with closing(Store(slow, registry.tables()).open()) as store:
        assert idle(store) == "7s"


def test_missing_folders_above_the_store_are_made(tmp_path: Path, registry: Registry) -> None:
    settings = make_settings(tmp_path / "not" / "yet" / "there")
    with Dispatcher(settings, registry=registry) as dispatcher:
        dispatcher.submit("add", {"a": 1})
    assert (settings.home / "pfd.sqlite3").is_file()


def test_a_file_where_the_folder_of_the_store_should_be_is_named(home: Path, registry: Registry) -> None:
    home.write_text("a file", encoding="utf-8")
    error = trouble(make_settings(home), registry)
    assert str(home) in str(error)
    assert "set PFD_HOME" in (error.hint or "")


def test_a_folder_where_the_file_of_the_store_should_be_is_named(home: Path, registry: Registry) -> None:
    (home / "pfd.sqlite3").mkdir(parents=True)
    assert "cannot be opened" in str(trouble(make_settings(home), registry))


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_store_in_memory_is_refused(home: Path, registry: Registry, url: str) -> None:
    assert "in-memory" in str(trouble(make_settings(home, url), registry))


def test_a_server_that_is_not_there_is_named_without_its_password(home: Path, registry: Registry) -> None:
    url = f"postgresql://user:secret@/name?host={home}"
    error = trouble(make_settings(home, url), registry)
    assert "cannot be used" in str(error)
    assert "secret" not in str(error)


def test_a_database_without_tables_is_refused_until_it_is_upgraded_by_name(
    postgres_database: str, home: Path, registry: Registry
) -> None:
    settings = make_settings(home, postgres_database)
    error = trouble(settings, registry)
    assert "not at its revision: pfd" in str(error)
    assert "pfd db upgrade" in (error.hint or "")
    store = Store(settings, registry.tables())
    assert store.upgrade() == {}
    store.close()
    with Dispatcher(settings, registry=registry) as dispatcher:
        dispatcher.submit("add", {"a": 1})


# -- a file that is moved away ------------------------------------------------------------------------------------


def test_a_store_that_is_moved_away_under_a_worker_is_missed_until_it_is_back(
    sqlite_settings: Settings, registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    database, away = sqlite_settings.home / "pfd.sqlite3", sqlite_settings.home / "away"
    with Worker(sqlite_settings, registry=registry), Dispatcher(sqlite_settings, registry=registry) as dispatcher:
        running = dispatcher.submit("nap", {"seconds": 1.0})
        until(lambda: running.state is State.PROGRESS)
        database.rename(away)
        moved = time.monotonic()
        assert "is gone: it was moved or removed" in str(trouble(sqlite_settings, registry))
        with pytest.raises(StoreUnavailable, match="is gone"):
            dispatcher.submit("add", {"a": 1})
        until(lambda: "the end of a job is not stored yet" in caplog.text)
        assert not database.exists()
        away.rename(database)
        looks = caplog.text.count("the store does not answer")
        assert looks <= (time.monotonic() - moved) / sqlite_settings.sweep + 3
        assert running.get(60) == {"text": "slept in attempt 1"}
        assert dispatcher.submit("add", {"a": 1}).get(60) == {"value": 2}
    assert count(database) == 2


@pytest.mark.parametrize("artifact", ["", "a"])
def test_work_that_ends_while_the_home_cannot_be_looked_at_is_kept(
    tmp_path: Path, registry: Registry, caplog: pytest.LogCaptureFixture, artifact: str
) -> None:
    """A link that leads to too long a name stands for a file system that answers EIO or ESTALE for a moment."""
    home, real = tmp_path / "home", tmp_path / "real"
    real.mkdir()
    home.symlink_to(real)
    with Worker(make_settings(home), registry=registry), Dispatcher(make_settings(home), registry=registry) as d:
        running = d.submit("nap", {"seconds": 1.0, "artifact": artifact})
        until(lambda: running.state is State.PROGRESS)
        home.unlink()
        home.symlink_to("x" * 300)
        with pytest.raises(StoreUnavailable, match="cannot be looked at: File name too long"):
            d.submit("add", {"a": 1})
        until(lambda: "of a job is not stored yet" in caplog.text or "of a job are not listed yet" in caplog.text)
        home.unlink()
        home.symlink_to(real)
        assert running.get(60) == {"text": "slept in attempt 1"}
        assert [item.name for item in d.job(running.id).artifacts] == [artifact] * bool(artifact)
        assert len(d.claims(running.id)) == 1


def test_what_only_the_log_of_a_moved_store_holds_is_not_thrown_away(
    sqlite_settings: Settings, registry: Registry
) -> None:
    database, away = sqlite_settings.home / "pfd.sqlite3", sqlite_settings.home / "away"
    with Dispatcher(sqlite_settings, registry=registry) as dispatcher:
        dispatcher.submit("add", {"a": 1})
        database.rename(away)
        error = trouble(sqlite_settings, registry)
        assert f"move {database}-wal away as well" in (error.hint or "")
        away.rename(database)
        assert len(dispatcher.jobs()) == 1
    assert count(database) == 1


def test_a_store_that_was_served_is_made_anew_only_where_nothing_says_that_there_was_one(
    sqlite_settings: Settings, registry: Registry
) -> None:
    database, mark = sqlite_settings.home / "pfd.sqlite3", sqlite_settings.home / "store-id"
    with Worker(sqlite_settings, registry=registry):
        pass
    database.unlink()
    for content in (None, b""):
        if content is not None:
            database.write_bytes(content)
        assert str(mark) in (trouble(sqlite_settings, registry).hint or "")
        with closing(Store(sqlite_settings, registry.tables())) as store, pytest.raises(StoreError, match="is gone"):
            store.upgrade()
        assert not database.exists() or database.stat().st_size == 0
    mark.unlink()
    with Worker(sqlite_settings, registry=registry), Dispatcher(sqlite_settings, registry=registry) as dispatcher:
        assert dispatcher.submit("add", {"a": 1}).get(60) == {"value": 2}


def test_a_store_that_comes_back_as_a_copy_is_gone_on_with_and_another_one_is_not(
    sqlite_settings: Settings, registry: Registry, tmp_path: Path
) -> None:
    database, other = sqlite_settings.home / "pfd.sqlite3", make_settings(tmp_path / "other")
    for settings in (sqlite_settings, other):
        with Worker(settings, registry=registry):
            pass
    with Dispatcher(sqlite_settings, registry=registry) as dispatcher:
        dispatcher.submit("add", {"a": 1})
        away = database.rename(tmp_path / "away")
        shutil.copy(other.home / "pfd.sqlite3", database)
        with pytest.raises(StoreUnavailable, match="lies another file"):
            dispatcher.submit("add", {"a": 2})
        Path(shutil.copy(away, tmp_path / "copy")).replace(database)
        dispatcher.submit("add", {"a": 3})
        assert len(dispatcher.jobs()) == 2
    assert (count(database), count(other.home / "pfd.sqlite3")) == (2, 0)


# -- as a user without rights -------------------------------------------------------------------------------------

SUBMIT = """
import os, sys
from pathlib import Path
from pfd import Dispatcher, PfdError, load_settings
loaded = load_settings().values
with Dispatcher(loaded.model_copy(update={"home": Path(sys.argv[1])})) as first:
    first.submit("add", {"a": 1})  # whatever is imported late is imported now, by a user who may read it
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    Dispatcher(loaded).submit("add", {"a": 1})
    print(["stored", "", ""])
except PfdError as error:
    print([type(error).__name__, str(error), error.hint])
"""


@pytest.fixture
def open_folder(listeners: Path) -> Iterator[Path]:
    """A folder that any user can enter: pytest's own are closed to others."""
    folder = listeners / "open"
    folder.mkdir()
    listeners.chmod(0o755)
    yield folder
    listeners.chmod(0o700)
    subprocess.run(["rm", "-rf", str(folder)], check=True)


def submit_without_rights(settings: Settings, scratch: Path) -> list[str]:
    """(error, message, hint) of a submission by a user who does not own the store."""
    done = subprocess.run(
        [sys.executable, "-c", SUBMIT, str(scratch)],
        env=os.environ | as_environment(settings),
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[str] = ast.literal_eval(done.stdout)
    return found


def test_a_read_only_store_is_said_to_be_read_only(open_folder: Path, tmp_path: Path, registry: Registry) -> None:
    settings = make_settings(open_folder / "home")
    with Dispatcher(settings, registry=registry) as dispatcher:
        dispatcher.submit("add", {"a": 1})
    settings.home.chmod(0o555)
    (settings.home / "pfd.sqlite3").chmod(0o444)
    kind, message, hint = submit_without_rights(settings, tmp_path)
    assert kind == "StoreError"
    assert "is read-only" in message or "cannot be opened" in message
    assert "check" in hint
    settings.home.chmod(0o755)
    assert count(settings.home / "pfd.sqlite3") == 1


def test_a_home_that_cannot_be_made_is_named(open_folder: Path, tmp_path: Path) -> None:
    open_folder.chmod(0o555)
    kind, message, hint = submit_without_rights(make_settings(open_folder / "home"), tmp_path)
    assert (kind, hint) == ("StoreError", "set PFD_HOME to a folder you can write to")
    assert message == f"cannot create {open_folder / 'home'}: Permission denied"
    assert list(open_folder.iterdir()) == []


WITHOUT_ACCESS = """
import os, sys
from pathlib import Path
from pfd import Dispatcher, StoreUnavailable, load_settings
loaded = load_settings().values
with Dispatcher(loaded.model_copy(update={"home": Path(sys.argv[1])})) as first:
    first.submit("add", {"a": 1})  # as above
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
dispatcher, home = Dispatcher(loaded), loaded.home
dispatcher.submit("add", {"a": 1})
for said in range(2):
    home.chmod(0)
    for call in dispatcher.jobs, lambda: dispatcher.submit("add", {"a": 1}):
        try:
            call()
        except StoreUnavailable as error:
            print(error)
    home.chmod(0o755)
    print(len(dispatcher.jobs()))
"""


def test_a_home_that_may_not_be_entered_for_a_moment_makes_the_store_unavailable(
    open_folder: Path, tmp_path: Path
) -> None:
    settings = make_settings(open_folder / "home")
    open_folder.chmod(0o777)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_ACCESS, str(tmp_path)],
        env=os.environ | as_environment(settings),
        capture_output=True,
        text=True,
        check=False,
    )
    said = f"the store {settings.home / 'pfd.sqlite3'} cannot be looked at: Permission denied"
    assert done.stdout.splitlines() == [said, said, "1"] * 2, done.stderr


# -- a full disk --------------------------------------------------------------------------------------------------

FILL = """
import resource, sys
from pfd import Dispatcher, PfdError
d = Dispatcher()
if sys.argv[1] == "with tables":
    d.submit("nap", {"witness": "first"})
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
stored = 0
try:
    while True:
        d.submit("nap", {"witness": "x" * 20_000})
        stored += 1
except PfdError as error:
    print([type(error).__name__, str(error), error.hint, stored])
"""


@pytest.mark.parametrize("when", ["with tables", "before there are tables"])
def test_a_full_disk_is_said_to_be_full_and_keeps_what_was_stored(sqlite_settings: Settings, when: str) -> None:
    """A limit on the size of files, which the kernel refuses to exceed, stands for the end of the disk."""
    limit = "600000" if when == "with tables" else "30000"
    done = subprocess.run(
        [sys.executable, "-c", FILL, when, limit],
        env=os.environ | as_environment(sqlite_settings),
        capture_output=True,
        text=True,
        check=True,
    )
    kind, message, hint, stored = ast.literal_eval(done.stdout)
    assert kind == "StoreError"
    assert "is full or failing" in message
    assert "\n" not in message
    assert hint == "free some space"
    with closing(sqlite3.connect(sqlite_settings.home / "pfd.sqlite3")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    # Once there is room again, the store works, with all that had been stored.
    with Dispatcher(sqlite_settings) as dispatcher:
        dispatcher.submit("nap")
        assert len(dispatcher.jobs(limit=1000)) == stored + 1 + (when == "with tables")
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


FAILING = """
import resource
from pfd import StoreError, load_settings
from pfd.store import NewJob, Store, jobs
store = Store(load_settings().values).open()
with store.write() as connection:
    jobs.insert(connection, NewJob("add", "default", {}))
store.keep_reserve()
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
for _ in range(2):
    try:
        with store.write() as connection:
            jobs.insert(connection, NewJob("add", "default", {"a": "x" * 200_000}))
    except StoreError as error:
        print(error.__cause__.orig.sqlite_errorname, store.make_room(error, lambda: True))
"""


def test_nothing_is_given_up_for_a_disk_that_fails_and_is_not_full(sqlite_settings: Settings) -> None:
    """Files may not be large, which SQLite tells apart neither from a quota nor from a device that fails."""
    done = subprocess.run(
        [sys.executable, "-c", FAILING],
        env=os.environ | as_environment(sqlite_settings),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["SQLITE_IOERR_WRITE False"] * 2
    assert [path.stat().st_size for path in sqlite_settings.home.glob(".pfd.sqlite3.reserve*")] == [4 * 2**20]


# -- homes --------------------------------------------------------------------------------------------------------


def test_a_worker_of_another_home_is_refused(databases: Databases, tmp_path: Path, registry: Registry) -> None:
    url = databases.url("postgres", tmp_path)
    with Worker(make_settings(tmp_path / "one", url), registry=registry):
        pass
    with pytest.raises(SettingsError, match="does not belong to the store"):
        Worker(make_settings(tmp_path / "two", url), registry=registry).start()
    with Worker(make_settings(tmp_path / "one", url), registry=registry):
        pass


def test_a_home_of_another_store_is_refused(tmp_path: Path, registry: Registry) -> None:
    settings = make_settings(tmp_path / "home")
    with Worker(settings, registry=registry):
        pass
    elsewhere = make_settings(tmp_path / "home", f"sqlite:///{tmp_path}/other.sqlite3")
    with pytest.raises(SettingsError, match="does not belong to the store"):
        Worker(elsewhere, registry=registry).start()
    with Worker(settings, registry=registry):
        pass
    # Nor is the refused store tied to anything by that.
    with Worker(make_settings(tmp_path / "home of the other", elsewhere.database_url), registry=registry):
        pass


def test_a_home_that_cannot_be_written_leaves_no_store_tied_to_it(
    databases: Databases, tmp_path: Path, registry: Registry
) -> None:
    url = databases.url("postgres", tmp_path)
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    with pytest.raises(SettingsError, match="is not writable"):
        Worker(make_settings(tmp_path / "file" / "home", url), registry=registry).start()
    with Worker(make_settings(tmp_path / "home", url), registry=registry):
        pass


def test_an_error_in_the_words_of_a_table_is_not_taken_for_a_full_disk(store: Store) -> None:
    with pytest.raises(StoreError) as caught, store.read() as connection:
        connection.exec_driver_sql("SELECT fullness, busy_lines FROM pfd_job")
    assert "fullness" in str(caught.value)
    assert "disk" not in str(caught.value)


def test_a_session_for_reading_writes_nothing(store: Store) -> None:
    from pfd_sample.records import Note

    with store.write() as connection:
        job_id = jobs.insert(connection, NewJob("add", "default", {"a": 1})).id

    def sneak() -> None:
        with store.session() as session:
            session.add(Note(job_id=job_id, text="sneaked in"))
            session.commit()

    with pytest.raises(StoreError, match="read-only"):
        sneak()
    with store.session(write=True) as session:
        assert session.query(Note).all() == []
