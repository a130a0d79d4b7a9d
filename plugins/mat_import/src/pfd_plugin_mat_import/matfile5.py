"""What is in a MATLAB file of version 5 to 7: each variable by its own header, none of them read.

SciPy's own list ends at the first variable that it cannot make out, as it cannot a `string`, a `datetime` or a `table`
(MathWorks does not document how objects are stored).  A file is a row of elements whose lengths are known, so that each
can be looked at by itself: what is beside the variables that are asked for decides nothing.

Source: MathWorks, "MAT-File Format", chapter 1.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from pfd import DataError

HEADER = 128
MATRIX, COMPRESSED = 14, 15
"""Kinds of elements: a variable, and one that is packed."""

MAX_ELEMENTS = 100_000
_LOOKED_AT = 2048
"""Bytes of a variable in which its header stands: flags, at most some hundred sides, and a name of 63 letters."""

_CLASSES = (
    *("unknown", "cell", "struct", "object", "char", "sparse", "double", "single", "int8", "uint8", "int16", "uint16"),
    *("int32", "uint32", "int64", "uint64", "function", "opaque"),
)
_OPAQUE = 17
_LOGICAL = 0x200
_SMALL = 0xFFFF0000


@dataclass(frozen=True)
class Element:
    """A variable as it lies in a file: where its content begins, and how many bytes of the file it takes."""

    name: str
    shape: tuple[int, ...]
    kind: str
    at: int
    length: int
    packed: bool


def byte_order(header: bytes) -> str | None:
    """`"<"` or `">"` of a file of version 5 to 7 that begins with these 128 bytes; None for any other."""
    return {b"IM": "<", b"MI": ">"}.get(header[126:HEADER]) if len(header) == HEADER else None


def elements(file: BinaryIO, order: str) -> Iterator[Element]:
    """The variables of a file that is open, in its order; one that cannot be made out has no name.

    Raises
    ------
    DataError : there are too many.
    """
    size = file.seek(0, os.SEEK_END)
    at = HEADER
    for _ in range(MAX_ELEMENTS):
        file.seek(at)
        if len(tag := file.read(8)) < 8:
            return
        kind, length = struct.unpack(f"{order}II", tag)
        at += 8
        if kind in (MATRIX, COMPRESSED):
            content = file.read(min(length, _LOOKED_AT))
            yield _element(content, order, at, length, packed=kind == COMPRESSED)
        elif at + length > size:
            return  # no element: what comes behind it cannot be found
        at += length
    raise DataError(f"it holds more than {MAX_ELEMENTS:,} variables")


def _element(content: bytes, order: str, at: int, length: int, *, packed: bool) -> Element:
    try:
        if packed:
            content = zlib.decompressobj().decompress(content, _LOOKED_AT)[8:]  # behind the tag of the variable
        name, shape, kind = _header(content, order)
    except (zlib.error, struct.error, IndexError, UnicodeDecodeError):
        name, shape, kind = "", (), _CLASSES[0]
    return Element(name, shape, kind, at, length, packed)


def _header(content: bytes, order: str) -> tuple[str, tuple[int, ...], str]:
    flags, at = _part(content, 0, order)
    (word,) = struct.unpack_from(f"{order}I", flags)
    number = word & 0xFF
    if number == _OPAQUE:  # its name, how it is stored, its class
        name, at = _part(content, at, order)
        _, at = _part(content, at, order)
        kind, _ = _part(content, at, order)
        return name.decode("latin1"), (1, 1), kind.decode("latin1")
    sides, at = _part(content, at, order)
    name, _ = _part(content, at, order)
    shape = struct.unpack(f"{order}{len(sides) // 4}i", sides)
    return name.decode("latin1"), shape, "logical" if word & _LOGICAL else _CLASSES[number]


def _part(content: bytes, at: int, order: str) -> tuple[bytes, int]:
    """The bytes of a part of a variable, and where the next one begins.  At most four bytes stand in the tag itself."""
    kind, length = struct.unpack_from(f"{order}II", content, at)
    if kind & _SMALL:
        length = kind >> 16
        return content[at + 4 : at + 4 + min(length, 4)], at + 8
    if at + 8 + length > len(content):
        raise IndexError
    return content[at + 8 : at + 8 + length], at + 8 + length + -length % 8
