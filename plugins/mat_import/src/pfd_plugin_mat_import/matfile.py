"""Reading MATLAB files of version 4 to 7 within bounds; a file of version 7.3 is one of HDF5."""

from __future__ import annotations

import bisect
import io
import itertools
import math
import warnings
import zlib
from collections.abc import Collection, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, BinaryIO, cast

import scipy.io

from pfd import DataError
from pfd_plugin_mat_import import hdf5, matfile5
from pfd_plugin_mat_import.recorded_file import MAX_DATA_BYTES, Variable, converting, require_room

_HEADER = 128
_CHUNK = 1024**2

_READING = ("MATLAB file", "save it again from MATLAB", (scipy.io.matlab.MatReadError, zlib.error))


def recognises(start: bytes) -> bool:
    """Whether a file that begins so is one of version 5 to 7; those of version 4 have no mark."""
    return start[matfile5.HEADER - 4 : matfile5.HEADER] in (b"\0\1IM", b"\1\0MI")


def variables(path: Path) -> tuple[Variable, ...]:
    """The variables in a file, in its order, none of them read.

    Raises
    ------
    DataError : the file is damaged, or no MATLAB file.
    """
    with converting(*_READING):
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
    with converting(*_READING), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about what is not read: objects, opaque types
        if any(length < 0 for variable in wanted for length in variable.shape):
            raise DataError("damaged: a variable of negative size")
        require_room(sum(8 * math.prod(variable.shape) for variable in wanted))
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
    header = file.read(matfile5.HEADER - 12) + bytes(8) + file.read(12)[8:]
    kept = []
    for one in matfile5.elements(file, order):
        if one.name in names:
            if one.packed:
                file.seek(one.at)
                left -= _inflated(file, one.length, left)
            kept.append((one.at - 8, 8 + one.length))
    return io.BufferedReader(_Pieces(file, header, kept))


class _Pieces(io.RawIOBase):
    """A header, and behind it pieces of a file (where each begins, and its length), as a file that no memory holds."""

    def __init__(self, file: BinaryIO, header: bytes, pieces: Sequence[tuple[int, int]]) -> None:
        self._file, self._header, self._pieces = file, header, pieces
        self._begins = [0, *itertools.accumulate((length for _, length in pieces), initial=len(header))]
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._begins[-1]}[whence])
        return self._at

    def readinto(self, buffer: Any) -> int:
        if self._at >= self._begins[-1]:
            return 0
        which = bisect.bisect_right(self._begins, self._at) - 1
        into = memoryview(buffer)[: self._begins[which + 1] - self._at]
        within = self._at - self._begins[which]
        if which == 0:
            into[:] = self._header[within : within + len(into)]
            done = len(into)
        else:
            self._file.seek(self._pieces[which - 1][0] + within)
            done = cast("io.BufferedIOBase", self._file).readinto(into)
        self._at += done
        return done


def _check_not_text(path: Path) -> None:
    """Refuse a text by its name: each version of MATLAB's files has a byte 0 or 1 in its header, which no text has."""
    with path.open("rb") as file:
        header = file.read(_HEADER)
    start = header.decode("utf-8", errors="ignore")  # the last letter may be cut
    if len(start.encode()) > len(header) - 4 and all(letter.isprintable() or letter.isspace() for letter in start):
        shown = " ".join(start.split())[:40].strip()
        raise DataError(
            f"no MATLAB file: it begins like text, {shown!r}; name it .csv where it is a table, "
            "or save it as .mat from MATLAB, or with scipy.io.savemat"
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
