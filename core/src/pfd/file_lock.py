"""A lock of the kernel (flock) on a private file: given up by whoever dies, and shared by who has its descriptor."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Self

from pfd.socket_folder import open_private


class FileLock:
    """An open file that can be locked.

    The lock is not let go of by `close` alone: processes that were given a copy of `descriptor` hold it for as long as
    they live.

    Parameters
    ----------
    flags : `os.O_CREAT` makes the file where there is none, `os.O_EXCL` as well only there.

    Raises `OSError` or `QueueError` where the file cannot be opened, or belongs to somebody else.
    """

    def __init__(self, path: str | Path, flags: int = os.O_CREAT) -> None:
        self.descriptor = open_private(path, os.O_RDWR | flags)

    def acquire(self) -> None:
        """Wait until it is had."""
        fcntl.flock(self.descriptor, fcntl.LOCK_EX)

    def try_acquire(self) -> bool:
        """Take it where nobody else has it.  Raises `OSError` where the file system has no such locks."""
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        fcntl.flock(self.descriptor, fcntl.LOCK_UN)

    def is_on(self, path: Path) -> bool:
        """Whether its file is still the one at a path: a holder may have removed it.  Raises `FileNotFoundError`."""
        return os.fstat(self.descriptor).st_ino == path.stat().st_ino

    def close(self) -> None:
        os.close(self.descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
