"""Reading MATLAB files within bounds: what is in one is seen first, and only what is wanted is then read.

A file is somebody else's: it may be damaged, huge, or made to do harm.  Sizes are checked before anything is
allocated, and whatever a reader raises becomes a `DataError` that gives the reason.
"""

from __future__ import annotations

import hashlib
import math
import warnings
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import pymatreader
import scipy.io

from pfd import DataError

MAX_FILE_BYTES = 512 * 1024**2
MAX_DATA_BYTES = 2 * 1024**3
"""Largest file, and most that its variables may take in memory."""

_HEADER = 128
_COMPRESSED = 15
_CHUNK = 1024**2


def variables(path: Path) -> tuple[str, ...]:
    """Names of the variables in a file, in its order, without reading them.

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
        if h5py.is_hdf5(path):
            with h5py.File(path, "r") as file:
                return tuple(str(name) for name in file if not str(name).startswith("#"))
        _check_compressed(path)
        listed = scipy.io.whosmat(path)
        claimed = sum(8 * math.prod(int(length) for length in shape) for _, shape, _ in listed)
        if claimed > MAX_DATA_BYTES or claimed < 0:
            raise DataError(f"its variables claim {claimed / 1024**3:.3g} GiB, at most 2 are read")
        return tuple(name for name, _, _ in listed)


def read(path: Path, names: Collection[str]) -> dict[str, Any]:
    """Values of some variables: arrays with single dimensions dropped, structs as mappings.

    Raises
    ------
    DataError : they cannot be read.
    """
    with _converting(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about what is not read: objects, opaque types
        found = pymatreader.read_mat(str(path), variable_names=list(names))
        return {name: found[name] for name in names if name in found}


def sha256_of(path: Path) -> str:
    """SHA-256 of the bytes of a file.  Raises `DataError` where it cannot be read."""
    with _converting(), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_compressed(path: Path) -> None:
    """Refuse a v7 file whose compressed variables are larger than may be read (a decompression bomb).

    Version 5 files with compressed elements are described in MathWorks, "MAT-File Format", chapter 1.
    """
    with path.open("rb") as file:
        header = file.read(_HEADER)
        if len(header) < _HEADER or header[126:128] not in (b"IM", b"MI"):
            return  # version 4, which cannot be compressed, or no MATLAB file, which the reader will say
        order: Any = "little" if header[126:128] == b"IM" else "big"
        total = 0
        while len(tag := file.read(8)) == 8:
            kind, length = int.from_bytes(tag[:4], order), int.from_bytes(tag[4:], order)
            if kind == _COMPRESSED:
                total += _inflated(file, length, MAX_DATA_BYTES - total)
            else:
                file.seek(length, 1)


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
                raise DataError(f"its variables decompress to more than {MAX_DATA_BYTES / 1024**3:.0f} GiB")
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
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"damaged, or no MATLAB file: {reason[:160]}") from error
