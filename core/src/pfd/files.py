"""Opening a file that somebody else names: a regular one only, without waiting, and no more of it than is asked for.

A path may lead to a pipe that nobody writes to, to a terminal, to a device, or to more bytes than there is memory.
"""

from __future__ import annotations

import codecs
import os
import stat
from io import BufferedReader
from pathlib import Path

from pfd.errors import DataError

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFLNK: "a link",
}

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
_FOLDER_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY


def open_regular(path: str | os.PathLike[str]) -> BufferedReader:
    """Open a regular file for reading; a link is followed.  Never waits.

    Raises `DataError`, which names the path, where there is none, it may not be read, or it is something else.
    """
    try:
        # To open a device may do something to it, so this is asked first, and once more of what has been opened.
        _require_regular(path, os.stat(path))  # noqa: PTH116  (a Path would lose a trailing slash)
        descriptor = os.open(path, _FLAGS)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}", hint="check the path, and the rights on it") from error
    except ValueError as error:  # a NUL, or a character that no path can hold
        raise DataError(f"{str(path)!r} is not a path: {error}") from error
    try:
        _require_regular(path, os.fstat(descriptor))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_within(folder: Path, name: str, most: int) -> bytes:
    """All bytes of a regular file in a folder, without following a link on the way to it: who writes there may put one
    in the place of a file or of a folder at any moment.

    Raises `DataError` as `read_regular` does.
    """
    *folders, last = name.split("/")
    path, opened = folder / name, []
    try:
        at = os.open(folder, _FOLDER_FLAGS)
        opened.append(at)
        for one in folders:
            at = os.open(one, _FOLDER_FLAGS | os.O_NOFOLLOW, dir_fd=at)
            opened.append(at)
        _require_regular(path, os.stat(last, dir_fd=at, follow_symlinks=False))
        descriptor = os.open(last, _FLAGS | os.O_NOFOLLOW, dir_fd=at)
        with os.fdopen(descriptor, "rb") as file:
            _require_regular(path, os.fstat(descriptor))
            content = file.read(most + 1)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}", hint="a link on the way to it is not followed") from error
    finally:
        for one_opened in opened:
            os.close(one_opened)
    return _bounded(path, content, most)


def read_regular(path: str | os.PathLike[str], most: int) -> bytes:
    """All bytes of a regular file.  Raises `DataError` as `open_regular` does, and where it has more than `most`."""
    try:
        with open_regular(path) as file:
            content = file.read(most + 1)
    except OSError as error:  # a disk that fails
        raise DataError(f"{path}: {error.strerror or error}", hint="check the disk that it lies on") from error
    return _bounded(path, content, most)


def _bounded(path: str | os.PathLike[str], content: bytes, most: int) -> bytes:
    if len(content) > most:
        raise DataError(f"{path}: is larger than {_size(most)}", hint="is it the file that was meant?")
    return content


def read_text(path: str | os.PathLike[str], most: int) -> str:
    """The text of a regular file in UTF-8, without the mark that editors of Windows put before it.

    Raises `DataError` as `read_regular` does, and where it is not UTF-8.
    """
    return decoded(read_regular(path, most), path)


def decoded(content: bytes, name: str | os.PathLike[str]) -> str:
    """Bytes as text, as `read_text` gives it.  Raises `DataError`, which says whose they are."""
    try:
        return content.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        raise DataError(f"{name}: is not UTF-8 text (byte {error.start})", hint="save it as UTF-8") from error


def _require_regular(path: str | os.PathLike[str], status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "something else")
        raise DataError(f"{path}: is {kind}, and no regular file", hint=f"name a file, not {kind}")


def _size(number: int) -> str:
    return f"{number // 1024} KiB" if number % 1024 == 0 else f"{number} bytes"
