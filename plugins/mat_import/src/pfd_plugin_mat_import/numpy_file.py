"""Reading NumPy's files: the arrays of an `.npz` by name, that of an `.npy` as `array`.  Nothing is unpickled."""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from pfd import DataError
from pfd_plugin_data import open_zip, read_array
from pfd_plugin_mat_import.recorded_file import Variable, converting, require_room, value_of

ALONE = "array"
"""What the array of an `.npy` file is called."""

_END = ".npy"
_OBJECTS = "objects"


def recognises(start: bytes) -> bool:
    """Whether a file that begins so is one of NumPy's, or the zip file that an `.npz` is."""
    return start.startswith((npy.MAGIC_PREFIX, b"PK\3\4", b"PK\5\6"))


def variables(path: Path) -> tuple[Variable, ...]:
    """The arrays of a file, none of them read.  Raises `DataError` where they cannot be made out."""
    with _converting():
        if _is_alone(path):
            array = _mapped(path)
            return (Variable(ALONE, array.shape, _kind(array.dtype)),)
        with open_zip(path) as file:
            found = tuple(_listed(file))
        if not found:
            raise DataError("a zip file with no array of NumPy's in it")
        return found


def read(path: Path, wanted: Collection[Variable]) -> dict[str, Any]:
    """Values of some variables.

    Raises
    ------
    DataError : they are damaged, hold Python objects, or take more memory than they may.
    """
    for variable in wanted:
        if variable.kind == _OBJECTS:
            raise DataError(
                f"{variable.name} holds Python objects, which could run code; save it as numbers or as text"
            )
    with _converting():
        if _is_alone(path):
            array = _mapped(path)
            require_room(array.nbytes)
            return {ALONE: value_of(np.array(array))}
        with open_zip(path) as file:
            require_room(sum(file.getinfo(variable.name + _END).file_size for variable in wanted))
            return {variable.name: value_of(read_array(file, variable.name + _END)) for variable in wanted}


def _is_alone(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(npy.MAGIC_PREFIX)) == npy.MAGIC_PREFIX


def _mapped(path: Path) -> np.memmap[Any, Any]:
    # A map cannot be larger than its file, whatever that claims, and none is made of objects.
    return npy.open_memmap(path, mode="r")


def _listed(file: zipfile.ZipFile) -> Iterator[Variable]:
    for info in file.infolist():
        if info.filename.endswith(_END):
            with file.open(info) as member:
                version = npy.read_magic(member)
                if version == (1, 0):
                    shape, _, kind = npy.read_array_header_1_0(member)
                else:
                    shape, _, kind = npy.read_array_header_2_0(member)
            yield Variable(info.filename.removesuffix(_END), shape, _kind(kind))


def _kind(kind: np.dtype[Any]) -> str:
    if kind.hasobject:
        return _OBJECTS
    return "struct" if kind.names else "text" if kind.kind in "SU" else kind.name


@contextmanager
def _converting() -> Iterator[None]:
    with converting("NumPy file", "save it again with numpy.savez", (ValueError, zipfile.BadZipFile)):
        yield
