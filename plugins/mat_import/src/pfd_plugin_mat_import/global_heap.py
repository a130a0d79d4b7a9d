"""HDF5's global heap, where texts of variable length lie: whether it is whole.

HDF5 looks for a text in a damaged heap for ever.  So each part of the heap is gone through beforehand: its objects have
to fill it, the free space at its end too.

Source: The HDF Group, "HDF5 File Format Specification Version 3.0", III.E.
"""

from __future__ import annotations

import mmap
from pathlib import Path

_SIGNATURE = b"GCOL\x01\0\0\0"
_HEADER = 16


def is_whole(path: Path) -> bool:
    """Whether the global heap of a file with lengths of eight bytes, which all are, can be gone through."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        at = content.find(_SIGNATURE)
        while at >= 0:
            end = at + _length(content, at)
            if end > len(content) or not _is_filled(content, at + _HEADER, end):
                return False
            at = content.find(_SIGNATURE, end)
    return True


def _is_filled(content: mmap.mmap, at: int, end: int) -> bool:
    """Whether objects of different numbers take all bytes of a part; number 0 is the free space at its end."""
    seen: set[int] = set()
    while at + _HEADER <= end:
        number, size = int.from_bytes(content[at : at + 2], "little"), _length(content, at)
        if number == 0:
            return size == end - at
        if number in seen:
            return False
        seen.add(number)
        at += _HEADER + size + -size % 8
    return at == end


def _length(content: mmap.mmap, at: int) -> int:
    return int.from_bytes(content[at + 8 : at + 16], "little")
