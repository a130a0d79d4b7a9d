"""Whether a worker of this machine is dead, known at once and for certain.

A worker holds a lock of the kernel (flock) on a file, and so does all that it starts for its jobs: each process is
given a copy of the descriptor.  Where the lock can be had, nothing of that worker is left.  Of a worker of another
machine there is no file here, and its lease is what counts.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
from pathlib import Path

from pfd import forks
from pfd.errors import QueueError
from pfd.file_lock import FileLock
from pfd.socket_folder import found_folders, in_socket_folder, remove_where_empty

log = logging.getLogger("pfd.worker")

FOLDER = "alive"

_ID = re.compile(r"[0-9a-f]{32}")


class LivenessLock:
    """That of one worker.  Without effect where its file cannot be made."""

    def __init__(self, worker_id: str, home: Path) -> None:
        self._path: Path | None = None
        self._lock: FileLock | None = None
        try:
            name = _checked(worker_id)
            self._path, self._lock = in_socket_folder(FOLDER, home, lambda folder: _made(folder / name))
            if not self._lock.try_acquire():
                raise BlockingIOError(f"{self._path} is locked by another program")
        except (OSError, QueueError) as error:
            log.warning("were this worker killed, others would know only after a lease: %s", error)
            self.close()
        forks.watch(self, after=LivenessLock._let_go)

    @property
    def descriptor(self) -> int | None:
        """What holds it in whoever has a copy; None where its file could not be made."""
        return None if self._lock is None else self._lock.descriptor

    def _let_go(self, _quiet: bool) -> None:
        """In the child of a fork, which is none of this worker's jobs: it must not stand for its parent's life."""
        self._path = None
        self.close()

    def close(self) -> None:
        """Let go of it, once the worker has left in good order."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            remove_where_empty(self._path.parent)
            self._path = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def is_dead(worker_id: str, home: Path) -> bool:
    """Whether a worker of this machine, and all of its jobs' processes, are certainly dead."""
    try:
        path = _path(worker_id, home)
        if path is None:  # of another machine or container
            return False
        lock = FileLock(path, 0)
    except (OSError, QueueError):  # of another user
        return False
    with lock:
        try:
            return lock.try_acquire()
        except OSError:  # the file system has no such locks, and then nothing is certain
            return False


def forget(worker_id: str, home: Path) -> None:
    """Remove the file of a worker that is dead and was given up."""
    with contextlib.suppress(OSError, QueueError):
        if (path := _path(worker_id, home)) is not None:
            path.unlink()


def _made(path: Path) -> tuple[Path, FileLock]:
    return path, FileLock(path, os.O_CREAT | os.O_EXCL)


def _path(worker_id: str, home: Path) -> Path | None:
    """The file of a worker, where it is there.  Raises `OSError` and `QueueError`."""
    name = _checked(worker_id)
    return next((folder / name for folder in found_folders(FOLDER, home) if (folder / name).exists()), None)


def _checked(worker_id: str) -> str:
    if _ID.fullmatch(worker_id) is None:  # of a row that no worker has written: it may lead anywhere
        raise QueueError(f"{worker_id!r} is not an id of a worker")
    return worker_id
