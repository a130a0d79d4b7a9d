"""The file of a SQLite store: made where there never was one, and missed where it has gone."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from pathlib import Path
from urllib.parse import quote

from pfd.errors import StoreError, StoreReplaced, StoreUnavailable
from pfd.modes import Share, make_folder, store_mode

Identity = tuple[int, int]
"""What tells one file from another: its file system, and its number there."""


class StoreFile:
    """Where a SQLite store lies, and whether what lies there is still that store.

    SQLite by itself makes an empty database where there is none, and throws away the log (`-wal`) that it finds beside
    an empty one.  Where a file was moved under running programs that would be a second store, whose jobs nobody reads,
    and the end of all that only the log still held.

    Parameters
    ----------
    mark : a file that is there where the store has been served before.
    share : who may read and write it; its log, and what else SQLite keeps beside it, follow.
    """

    def __init__(self, path: Path, mark: Path | None = None, share: Share = "private") -> None:
        self.path = path
        self._share = share
        self._name = str(path)
        self._mark = mark
        self._identity: Identity | None = None
        self._store_id: str | None = None

    @property
    def uri(self) -> str:
        """The name that SQLite opens it by, and does not make it by."""
        return f"file:{quote(os.fsencode(self._name))}?mode=rw"

    def make(self) -> None:
        """Make an empty one where there never was one.  Raises `StoreError`."""
        folder = self.path.parent
        try:
            make_folder(folder)
        except OSError as error:
            raise StoreError(
                f"cannot create {folder}: {error.strerror or error}", hint="set PFD_HOME to a folder you can write to"
            ) from error
        if self._is_there():
            return
        if self._identity is not None or self._left():
            raise self._gone()
        try:
            # Where a link leads to a place that is still empty, it is made there.
            made = os.open(os.path.realpath(self.path), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                os.fchmod(made, store_mode(self._share))
            finally:
                os.close(made)
        except FileExistsError:  # it is empty, or another program was quicker
            return
        except OSError as error:
            raise StoreError(
                f"cannot create {self.path}: {error.strerror or error}",
                hint="check the rights on its folder, and the space on its disk",
            ) from error

    def identity(self) -> Identity:
        """Which file lies there now.  Raises `StoreUnavailable` where there is none, or it cannot be looked at."""
        try:
            status = os.stat(self._name)  # noqa: PTH116  (a microsecond; a Path takes twice that, in each transaction)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise self._gone() from error
        except OSError as error:  # as a file system says for a moment whose server is away: EIO, ESTALE, EACCES
            raise StoreUnavailable(
                f"the store {self.path} cannot be looked at: {error.strerror or error}",
                hint="check the rights on its folder, and its disk",
            ) from error
        return status.st_dev, status.st_ino

    def about_to_open(self) -> Identity:
        """Which file lies there now, where it is to be opened.

        Raises
        ------
        StoreUnavailable : there is none.
        StoreReplaced : this program has had another file open here, and nothing says that it is the same store.
        """
        identity = self.identity()
        if self._identity not in (None, identity) and (self._store_id is None or self._store_id != self._peek()):
            raise StoreReplaced(
                f"at {self.path} lies another file than the one that this program has had open",
                hint="put that one back, or start this program again; replace the file of a store while nobody uses it",
            )
        return identity

    def opened(self, identity: Identity, store_id: str | None) -> None:
        """Note which file was opened, and the id of the store in it, where it has one by now."""
        self._identity = identity
        self._store_id = store_id or self._store_id

    def bound(self, store_id: str) -> None:
        """Note the id that the store has."""
        self._store_id = store_id

    def _peek(self) -> str | None:
        """The id of the store in the file, from the file alone.

        The log beside it may be that of another: opened as usual, SQLite would write this into the file.
        """
        try:
            connection = sqlite3.connect(f"file:{quote(os.fsencode(self._name))}?immutable=1", uri=True)
            with contextlib.closing(connection):
                return store_id(connection)
        except sqlite3.Error:
            return None

    def is_missing(self) -> bool:
        """Whether nothing lies there any more, for certain."""
        return _is_missing(self.path)

    def _is_there(self) -> bool:
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return False
        except OSError:
            return True  # SQLite says what is wrong with it
        return status.st_size > 0 or not stat.S_ISREG(status.st_mode)

    def _left(self) -> list[Path]:
        """What says that there was one; what cannot be looked at may say so."""
        found = [] if self._mark is None or _is_missing(self._mark) else [self._mark]
        with contextlib.suppress(OSError):
            log = self.path.with_name(f"{self.path.name}-wal")
            found += [log] if log.stat().st_size else []
        return found

    def _gone(self) -> StoreError:
        left = " and ".join(str(path) for path in self._left())
        if not left and self._identity is None:
            return StoreError(f"there is no store at {self.path}", hint="'pfd db upgrade' makes one")
        return StoreUnavailable(
            f"the store {self.path} is gone: it was moved or removed",
            hint="put it back" + (f"; to begin with an empty one, move {left} away as well" if left else ""),
        )


def _is_missing(path: Path) -> bool:
    try:
        path.stat()
    except OSError as error:
        return isinstance(error, (FileNotFoundError, NotADirectoryError))
    return False


def store_id(connection: sqlite3.Connection) -> str | None:
    """The id of a store; None where it has none yet."""
    try:
        row = connection.execute("SELECT value FROM pfd_fact WHERE name = 'store_id'").fetchone()
    except sqlite3.OperationalError:  # nor tables
        return None
    return None if row is None else str(row[0])
