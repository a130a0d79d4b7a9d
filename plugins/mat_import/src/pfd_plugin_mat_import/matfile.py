"""Reading MATLAB files within bounds: what is in one is seen first, and only what is wanted is then read.

A file is somebody else's: it may be damaged, huge, or made to do harm.  Sizes are checked before anything is
allocated, and whatever a reader raises becomes a `DataError` that gives the reason.
"""

from __future__ import annotations

import hashlib
import io
import math
import warnings
import zlib
from collections.abc import Collection, Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import scipy.io

from pfd import DataError
from pfd_plugin_mat_import import hdf5, matfile5

MAX_FILE_BYTES = 512 * 1024**2
MAX_DATA_BYTES = 2 * 1024**3
"""Largest file, and most that its variables may take in memory."""

_HDF5_AT = 512
_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_HEADER = 128
_LFS = b"version https://git-lfs.github.com/spec/"
_CHUNK = 1024**2

_TELLING = (scipy.io.matlab.MatReadError, zlib.error, OSError)
"""What readers raise with words about the file."""


@dataclass(frozen=True)
class Variable:
    """A variable of a file as it is listed: its name, its size as MATLAB says it, and its class."""

    name: str
    shape: tuple[int, ...]
    kind: str

    def __str__(self) -> str:
        return f"{self.name} ({'×'.join(map(str, self.shape))} {self.kind})"


def variables(path: Path) -> tuple[Variable, ...]:
    """The variables in a file, in its order, without reading them.

    Raises
    ------
    DataError : the file is too large, empty, damaged, or no MATLAB file.
    """
    with _converting():
        if not path.is_file():
            raise DataError("it is no regular file")
        size = path.stat().st_size
        if size == 0:
            raise DataError("the file is empty")
        if size > MAX_FILE_BYTES:
            raise DataError(f"the file has {size / 1024**2:.0f} MiB, at most {MAX_FILE_BYTES / 1024**2:.0f} are read")
        if _is_hdf5(path):
            with _opened(path) as file:
                return tuple(Variable(*found) for found in hdf5.listing(file))
        _check_not_text(path)
        with path.open("rb") as file:
            if order := matfile5.byte_order(file.read(matfile5.HEADER)):
                found = list(matfile5.elements(file, order))
                if not any(one.name for one in found):
                    raise DataError("damaged: no variable in it can be made out")
                return tuple(Variable(one.name, one.shape, one.kind) for one in found if one.name)
        return tuple(Variable(name, tuple(map(int, shape)), kind) for name, shape, kind in scipy.io.whosmat(path))


def read(path: Path, wanted: Collection[Variable]) -> dict[str, Any]:
    """Values of some variables: arrays with single dimensions dropped, structs as mappings.

    Raises
    ------
    DataError : they cannot be read, or take more memory than they may.
    """
    names = [variable.name for variable in wanted]
    with _converting(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about what is not read: objects, opaque types
        if _is_hdf5(path):
            with _opened(path) as file:
                return hdf5.read(file, names, MAX_DATA_BYTES)
        _check_claims(wanted)
        with path.open("rb") as file:
            order = matfile5.byte_order(file.read(matfile5.HEADER))
            source = _alone(file, order, set(names)) if order else path
            found = scipy.io.loadmat(source, variable_names=names, simplify_cells=True)
        return {name: found[name] for name in names if name in found}


def _alone(file: BinaryIO, order: str, names: AbstractSet[str]) -> BinaryIO:
    """A file of version 5 to 7 with these variables alone, so that no other one decides about them.

    Raises
    ------
    DataError : they decompress to more than may be read (a decompression bomb).
    """
    size = file.seek(0, 2)
    # As of HDF5: what is stored of it, many times over, or little enough to be of no matter.
    left = min(MAX_DATA_BYTES, max(hdf5.FREE_BYTES, hdf5.MAX_RATIO * size))
    file.seek(0)
    # Without the place of what objects refer to: it is not there.
    kept = [file.read(matfile5.HEADER - 12) + bytes(8), file.read(12)[8:]]
    for one in matfile5.elements(file, order):
        if one.name in names:
            if one.packed:
                file.seek(one.at)
                left -= _inflated(file, one.length, left)
            file.seek(one.at - 8)
            kept.append(file.read(8 + one.length))
    return io.BytesIO(b"".join(kept))


def _is_hdf5(path: Path) -> bool:
    """Whether HDF5's signature stands where the header of a v7.3 file ends, or at the beginning."""
    with path.open("rb") as file:
        start = file.read(_HDF5_AT + len(_HDF5_SIGNATURE))
    return start.startswith(_HDF5_SIGNATURE) or start[_HDF5_AT:] == _HDF5_SIGNATURE


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    # Through Python's file: by its path, HDF5 opens none that has no name in a folder, such as one out of a zip file.
    with path.open("rb") as raw, h5py.File(raw, "r") as file:
        yield file


def _check_claims(wanted: Collection[Variable]) -> None:
    if any(length < 0 for variable in wanted for length in variable.shape):
        raise DataError("damaged: a variable of negative size")
    claimed = sum(8 * math.prod(variable.shape) for variable in wanted)
    if claimed > MAX_DATA_BYTES:
        raise DataError(f"its variables claim {claimed / 1024**3:.3g} GiB, at most 2 are read")


def sha256_of(path: Path) -> str:
    """SHA-256 of the bytes of a file.  Raises `DataError` where it cannot be read."""
    with _converting(), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_not_text(path: Path) -> None:
    """Refuse a text by its name: each version of MATLAB's files has a byte 0 or 1 in its header, which no text has."""
    with path.open("rb") as file:
        header = file.read(_HEADER)
    if header.startswith(_LFS):
        raise DataError("a pointer of Git LFS, and not the file itself; fetch it with 'git lfs pull'")
    start = header.decode("utf-8", errors="ignore")  # the last letter may be cut
    if len(start.encode()) > len(header) - 4 and all(letter.isprintable() or letter.isspace() for letter in start):
        shown = " ".join(start.split())[:40].strip()
        raise DataError(
            f"no MATLAB file: it begins like text, {shown!r}; save it as .mat from MATLAB, or with scipy.io.savemat"
        )


def _inflated(file: BinaryIO, length: int, most: int) -> int:
    """Size of a compressed element once decompressed.  Nothing of it is kept."""
    stream = zlib.decompressobj()
    size = 0
    while length > 0 and (packed := file.read(min(length, _CHUNK))):
        length -= len(packed)
        while packed:
            size += len(stream.decompress(packed, _CHUNK))
            packed = stream.unconsumed_tail
            if size > most:
                raise DataError("its variables decompress to more than 2 GiB, or to more than 200 times its size")
    return size


@contextmanager
def _converting() -> Iterator[None]:
    """Turn whatever a reader raises into a `DataError`; the readers raise nearly everything on damaged files."""
    try:
        yield
    except DataError:
        raise
    except PermissionError as error:
        raise DataError(f"cannot be read: {error.strerror}") from error
    except Exception as error:
        # Of what else is raised the words are Python's, and say nothing of the file.
        told = isinstance(error, _TELLING) and " ".join(str(error).split())[:160]
        raise DataError(
            f"damaged, or no MATLAB file: {told or 'what is in it cannot be made out'}; "
            "copy or download it again, or save it again from MATLAB"
        ) from error
