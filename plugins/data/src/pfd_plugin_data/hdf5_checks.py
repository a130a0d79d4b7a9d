"""What lies in a dataset file, taken only where it lies as a writer lays it.

HDF5 follows whatever a file says: into other files, which may be pipes that nobody writes to, and to arrays larger than
any memory of which nothing is stored.  What no writer writes is therefore refused before it is opened or read.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import h5py
import numpy as np


def holds(parent: Any, name: str) -> bool:
    """Whether a group holds anything of that name, be it a link to nowhere."""
    return bool(parent.id.links.exists(name.encode()))


def group(parent: Any, name: str) -> Any:
    """The group `name` directly within another.  Raises `ValueError` where the file itself holds no such group."""
    found = _member(parent, name)
    if not isinstance(found, h5py.Group):
        raise ValueError(f"{found.name} is not a group")
    return found


def array(parent: Any, name: str, *types: np.dtype[Any], ndim: int | None = None) -> Any:
    """The array `name` directly within a group, not read yet: of one of these types, and contiguous in the file itself.

    Raises `ValueError` for any other, one with more bytes than the file among them.
    """
    found = _member(parent, name)
    if not isinstance(found, h5py.Dataset):
        raise ValueError(f"{found.name} is not an array")
    made = found.id.get_create_plist()
    if made.get_layout() != h5py.h5d.CONTIGUOUS:  # first of all: even its shape may be that of other files
        raise ValueError(f"{found.name} is in chunks or otherwise not contiguous")
    if made.get_external_count():
        raise ValueError(f"{found.name} is stored outside of the file")
    if found.dtype not in types or found.shape is None or ndim not in (None, len(found.shape)):
        raise ValueError(f"{found.name} is {found.dtype} {found.shape}")
    size = math.prod(found.shape) * found.dtype.itemsize
    offset = found.id.get_offset()
    if size and (offset is None or offset + size > Path(found.file.filename).stat().st_size):
        raise ValueError(f"{found.name} has {size} bytes, which are not all there")
    return found


def _member(parent: Any, name: str) -> Any:
    if not holds(parent, name):
        raise ValueError(f"{parent.name} holds no {name!r}")
    # By the low-level interface: `in` and `get` of a group follow the link before they say of which kind it is.
    if parent.id.links.get_info(name.encode()).type != h5py.h5l.TYPE_HARD:
        raise ValueError(f"{name!r} of {parent.name} is a link to elsewhere")
    return parent[name]
