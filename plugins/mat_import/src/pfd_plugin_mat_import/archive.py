"""MATLAB files in a zip file, read within bounds and one at a time; nothing is unpacked into a folder.

Runs in the reading process only.  A zip file is somebody else's: its names may lead anywhere, its sizes may lie.
"""

from __future__ import annotations

import stat
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from pfd import DataError
from pfd_plugin_mat_import.recorded_file import MAX_FILE_BYTES, in_words, other_suffixes

MAX_ZIP_BYTES = 8 * 1024**3
MAX_MEMBERS = 10_000
MAX_UNPACKED_BYTES = 32 * 1024**3
"""Largest zip file, most files in it, and most that these may take once unpacked."""

MAX_LETTERS = 1024
"""Of a name: more than any file system takes at a time, and it becomes part of what is kept and shown."""

MAX_RATIO = 200
FREE_BYTES = 1024**2
"""A file that unpacks to more than `MAX_RATIO` times its size, and to more than this, is refused as a bomb."""

_CHUNK = 1024**2


class Member(NamedTuple):
    """A file in a zip file, and the reason why it is refused, if it is."""

    name: str
    reason: str


def members(path: Path) -> list[Member]:
    """The MATLAB files in a zip file, and the zip files in it, which are refused.  What macOS adds is passed over.

    Raises
    ------
    DataError : it is not a zip file, or there is too much in it, or only files of other formats.
    """
    with _converting(), zipfile.ZipFile(path) as file:
        if path.stat().st_size > MAX_ZIP_BYTES:
            raise DataError(f"the zip file is larger than {MAX_ZIP_BYTES / 1024**3:.0f} GiB")
        infos = file.infolist()
        if len(infos) > MAX_MEMBERS:
            raise DataError(f"it holds {len(infos):,} files, at most {MAX_MEMBERS:,} are looked at")
        infos = [info for info in infos if not info.filename.startswith("__MACOSX/")]
        taken = [info for info in infos if info.filename.lower().endswith((".mat", ".zip"))]
        others = other_suffixes(PurePosixPath(info.filename) for info in infos)
        if others and not taken:
            raise DataError(f"no .mat file in it: {in_words(others)}; unpack it, and give a pattern that names these")
        if (total := sum(info.file_size for info in taken)) > MAX_UNPACKED_BYTES:
            raise DataError(
                f"it unpacks to {total / 1024**3:.3g} GiB, at most {MAX_UNPACKED_BYTES / 1024**3:.0f} are read"
            )
        times = Counter(info.filename for info in taken)
        return [
            Member(
                info.filename, "the zip file holds several of this name" if times[info.filename] > 1 else _why_not(info)
            )
            for info in taken
        ]


def _why_not(info: zipfile.ZipInfo) -> str:
    path = PurePosixPath(info.filename)
    checks = {
        "its path leads out of the zip file": path.is_absolute() or ".." in path.parts or "\\" in info.filename,
        "its name holds no printable text": not info.filename.isprintable(),
        f"its name has more than {MAX_LETTERS:,} letters": len(info.filename) > MAX_LETTERS,
        "it is encrypted; unpack it first": bool(info.flag_bits & 1),
        "it is a link": stat.S_ISLNK(info.external_attr >> 16),
        "a zip file in a zip file is not opened; unpack it first": path.suffix.lower() == ".zip",
        f"it unpacks to more than {MAX_FILE_BYTES / 1024**2:.0f} MiB": info.file_size > MAX_FILE_BYTES,
        f"it unpacks to more than {MAX_RATIO} times its size": (
            info.file_size > max(FREE_BYTES, MAX_RATIO * info.compress_size)
        ),
    }
    return next((reason for reason, holds in checks.items() if holds), "")


@contextmanager
def unpacked(path: Path, name: str) -> Iterator[Path]:
    """A path at which a member can be read.  It has no name in any folder, so nothing is left of it, whatever happens.

    Raises
    ------
    DataError : it is damaged, or larger than it says.
    """
    with tempfile.TemporaryFile() as target:
        with _converting(), zipfile.ZipFile(path) as file:
            info = file.getinfo(name)
            if reason := _why_not(info):
                raise DataError(reason)
            with file.open(info) as source:
                _copy(source, target, info.file_size)
        target.seek(0)
        yield Path(f"/dev/fd/{target.fileno()}")


def _copy(source: IO[bytes], target: IO[bytes], most: int) -> None:
    size = 0
    while chunk := source.read(_CHUNK):
        size += len(chunk)
        if size > most:
            raise DataError("it unpacks to more than the zip file says")
        target.write(chunk)
    target.flush()


@contextmanager
def _converting() -> Iterator[None]:
    try:
        yield
    except DataError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError) as error:
        raise DataError(f"damaged, or no zip file: {str(error)[:160] or type(error).__name__}") from error
    except (NotImplementedError, RuntimeError) as error:
        raise DataError(f"cannot be unpacked: {str(error)[:160]}") from error
