"""Files of somebody else's making: bounded before anything is built of them, and whatever is wrong becomes one error.

Readers of libraries trust what a file says of itself: they make the array that a header of forty bytes claims, and
unpack what two hundred bytes unfold to.  What a file claims is therefore looked at first, and has to agree with what is
in it.
"""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from pfd import DataError, PfdError, open_regular

MAX_BYTES = 4 * 1024**3
"""Most that a model or a table of predictions may take once unpacked."""

MAX_RATIO = 64
FREE_BYTES = 64 * 1024**2
"""What unpacks to more than `MAX_RATIO` times its size, and to more than this, is refused as a bomb.  A forest unpacks
to about seven times its size, predictions to three."""

MAX_MEMBERS = 100_000
"""Most members of a zip file: a forest has four a tree."""

MAX_TEXT_BYTES = 192 * 1024**2
"""Most of a member that is not an array, such as the JSON which says how a model is put together."""

MAX_HEADER_BYTES = 4 * 1024**2
"""Longest header of a safetensors file."""

MAX_SIDES = 8
"""Most dimensions of a tensor."""

_END = 22
_LONGEST_COMMENT = 0xFFFF
_MEMBER = 46
"""Bytes of a zip file's last record, of the comment behind it, and least of each member's entry."""

_ITEM_BYTES = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2"), 1),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 2),
    **dict.fromkeys(("U32", "I32", "F32"), 4),
    **dict.fromkeys(("U64", "I64", "F64"), 8),
}


@contextmanager
def reading_foreign(path: Path, hint: str) -> Iterator[None]:
    """Turn whatever a reader raises for a file into a `DataError` that names it, and says what to do.

    Readers of damaged files raise nearly everything: a list of it would never be whole.
    """
    try:
        yield
    except DataError as error:
        if str(path) not in error.message:
            raise DataError(f"{path} cannot be read: {error.message}", hint=error.hint or hint) from error
        error.hint = error.hint or hint
        raise
    except PfdError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{path} cannot be read: {reason[:300]}", hint=hint) from error


# -- zip files of arrays: npz, skops --------------------------------------------------------------------------------


@contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """A zip file whose members are of bounded size.

    Raises
    ------
    DataError : there is too much in it.  What `zipfile` raises for a damaged file
        is left to `reading_foreign`.
    """
    with open_regular(path) as raw:
        _check_directory(raw)
        with zipfile.ZipFile(raw) as file:
            _check_members(file.infolist(), min(MAX_BYTES, max(FREE_BYTES, MAX_RATIO * path.stat().st_size)))
            yield file


def _check_directory(file: BinaryIO) -> None:
    """Refuse a directory of more members than are looked at, before one object is made for each of them."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _END - _LONGEST_COMMENT))
    tail = file.read()
    file.seek(0)
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _END:
        return  # no zip file, which its reader will say
    if b"PK\6\7" in tail[max(0, at - 20) : at]:
        raise DataError("it is a zip64 file, which none of so few bytes need be")
    if int.from_bytes(tail[at + 12 : at + 16], "little") > MAX_MEMBERS * 4 * _MEMBER:
        raise DataError(f"it holds more than {MAX_MEMBERS:,} files")


def _check_members(infos: list[zipfile.ZipInfo], most: int) -> None:
    if len(infos) > MAX_MEMBERS:
        raise DataError(f"it holds {len(infos):,} files, at most {MAX_MEMBERS:,} are looked at")
    if len({info.filename for info in infos}) < len(infos):
        raise DataError("it holds two files of one name")
    # A member gives no more than it says here: its reader stops there.
    if (total := sum(info.file_size for info in infos)) > most:
        raise DataError(f"it unpacks to {total / 1024**2:.0f} MiB, at most {most / 1024**2:.0f} are read")
    for info in infos:
        if not info.filename.endswith(".npy") and info.file_size > MAX_TEXT_BYTES:
            raise DataError(f"its {info.filename[:100]!r} unpacks to {info.file_size / 1024**2:.0f} MiB")


def read_array(file: zipfile.ZipFile, name: str) -> npt.NDArray[Any]:
    """An array of a zip file that `open_zip` has opened, in NumPy's format.

    Raises
    ------
    DataError : it claims more or less than is there, or holds objects.
    """
    size = file.getinfo(name).file_size
    with file.open(name) as member:
        version = npy.read_magic(member)
        read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
        if read is None:
            raise DataError(f"{name[:100]!r} is of version {version} of NumPy's format")
        shape, fortran, kind = read(member)
        left = size - member.tell()
        if kind.hasobject or any(side < 0 for side in shape) or math.prod(shape) * kind.itemsize != left:
            raise DataError(f"{name[:100]!r} claims to be {kind} {shape}"[:300] + f", and {left} bytes are there")
        content = member.read(left)
    if len(content) < left:
        raise DataError(f"{name[:100]!r} is cut short")
    return np.frombuffer(content, kind).reshape(shape, order="F" if fortran else "C")


# -- safetensors ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StoredTensor:
    """What a safetensors file says of a tensor: its type in that format's words, and its shape."""

    kind: str
    shape: tuple[int, ...]


def tensor_header(path: Path) -> tuple[dict[str, str], dict[str, StoredTensor]]:
    """The metadata and the tensors that a safetensors file claims to hold, with none of them read.

    Raises
    ------
    DataError : it is damaged, or claims more than is in it.
    """
    with open_regular(path) as file:
        size = file.seek(0, 2)
        file.seek(0)
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(MAX_HEADER_BYTES, size - 8):
            raise DataError(f"its header would have {length} bytes")
        header = json.loads(file.read(length))
    if not isinstance(header, dict):
        raise DataError("its header is not an object of names and values")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        raise DataError("its metadata are not texts")
    tensors = {name: _tensor(name, said, size) for name, said in header.items()}
    claimed = sum(math.prod(one.shape) * _ITEM_BYTES[one.kind] for one in tensors.values())
    if claimed != size - 8 - length:
        raise DataError(f"its tensors claim {claimed} bytes, and {size - 8 - length} are there")
    return metadata, tensors


def _tensor(name: str, said: Any, most: int) -> StoredTensor:
    kind, shape = said["dtype"], said["shape"]
    # With few sides, none of them longer than the file, their product is not a number that takes long to work out.
    fits = len(shape) <= MAX_SIDES and all(type(side) is int and 0 <= side <= most for side in shape)
    if kind not in _ITEM_BYTES or not fits:
        raise DataError(f"tensor {name[:100]!r} is {str(kind)[:20]!r}, with {len(shape)} sides of at most {most}")
    return StoredTensor(kind, tuple(shape))


def require_arrays(
    found: Mapping[str, npt.NDArray[Any]], wanted: Mapping[str, tuple[str, tuple[int | None, ...]]]
) -> None:
    """Refuse arrays that are not of the kinds (as `dtype.kind`) and shapes wanted; None stands for any side.

    Raises
    ------
    DataError : one is missing, or is of another kind or shape.
    """
    for name, (kinds, shape) in wanted.items():
        array = found.get(name)
        if array is None:
            raise DataError(f"it holds no {name!r}")
        fits = len(array.shape) == len(shape) and all(w in (None, a) for a, w in zip(array.shape, shape, strict=True))
        if array.dtype.kind not in kinds or not fits:
            raise DataError(f"its {name!r} is {array.dtype} {array.shape}")
