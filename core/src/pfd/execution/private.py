"""Folders for the sockets of this user's programs: private, and with short paths."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from pfd.errors import QueueError

LONGEST_BASE = 60
"""The path of a socket may not exceed about 100 characters."""


def socket_folder(name: str) -> Path:
    """A folder of that name, made where it is not there yet.  Raises `QueueError` where it belongs to somebody else."""
    base = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    if len(str(base)) > LONGEST_BASE or not os.access(base, os.W_OK | os.X_OK):
        base = Path("/tmp")  # noqa: S108  (checked below to be ours and closed to others)
    folder = base / f"pfd-{os.getuid()}-{name}"
    try:
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        status = folder.lstat()
    except OSError as error:
        raise QueueError(f"{folder} cannot be made: {error.strerror or error}", hint="set XDG_RUNTIME_DIR") from error
    if status.st_uid != os.getuid() or status.st_mode & 0o077 or not folder.is_dir() or folder.is_symlink():
        raise QueueError(f"{folder} is not a private folder of this user", hint="remove it, or set XDG_RUNTIME_DIR")
    return folder


def remove_where_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()
