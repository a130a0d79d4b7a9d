"""Folders of this user's programs on this machine, for sockets and locks: private, and with short paths.

They lie where the system has a place for such (`XDG_RUNTIME_DIR`, else `/tmp`), which others may share.  What another
user has put there first, or can write to, is never used: then they lie in `PFD_HOME`.

The place itself may be open to all, as volumes of Kubernetes are, which have no sticky bit; so what is opened in such a
folder is looked at once more, and so is who speaks on a socket.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import platform
import socket
import stat
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pfd.errors import QueueError

log = logging.getLogger("pfd.worker")

_T = TypeVar("_T")

TRIES = 100
"""Times that a folder may go before its file is made, until that is told."""

LONGEST_BASE = 60
LONGEST = 80
"""The path of a socket may not exceed about 100 characters."""


def socket_folder(name: str, home: Path) -> Path:
    """A folder of that name, made where it is not there yet.  Raises `QueueError` where there can be none."""
    shared, own = _places(name, home)
    try:
        return _made(shared)
    except QueueError as error:
        if len(str(own)) > LONGEST:
            raise QueueError(
                f"{error}; and {own} has too long a path for sockets", hint="set XDG_RUNTIME_DIR, or a shorter PFD_HOME"
            ) from error
        for above in (own.parent.parent, own.parent):
            with contextlib.suppress(OSError):  # what is wrong with it is said of the one below
                above.mkdir(mode=0o700, parents=True)
        folder = _made(own)
        if shared not in _told:
            _told.add(shared)
            log.warning("%s; %s is used, which programs with another PFD_HOME do not look into", error, folder)
        return folder


_told: set[Path] = set()


def found_folders(name: str, home: Path) -> list[Path]:
    """The private folders of that name that are there.  Makes none: where nobody listens there is nobody to tell.

    There are two where a program could not have the one, and another can.  Raises `OSError` where one cannot be seen.
    """
    found = []
    for folder in _places(name, home):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            if _safe(folder.parent) and _private(folder.lstat()):
                found.append(folder)
    return found


def _places(name: str, home: Path) -> tuple[Path, Path]:
    """Where a folder of that name lies, and where it does if that is another user's."""
    return _base() / f"pfd-{os.getuid()}-{name}", home / "run" / f"{_machine()}-{os.getuid()}" / name


def in_socket_folder(name: str, home: Path, make: Callable[[Path], _T]) -> _T:
    """What `make` makes in the folder of that name, which another program may find empty, and remove, in between.

    Raises `OSError` and `QueueError`.
    """
    for _ in range(TRIES):
        with contextlib.suppress(FileNotFoundError):
            return make(socket_folder(name, home))
    return make(socket_folder(name, home))


def _base() -> Path:
    base = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    if len(str(base)) > LONGEST_BASE or not os.access(base, os.W_OK | os.X_OK):
        base = Path("/tmp")  # noqa: S108  (what is made in it is checked to be ours and closed to others)
    return base


def _made(folder: Path) -> Path:
    """That folder, which belongs to this user and is closed to others.  Raises `QueueError`."""
    try:
        if not _safe(folder.parent):
            owner = folder.parent.stat().st_uid
            raise QueueError(f"{folder.parent} belongs to user {owner}", hint="set XDG_RUNTIME_DIR")
        status = _there(folder)
    except OSError as error:
        raise QueueError(f"{folder} cannot be made: {error.strerror or error}", hint="set XDG_RUNTIME_DIR") from error
    if not _private(status):
        raise QueueError(f"{folder} is not a private folder of this user", hint="remove it, or set XDG_RUNTIME_DIR")
    return folder


def _safe(place: Path) -> bool:
    """Whether nobody else owns the place, who could put another folder there for ours.  Raises `OSError`."""
    return place.stat().st_uid in (0, os.getuid())


def _private(status: os.stat_result) -> bool:
    return status.st_uid == os.getuid() and not status.st_mode & 0o077 and stat.S_ISDIR(status.st_mode)


def _there(folder: Path) -> os.stat_result:
    """Make a folder where it is not there, and look at it: whoever leaves it empty may remove it in between."""
    while True:
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        with contextlib.suppress(FileNotFoundError):
            return folder.lstat()


def _machine() -> str:
    """What tells this machine, since it was started, and this container from others that share the home.

    Locks and process numbers mean something within these only.
    """
    try:
        text = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii") + str(
            Path("/proc/self/ns/pid").readlink()
        )
    except OSError:
        text = platform.node()
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def open_private(path: str | os.PathLike[str], flags: int) -> int:
    """Open a file in such a folder.  Raises `OSError`, and `QueueError` where it is another user's."""
    descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    status = os.fstat(descriptor)
    if status.st_uid == os.getuid() and stat.S_ISREG(status.st_mode):
        return descriptor
    os.close(descriptor)
    raise QueueError(f"{path} is not a file of this user", hint="remove its folder")


def peer(connection: socket.socket) -> tuple[int, int]:
    """Process and user at the other end of a connected socket: of one that listens, who was last to say so."""
    pid, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return pid, uid


def remove_where_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()
