"""The store: one database that holds the truth about all jobs."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from pfd import forks
from pfd.errors import SettingsError, StoreError, StoreReplaced
from pfd.hooks import Tables
from pfd.modes import fit, make_home
from pfd.settings import Settings
from pfd.store.deadline import ended_after
from pfd.store.engine import (
    READ,
    UNLIMITED,
    converting,
    explain,
    file_of,
    is_full,
    is_sqlite,
    make_engine,
    refusing_writes,
)
from pfd.store.reserve import Reserve
from pfd.store.schema import CORE, facts
from pfd.urls import mask
from pfd.vitals import Access, Answers

T = TypeVar("T")

STORE_ID_FILE = "store-id"
_STORE_ID = sa.select(facts.c.value).where(facts.c.name == "store_id")


_torn: set[Path] = set()
"""Files that were open at a fork that could not wait: SQLite takes the parent's locks for the child's own, whatever
connection of the child asks."""


class Store:
    """A connection pool to the store named by the settings.  Thread-safe; after a fork each process has its own."""

    def __init__(self, settings: Settings, tables: Sequence[Tables] = ()) -> None:
        self.settings = settings
        self.url = settings.store_url
        self.tables = (CORE, *tables)
        self.problems: dict[str, str] = {}
        self.answers = Answers()
        # The mark is of what lies in the home; a store elsewhere may be another than the one that was served from it.
        self._file = file_of(self.url, None if settings.database_url else settings.home / STORE_ID_FILE, settings.share)
        self.engine: Engine = make_engine(self.url, self._file)
        self._reserve = None if self._file is None else Reserve(self._file.path)
        self._id: str | None = None
        forks.watch(self, before=Store.close, after=Store._leave_to_the_parent)

    def open(self) -> Store:
        """Make sure that the schema fits this code.

        SQLite is brought up by itself; a shared PostgreSQL only by `pfd db upgrade`.  Tables of a plugin that cannot
        be brought up are left out and noted in `problems`.
        """
        self._require_whole()
        try:
            with forks.conversation():
                self._make()
                self._fit()
        except BaseException:
            self.close()
            raise
        return self

    def _make(self) -> None:
        if self._file is not None:
            if not self.settings.database_url:
                self._make_home()
            self._file.make()

    def _make_home(self) -> None:
        home = self.settings.home
        try:
            make_home(home, self.settings.share)
        except OSError as error:
            raise StoreError(
                f"cannot create {home}: {error.strerror or error}", hint="set PFD_HOME to a folder you can write to"
            ) from error

    def _fit(self) -> None:
        try:
            with converting(self.url):
                self._bring_up()
        except StoreError as error:  # no room for what SQLite needs beside the file, not even to be read
            if not self.make_room(error):
                raise
            with converting(self.url):
                self._bring_up()

    def _bring_up(self) -> None:
        from pfd.store import migrate

        behind = migrate.behind(self.engine, self.tables)
        if behind and is_sqlite(self.engine):
            self.problems = migrate.upgrade(self.engine, self.tables)
        elif any(tables.upgrade_order == CORE.upgrade_order for tables in behind):
            raise migrate.refuse(behind)
        else:  # one plugin's tables are no reason to keep the others from working
            self.problems = {tables.name: str(migrate.refuse([tables])) for tables in behind}

    def upgrade(self) -> dict[str, str]:
        """Bring all tables to the newest revision; problems of plugins by name.  Raises `SchemaError`, `StoreError`."""
        from pfd.store import migrate

        self._make()
        with converting(self.url):
            self.problems = migrate.upgrade(self.engine, self.tables)
        return self.problems

    def versions(self) -> dict[str, tuple[str | None, str]]:
        """For the core and each plugin with tables: the revision in this store, and the newest one."""
        from pfd.store import migrate

        with converting(self.url):
            found = migrate.versions(self.engine, self.tables)
        return {tables.name: (found[tables.name], tables.head) for tables in self.tables}

    def close(self) -> None:
        pool = self.engine.pool
        self.engine.dispose()
        # What a thread is at work with still is closed once it is given back, and not left to the garbage collector.
        sa.event.listen(pool, "checkin", lambda _connection, entry: entry.invalidate())

    def _leave_to_the_parent(self, quiet: bool) -> None:
        if quiet:
            return  # none was open
        pool = self.engine.pool
        was_open = not isinstance(pool, QueuePool) or pool.checkedin() or pool.checkedout()
        forks.abandon(pool)
        self.engine.dispose(close=False)
        if self._file is not None and was_open:
            _torn.add(self._file.path)
        if self._reserve is not None and self._file is not None:
            self._reserve = Reserve(self._file.path)

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading, one snapshot."""
        with self._asked("read"), self.engine.connect() as connection:
            connection = connection.execution_options(**READ)
            with connection.begin():
                yield connection

    @contextlib.contextmanager
    def write(self, *, calling_others: bool = False) -> Iterator[Connection]:
        """A connection in a write transaction, committed at the end, rolled back on an error.

        PostgreSQL ends one in which nothing is asked of it for `IDLE_S`, unless the block calls what may take longer: a
        plugin, another server.
        """
        with self._asked("write"), self.engine.begin() as connection:
            if calling_others and not is_sqlite(connection):
                connection.exec_driver_sql(UNLIMITED)
            yield connection

    def settle(self, write: Callable[[Connection], T]) -> T:
        """Do `write` in a transaction that ends something, and so gives back space: where the disk is full, on the
        reserve."""
        try:
            with self.write() as connection:
                return write(connection)
        except StoreError as error:
            if not self.make_room(error):
                raise
        with self.write() as connection:
            return write(connection)

    def make_room(self, error: StoreError, give_up: Callable[[], bool] = lambda: False) -> bool:
        """Where that is an error of a full disk, give up the reserve, or else whatever `give_up` does.

        Whether there was anything to give up, and so whether it is worth another try now.
        """
        reserve = self._reserve
        return reserve is not None and is_full(error, reserve.is_needed) and (reserve.release() or give_up())

    def keep_reserve(self) -> None:
        """Make the reserve where there is none, and room; raises nothing."""
        if self._reserve is not None:
            self._reserve.keep()

    @contextlib.contextmanager
    def _asked(self, access: Access) -> Iterator[None]:
        self._require_whole()
        try:
            with forks.conversation(), converting(self.url):
                yield
        except StoreError:
            self.answers.failed(access)
            raise
        self.answers.came(access)

    def _require_whole(self) -> None:
        forks.notice()
        if self._file is not None and self._file.path in _torn:
            raise StoreError(
                "this process was forked in the middle of a transaction of its parent, which SQLite does not survive",
                hint="fork outside of sessions, or start processes afresh (multiprocessing: 'spawn' or 'forkserver'; "
                "uWSGI: lazy-apps, or py-call-osafterfork)",
            )

    @contextlib.contextmanager
    def session(self, *, write: bool = False, most: float | None = None) -> Iterator[Session]:
        """An ORM session for the tables of plugins; read-only unless `write`.

        Rolled back with a `StoreError` where it is held for longer than `most` seconds.
        """
        # The session joins the transaction; what it commits is kept only when the block ends well.
        with (
            self.write() if write else self.read() as connection,
            contextlib.nullcontext() if write else refusing_writes(connection),
            contextlib.nullcontext() if most is None else ended_after(connection, most),
            Session(bind=connection, expire_on_commit=False, join_transaction_mode="create_savepoint") as session,
        ):
            yield session
            if write:
                session.commit()

    def is_missing(self) -> bool:
        """Whether its file is not there any more, for certain; False of a server."""
        return self._file is not None and self._file.is_missing()

    def check_identity(self) -> None:
        """Make sure that this is still the store that the home was bound to.

        Raises
        ------
        StoreReplaced : it is another one.
        StoreError : it cannot be looked at.
        """
        with self.read() as connection:
            found = connection.execute(_STORE_ID).scalar()
        if self._id is not None and found != self._id:
            raise StoreReplaced(
                f"the store {mask(self.url)} is another one than when this program began",
                hint="start it again to serve that one, or put the other back first",
                certain=found is not None,
            )

    def bind_home(self) -> None:
        """Tie this store to `PFD_HOME`, or check that it is.

        All machines of one store share one home.  Raises `SettingsError` where this home belongs to another store, or
        the store to another home: results would be looked for where they are not.
        """
        from pfd.store import feed, migrate

        path = self.settings.home / STORE_ID_FILE
        try:
            # In one transaction, so that a home that cannot be written leaves no store tied to it.
            with self.write() as connection:
                migrate.one_at_a_time(connection)
                feed.go_on(connection)
                known = connection.execute(_STORE_ID).scalar()
                found = path.read_text(encoding="ascii").strip() if path.exists() else None
                fresh = known is None
                if known is None:
                    known = uuid.uuid4().hex
                    connection.execute(facts.insert().values(name="store_id", value=known))
                # A store that lies in its home cannot be parted from it.
                if found is None and (fresh or not self.settings.database_url):
                    make_home(self.settings.home, self.settings.share)
                    temporary = path.with_name(f".{path.name}.{os.getpid()}")
                    temporary.write_text(known, encoding="ascii")
                    fit(temporary)
                    temporary.replace(path)
                    found = known
                if self._file is not None:
                    self._file.bound(known)
                if found != known:
                    raise SettingsError(
                        f"PFD_HOME {self.settings.home} does not belong to the store this worker is to serve",
                        hint="all machines of one store share one PFD_HOME: set it to that folder",
                    )
            self._id = known
        except OSError as error:
            raise SettingsError(
                f"PFD_HOME {self.settings.home} is not writable: {error.strerror or error}",
                hint="set PFD_HOME to a folder you can write to",
            ) from error


def reachable(store: Store) -> str | None:
    """None when the store answers, else why it does not."""
    try:
        with store.engine.connect() as connection:
            connection.execution_options(**READ).exec_driver_sql("SELECT 1")
    except DBAPIError as error:
        return str(explain(error, store.url))
    except StoreError as error:
        return str(error)
    return None
