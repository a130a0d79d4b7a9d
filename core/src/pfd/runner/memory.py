"""How much memory the processes of a job use, what they hold in files of shared memory included.

What is mapped counts by its proportional set size (PSS).  A file in `/dev/shm`, or one made by `memfd_create`, takes
memory also where no process maps it.  Nothing says whose such a file is.  So what counts is a file that a process of
the job was seen to have open for writing, for as long as it exists, and less what it held before.  Other file systems
in memory may hold what all jobs write to, such as a store, and do not count.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import stat
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

log = logging.getLogger("pfd.worker")

SHARED = "/dev/shm"  # noqa: S108  (only looked at)
_IN_MEMORY = {"tmpfs", "devtmpfs", "ramfs"}
_BLOCK = 512
_MOST_FILES = 20_000
_MAPPING = re.compile(r"[0-9a-f]+-[0-9a-f]+ \S+ \S+ ([0-9a-f]+):([0-9a-f]+) (\d+)")

Inode = tuple[int, int]


@dataclass
class _File:
    path: str
    before: int
    size: int

    def measure(self, size: int) -> None:
        self.size = size
        self.before = min(self.before, size)  # what was cut off and written anew is the job's

    @property
    def held(self) -> int:
        return self.size - self.before


class TreeMemory:
    """That of a process and its descendants, looked at from time to time."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._began = time.time()
        self._anonymous = _anonymous_device()
        self._devices = {self._anonymous, _shared_device()}
        self._there_before = _files_in(SHARED)
        self._files: dict[Inode, _File] = {}
        self._processes: list[psutil.Process] = []
        self._free = _free()

    def glance(self) -> None:
        """Look for files of shared memory where there is less of it left.  Costs next to nothing where there is not.

        To be called often: a file that is closed again between two looks is not seen.
        """
        free = _free()
        if free < self._free:
            self._find_files()
        self._free = free

    def used(self, limit: int) -> int:
        """Bytes in use.

        Up to `limit` perhaps too many: to tell what of a file is mapped, and so counted already, takes time.
        """
        self._processes = []
        used = 0
        with contextlib.suppress(psutil.NoSuchProcess):
            root = psutil.Process(self._root)
            self._processes = [root, *root.children(recursive=True)]
        for process in self._processes:
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                info = process.memory_full_info()
                used += getattr(info, "pss", info.rss)
        self._forget_files(self._find_files())
        held = sum(file.held for file in self._files.values())
        if not held or used + held <= limit:
            return used + held
        mapped = self._mapped()
        return used + sum(max(0, file.held - mapped.get(inode, 0)) for inode, file in self._files.items())

    def _find_files(self) -> set[Inode]:
        """Note what the processes have open; the inodes of all of it."""
        found = set()
        for process in self._processes:
            with contextlib.suppress(OSError), os.scandir(f"/proc/{process.pid}/fd") as descriptors:
                for one in descriptors:
                    with contextlib.suppress(OSError):  # closed meanwhile
                        status = os.stat(one.path)  # noqa: PTH116  (of many, and often)
                        if status.st_dev in self._devices and stat.S_ISREG(status.st_mode):
                            found.add(self._note(process.pid, one.name, status))
        return found

    def _note(self, pid: int, descriptor: str, status: os.stat_result) -> Inode:
        inode, size = (status.st_dev, status.st_ino), status.st_blocks * _BLOCK
        if inode in self._files:
            self._files[inode].measure(size)
        elif _is_for_writing(pid, descriptor):
            path = str(Path(f"/proc/{pid}/fd/{descriptor}").readlink())
            # One that it was handed may be older than the job; of one in /dev/shm it is known.
            old = status.st_mtime < self._began and status.st_dev == self._anonymous
            before = size if old else self._there_before.get(inode, 0)
            self._files[inode] = _File(path, min(before, size), size)
        return inode

    def _forget_files(self, still_open: set[Inode]) -> None:
        """Measure files that were closed, by their names; those that are gone are forgotten."""
        for inode in self._files.keys() - still_open:
            with contextlib.suppress(OSError):
                status = Path(self._files[inode].path).lstat()
                if (status.st_dev, status.st_ino) == inode:
                    self._files[inode].measure(status.st_blocks * _BLOCK)
                    continue
            del self._files[inode]

    def _mapped(self) -> dict[Inode, int]:
        """How many bytes of each file are in the PSS of a process."""
        found: dict[Inode, int] = {}
        for process in self._processes:
            with contextlib.suppress(OSError), Path(f"/proc/{process.pid}/smaps").open(encoding="utf-8") as lines:
                inode: Inode = (0, 0)
                for line in lines:
                    if match := _MAPPING.match(line):
                        inode = (os.makedev(int(match[1], 16), int(match[2], 16)), int(match[3]))
                    elif line.startswith("Pss:") and inode in self._files:
                        found[inode] = found.get(inode, 0) + int(line.split()[1]) * 1024
        return found


def _shared_device() -> int | None:
    """The device of /dev/shm, where that lies in memory."""
    with contextlib.suppress(OSError), Path("/proc/self/mountinfo").open(encoding="utf-8") as mounts:
        for mount in mounts:
            before, _, after = mount.partition(" - ")
            if before.split()[4] == SHARED and after.split()[0] in _IN_MEMORY:
                return os.stat(SHARED).st_dev  # noqa: PTH116
    return None


def _anonymous_device() -> int | None:
    """The device of files made by `memfd_create`."""
    with contextlib.suppress(OSError, AttributeError):
        descriptor = os.memfd_create("pfd")
        try:
            return os.fstat(descriptor).st_dev
        finally:
            os.close(descriptor)
    return None


def _free() -> int:
    try:
        return os.statvfs(SHARED).f_bfree
    except OSError:
        return 0


def _files_in(folder: str) -> dict[Inode, int]:
    """How many bytes each file below a folder has, of the first `_MOST_FILES` of them."""
    found = {}
    for here, _, names, descriptor in os.fwalk(folder, follow_symlinks=False):
        for name in names:
            with contextlib.suppress(OSError):
                status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                found[status.st_dev, status.st_ino] = status.st_blocks * _BLOCK
        if len(found) >= _MOST_FILES:
            log.warning("%s holds so many files that those older than a job may count towards its memory", here)
            break
    return found


def _is_for_writing(pid: int, descriptor: str) -> bool:
    for line in Path(f"/proc/{pid}/fdinfo/{descriptor}").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name == "flags":
            return int(value, 8) & os.O_ACCMODE != os.O_RDONLY
    return False
