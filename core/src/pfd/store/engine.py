"""Connections: SQLite in WAL mode with immediate write transactions, or PostgreSQL; errors made clear."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError, DisconnectionError, NoSuchModuleError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from pfd.errors import StoreError, StoreUnavailable
from pfd.modes import Share
from pfd.origin import first_line
from pfd.store.file import StoreFile, store_id
from pfd.urls import mask, purge

BUSY_SECONDS = 20.0
"""How long a writer waits for another one on SQLite before it gives up."""

PATIENT_TRIES = 50
"""Tries, 50 µs and more apart, before a waiting writer slows down."""

PATIENCE = {
    "connect_timeout": "10",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
"""How long the client of PostgreSQL waits for a server that went away without a word; what the URL says stands."""

RESTED = 0.05
"""Seconds after which a connection that was not used is asked whether it is still there.

Less than a server takes to start again: who uses a connection all the time does not see one that was closed meanwhile.
"""

IDLE = "idle_in_transaction_session_timeout"
IDLE_S = 5.0
"""Seconds after which PostgreSQL ends a transaction whose program does nothing.

PFD computes first and then writes; a program that was stopped in between, or its machine suspended, would keep the rows
that it had written from everybody for as long as it sleeps.
"""

UNLIMITED = f"SET LOCAL {IDLE} = 0"
"""Lifts that for one transaction."""

READ = {"pfd_read": True}


def make_engine(url: str, file: StoreFile | None = None) -> Engine:
    """An engine for the store at `url`, of SQLite in `file`; nothing is connected yet."""
    try:
        parsed = sa.make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return _sqlite(parsed, file)
        parsed = parsed.update_query_dict({**PATIENCE, **parsed.query})
        engine = _asking_the_rested(sa.create_engine(parsed, pool_size=8, max_overflow=24))
        return engine if IDLE in str(parsed.query.get("options", "")) else _ending_the_idle(engine)
    except ModuleNotFoundError as error:
        raise StoreError(f"no driver for {mask(url)}: {error}", hint="pip install 'pfd-core[postgres]'") from error
    except (SQLAlchemyError, NoSuchModuleError, ValueError, TypeError) as error:
        purge(error, url)
        raise StoreError(f"database URL {mask(url)!r} cannot be used: {error}") from error


def _asking_the_rested(engine: Engine) -> Engine:
    """Have a connection asked whether it is still there before it is used, where it has not been for a while.

    SQLAlchemy's own way asks each time, which is one in five of the trips that a job makes to the server.
    """

    @event.listens_for(engine, "checkin")
    def _rest(_connection: object, entry: ConnectionPoolEntry) -> None:
        entry.info["rested_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _ask(connection: Any, entry: ConnectionPoolEntry, _proxy: object) -> None:
        since = entry.info.get("rested_since")
        if since is None or time.monotonic() - since < RESTED:
            return
        driver: Any = engine.dialect.loaded_dbapi
        try:
            engine.dialect.do_ping(connection)
        except driver.Error as error:
            raise DisconnectionError("the server has closed it") from error  # the pool makes another

    return engine


def _ending_the_idle(engine: Engine) -> Engine:
    """Have the server end a transaction whose program does nothing in it."""

    @event.listens_for(engine, "connect")
    def _limit(connection: Any, _entry: ConnectionPoolEntry) -> None:
        connection.execute(f"SET {IDLE} = {IDLE_S * 1000:.0f}")
        connection.commit()

    return engine


def _sqlite(url: sa.URL, file: StoreFile | None) -> Engine:
    if not url.database or url.database == ":memory:":
        raise StoreError("an in-memory SQLite store cannot be shared with a worker", hint="name a file")
    engine = sa.create_engine(
        url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False}, pool_size=8, max_overflow=24
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
        # A text that is not UTF-8 would keep all rows beside it from being read.
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        connection.isolation_level = None  # transactions begin where PFD says so, not where the driver guesses
        cursor = connection.cursor()
        _patiently(connection, "PRAGMA journal_mode=WAL")  # SQLite itself waits for nobody here
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA wal_autocheckpoint=4000")  # 16 MB: fewer waits for the disk
        cursor.close()
        from pfd.store import copies  # not before there is a connection: whoever imports PFD may need none

        if copies.is_unused(connection):
            _patiently(connection, copies.DRAW)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        raw: Any = connection.connection.driver_connection
        if connection.get_execution_options().get("pfd_read", False):
            raw.execute("BEGIN")
        else:
            # A deferred transaction that reads and then writes fails at once when another writer came between.
            _patiently(raw, "BEGIN IMMEDIATE")

    if file is not None:
        _staying_with(file, engine)
    return engine


def _staying_with(file: StoreFile, engine: Engine) -> None:
    """Have every transaction be one of that file, which is never made by being opened."""

    @event.listens_for(engine, "do_connect")
    def _name(_dialect: object, entry: ConnectionPoolEntry, arguments: list[Any], options: dict[str, Any]) -> None:
        entry.info["file"] = file.about_to_open()
        arguments[0] = file.uri
        options["uri"] = True

    @event.listens_for(engine, "connect")
    def _note(connection: sqlite3.Connection, entry: ConnectionPoolEntry) -> None:
        file.opened(entry.info["file"], store_id(connection))

    @event.listens_for(engine, "checkout")
    def _look(_connection: object, entry: ConnectionPoolEntry, _proxy: object) -> None:
        if file.identity() != entry.info["file"]:
            raise DisconnectionError("its file was moved, and another lies there")  # the pool opens that one


def _patiently(raw: sqlite3.Connection, statement: str) -> None:
    """Execute a statement that takes a lock.

    SQLite's own waiting sleeps for up to 100 ms at a time, many times what a writer holds the lock for, so the wait is
    done here.
    """
    deadline = time.monotonic() + BUSY_SECONDS
    pause, tries = 0.00005, 0
    raw.execute("PRAGMA busy_timeout=0")
    try:
        while True:
            try:
                raw.execute(statement)
            except sqlite3.DatabaseError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise OperationalError(statement, None, error) from error
                time.sleep(pause)
                # Short at first, or one of two busy writers finds the other's lock taken each time it wakes.
                tries += 1
                if tries > PATIENT_TRIES:
                    pause = min(0.0005, pause * 1.5)
            else:
                return
    finally:
        raw.execute(f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}")


@contextmanager
def converting(url: str) -> Iterator[None]:
    """Turn errors of the driver into a `StoreError` that says what to do."""
    try:
        yield
    except DBAPIError as error:
        raise explain(error, url) from error
    except PoolTimeout as error:
        raise StoreError(f"too many connections to the store {mask(url)}", hint="use fewer slots a worker") from error


@contextmanager
def refusing_writes(connection: Connection) -> Iterator[None]:
    """Have the database itself refuse every write of this transaction."""
    if not is_sqlite(connection):
        # It holds no row, and its holder may look at what it has read for a while.
        connection.exec_driver_sql(f"SET TRANSACTION READ ONLY; {UNLIMITED}")
        yield
        return
    connection.exec_driver_sql("PRAGMA query_only=ON")
    try:
        yield
    finally:
        connection.exec_driver_sql("PRAGMA query_only=OFF")


def explain(error: DBAPIError, url: str) -> StoreError:
    """A `StoreError` for an error of the driver, from which it takes what is secret in the URL."""
    purge(error, url)
    reason = first_line(error.orig or error, type(error.orig).__name__)
    where = mask(url)
    low = reason.lower()
    if "is locked" in low or "is busy" in low:
        return StoreUnavailable(f"the store {where} is locked by another program", hint="end it, or wait and try again")
    if "readonly" in low or "read-only" in low:
        return StoreError(
            f"the store {where} is read-only", hint="check the rights on the file and its folder, or write in a job"
        )
    if "unable to open" in low:
        return StoreError(f"the store {where} cannot be opened", hint="check that its folder exists and is writable")
    if "disk is full" in low or "no space left" in low or "disk i/o" in low:
        return StoreError(f"the disk of the store {where} is full or failing: {reason}", hint="free some space")
    if "malformed" in low or "not a database" in low:
        return StoreError(
            f"the store {where} is damaged: {reason}",
            hint="put a backup in its place; or move it away, and 'store-id' in PFD_HOME, to begin with an empty one",
        )
    if "no such table" in low or "undefinedtable" in type(error.orig).__name__.lower():
        return StoreError(f"the store {where} has no tables: {reason}", hint="run 'pfd db upgrade'")
    if getattr(error.orig, "sqlstate", None) == "25P03":
        return StoreUnavailable(
            f"this program did nothing for {IDLE_S:g} s in the middle of a write to {where}: nothing was written",
            hint="try again; it was stopped, or its machine is far too busy",
        )
    kind = StoreUnavailable if _went_away(error) else StoreError
    return kind(f"the store {where} cannot be used: {reason}", hint="'pfd doctor' checks the connection")


def is_full(error: StoreError, probe: Callable[[], bool]) -> bool:
    """Whether there was no space on the disk of a SQLite store; `probe` looks where SQLite does not tell.

    What it says of a quota that is used up it also says of a device that fails.
    """
    cause = error.__cause__
    code = getattr(cause.orig, "sqlite_errorcode", None) if isinstance(cause, DBAPIError) else None
    if code in (sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_WRITE):
        return probe()
    return code == sqlite3.SQLITE_FULL


def is_of_the_statement(error: DBAPIError) -> bool:
    """Whether it is what was asked of the store that is wrong, or a value in it, and not the store."""
    state = getattr(error.orig, "sqlstate", None)
    if isinstance(state, str):
        return state[:2] in ("22", "23", "42")  # data, integrity, syntax or names
    code = getattr(error.orig, "sqlite_errorcode", None)
    return code & 0xFF in _OF_THE_STATEMENT if isinstance(code, int) else not isinstance(error, OperationalError)


_OF_THE_STATEMENT = (
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_TOOBIG,
    sqlite3.SQLITE_RANGE,
)


def _went_away(error: DBAPIError) -> bool:
    """Whether it is the connection that failed, or the server that made way for others: worth another try."""
    state = getattr(error.orig, "sqlstate", None)
    if isinstance(state, str):
        # Class 08: connection; 57P: shutdown, start-up; 53: out of resources; 40: lost against another transaction;
        # 55P03: a lock that is taken.
        return state[:2] in ("08", "53", "40") or state.startswith("57P") or state == "55P03"
    of_sqlite = isinstance(error.orig, sqlite3.Error)
    return error.connection_invalidated or (isinstance(error, OperationalError) and not of_sqlite)


def file_of(url: str, mark: Path | None, share: Share) -> StoreFile | None:
    """The file of a SQLite store; None of another one, and where the URL does not say plainly which file it is."""
    try:
        parsed = sa.make_url(url)
    except (SQLAlchemyError, ValueError):  # for `make_engine` to say
        return None
    name = parsed.database or ":memory:"
    if parsed.get_backend_name() != "sqlite" or name == ":memory:" or name.startswith("file:"):
        return None
    return StoreFile(Path(os.path.abspath(name)), mark, share)


def is_sqlite(engine: Engine | Connection) -> bool:
    return bool(engine.dialect.name == "sqlite")


def driver_version(engine: Engine) -> str:
    """Name and version of the database, for people."""
    if is_sqlite(engine):
        return f"SQLite {sqlite3.sqlite_version}"
    with engine.connect() as connection:
        row: Any = connection.execute(sa.text("SHOW server_version")).scalar()
        return f"PostgreSQL {row}"
