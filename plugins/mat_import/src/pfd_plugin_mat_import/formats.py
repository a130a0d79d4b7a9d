"""The formats that recordings come in: which one a file has, by what is in it and by the end of its name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Protocol

from pfd_plugin_mat_import import csv_file, hdf5, matfile, numpy_file
from pfd_plugin_mat_import.recorded_file import (
    ARRAY_SUFFIXES,
    HDF5_SUFFIXES,
    TEXT_SUFFIXES,
    Variable,
    converting,
    require_readable,
)


class _Format(Protocol):
    """What the module of each format has: what is in a file is seen first, and only what is wanted is then read."""

    def recognises(self, start: bytes) -> bool: ...
    def variables(self, path: Path) -> tuple[Variable, ...]: ...
    def read(self, path: Path, wanted: Collection[Variable]) -> dict[str, Any]: ...


_BY_SUFFIX: Mapping[str, _Format] = {
    **dict.fromkeys(TEXT_SUFFIXES, csv_file),
    **dict.fromkeys(ARRAY_SUFFIXES, numpy_file),
    **dict.fromkeys(HDF5_SUFFIXES, hdf5),
}


def variables(path: Path, suffix: str | None = None) -> tuple[Variable, ...]:
    """The variables in a file, in its order, without reading them.

    `suffix` is the end of its name where `path` does not have it, as of a file in a zip file.

    Raises
    ------
    DataError : the file is too large, empty, damaged, or of no format that is read.
    """
    with converting("readable file"):
        require_readable(path)
        return _format(path, suffix).variables(path)


def read(path: Path, wanted: Collection[Variable], suffix: str | None = None) -> dict[str, Any]:
    """Values of some variables: arrays with single dimensions dropped, text, structs as mappings, cells as lists.

    Raises
    ------
    DataError : they cannot be read, or take more memory than they may.
    """
    with converting("readable file"):
        return _format(path, suffix).read(path, wanted)


def _format(path: Path, suffix: str | None) -> _Format:
    with path.open("rb") as file:
        start = file.read(1024)
    marked: tuple[_Format, ...] = (hdf5, numpy_file, matfile)
    for one in marked:
        if one.recognises(start):
            return one
    # Tables have no mark of their own, nor have MATLAB's files of version 4.
    return _BY_SUFFIX.get((path.suffix if suffix is None else suffix).lower(), matfile)
