"""Turns on a device: which of the workers of a machine has a place on it, for the length of one job.

Held by locks of the kernel (flock) on files in a folder of this user, and so given up by whoever dies.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Self

from pfd.file_lock import FileLock
from pfd.socket_folder import socket_folder
from pfd.worker.gpu.devices import Place

FOLDER = "gpus"


class DeviceLock:
    """A place on a device, for one job.

    Each place has two files.  Who holds the lock on the first has the place; who waits for it holds that on the second,
    without which nobody may take the first.  So a worker that has had its turn comes after the one that waits.

    The lock is not let go of but closed: processes of the job that were given a copy of `descriptor` hold it for as
    long as they live, whatever becomes of their worker.

    Raises `OSError` or `QueueError` where the files cannot be made.
    """

    def __init__(self, place: Place, home: Path) -> None:
        self.device = place.device
        folder = socket_folder(FOLDER, home)
        name = f"{re.sub(r'[^A-Za-z0-9-]', '_', place.device.identity)}.{place.number}"
        self._line = FileLock(f"{folder}/{name}.next")
        try:
            self._place = FileLock(f"{folder}/{name}.lock")
        except BaseException:
            self._line.close()
            raise
        self._is_next = False

    @property
    def descriptor(self) -> int:
        return self._place.descriptor

    def try_acquire(self) -> bool:
        """Take the place, or stand in line for it; whether it is had by now."""
        self._is_next = self._is_next or self._line.try_acquire()
        if not (self._is_next and self._place.try_acquire()):
            return False
        self._line.release()
        self._is_next = False
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._line.close()
        self._place.close()
