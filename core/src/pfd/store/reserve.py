"""Space on the disk of a SQLite store that is kept for the ends of jobs, for when there is none left."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
import threading
import time
from pathlib import Path

from pfd.modes import fit

SIZE = 4 * 2**20
"""Bytes: some hundred ends of jobs, each of a few pages of the database."""

ROOM = 4 * SIZE
"""Bytes that have to be free before some of them are kept: who needs them now has them."""


PROBE = 2**20
"""Bytes that a disk takes which is not full: more than an end needs."""

STALE = 60.0
"""Seconds after which nobody is still making what is not a reserve yet."""

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


class Reserve:
    """A file beside the store that is there to be removed.

    Who ends a job removes it where the disk is full, so that the end can be written: it is the end that gives back what
    the job holds.  So does who opens the store where SQLite has no room for what it needs for that, since nothing can
    be ended, nor looked at, in a store that is not open.  Workers make it anew once there is room.
    """

    def __init__(self, store: Path) -> None:
        self._path = store.with_name(f".{store.name}.reserve")
        self._probing = threading.Lock()  # many at once would fill the disk

    def keep(self) -> None:
        """Make sure that it is there, where there is room; raises nothing."""
        with contextlib.suppress(OSError):
            self._clear_up()
            if self._path.exists() or shutil.disk_usage(self._path.parent).free < ROOM:
                return
            temporary = self._path.with_name(f"{self._path.name}.{os.getpid()}")
            try:
                temporary.write_bytes(os.urandom(SIZE))  # what a file system that compresses cannot make small
                fit(temporary)
                temporary.replace(self._path)
            finally:
                temporary.unlink(missing_ok=True)

    def _clear_up(self) -> None:
        """Remove what was left by one that was killed while it made the reserve."""
        for left in self._path.parent.glob(f"{self._path.name}.*"):
            if time.time() - left.stat().st_mtime > STALE:
                left.unlink(missing_ok=True)

    def is_needed(self) -> bool:
        """Whether the disk, or a quota on it, has no space left, as a write shows that is undone at once."""
        try:
            with self._probing, tempfile.TemporaryFile(dir=self._path.parent) as file:
                file.write(os.urandom(PROBE))
                file.flush()
                os.fsync(file.fileno())  # some file systems find out no earlier
        except OSError as error:
            return error.errno in NO_SPACE
        return False

    def release(self) -> bool:
        """Give it up; whether there was anything to give up."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True
