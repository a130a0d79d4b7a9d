"""A copy of a SQLite store that is whole, made while others write to it; and the command for another kind of store."""

from __future__ import annotations

import contextlib
import os
import shlex
import sqlite3
import uuid
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from pfd.errors import DataError, SettingsError, StoreError
from pfd.modes import Share, store_mode
from pfd.store.copies import set_apart
from pfd.store.engine import is_sqlite
from pfd.store.store import Store


def back_up(store: Store, target: Path) -> int:
    """Copy the store to a new file, whole or not at all; its size in bytes.

    All that was stored before is in it.  Who writes meanwhile is not kept waiting.

    Raises
    ------
    DataError : there is such a file already, or it cannot be written there.
    SettingsError : the store is none of SQLite; the hint has the command that copies it.
    StoreError : it cannot be read, or is damaged.
    """
    if not is_sqlite(store.engine):
        raise SettingsError(
            f"a store of {store.engine.dialect.name} is copied by the database's own program",
            hint=f"run {dump_command(store.engine.url, target)}",
        )
    if os.path.lexists(target):
        raise _exists(target)
    written = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        _make(written, store.settings.share)
        _copy(store, written)
        _put(written, target)
        return target.stat().st_size
    except OSError as error:
        raise DataError(f"{target} cannot be written: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            written.unlink(missing_ok=True)


def dump_command(url: sa.URL, target: Path) -> str:
    """The command that copies a PostgreSQL store; it asks for the password, or finds it where PostgreSQL keeps it."""
    place: dict[str, Any] = {"host": url.host, "port": url.port, "username": url.username, "dbname": url.database}
    place |= {name: url.query[name] for name in ("host", "port") if isinstance(url.query.get(name), str)}
    given = [f"--{name}={value}" for name, value in place.items() if value]
    return shlex.join(["pg_dump", "--format=custom", f"--file={target}", *given])


def _make(path: Path, share: Share) -> None:
    """Make an empty file that nobody reads who could not read the store."""
    made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(made, store_mode(share))
    finally:
        os.close(made)


def _copy(store: Store, target: Path) -> None:
    with store.read() as connection, contextlib.closing(sqlite3.connect(target)) as copy:
        source: Any = connection.connection.driver_connection
        try:
            source.backup(copy)  # in one step: begun anew at each write of another, it might never end
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
            with copy:  # cursors of the store may be ahead of it
                set_apart(copy)
            [found] = copy.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.DatabaseError as error:
            raise StoreError(f"the store cannot be copied to {target.parent}: {error}") from error
        if found != "ok":
            raise StoreError(
                f"the store is damaged, and was not copied: {found}", hint="keep the backups that there are"
            )


def _put(written: Path, target: Path) -> None:
    """Give the copy its name, unless somebody else has taken that meanwhile; it lies on the disk by then."""
    try:
        os.link(written, target)  # a renaming would take the place of what is there
    except FileExistsError as error:
        raise _exists(target) from error
    except OSError:  # a file system without links
        if os.path.lexists(target):
            raise _exists(target) from None
        written.rename(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _exists(target: Path) -> DataError:
    return DataError(f"{target} is there already, and is not overwritten", hint="name a file that does not exist")
