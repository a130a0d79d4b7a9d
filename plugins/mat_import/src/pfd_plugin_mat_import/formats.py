"""The formats that recordings come in: which one a file has, by what is in it and by the end of its name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from pfd import DataError
from pfd_plugin_mat_import import hdf5, matfile, numpy_file
from pfd_plugin_mat_import.csv_file import TextTable
from pfd_plugin_mat_import.recorded_file import (
    ARRAY_SUFFIXES,
    HDF5_SUFFIXES,
    TEXT_SUFFIXES,
    Variable,
    converting,
    require_readable,
)


class _Format(Protocol):
    """What each format has: what is in a file is seen first, and only what is wanted is then read."""

    def variables(self, path: Path) -> tuple[Variable, ...]: ...
    def read(self, path: Path, wanted: Collection[Variable]) -> dict[str, Any]: ...


class _Marked(_Format, Protocol):
    """A format that has a mark at the beginning of a file."""

    def recognises(self, start: bytes) -> bool: ...


_MARKED: Sequence[_Marked] = (hdf5, numpy_file, matfile)
_BY_SUFFIX: Mapping[str, _Format] = {
    **dict.fromkeys(ARRAY_SUFFIXES, numpy_file),
    **dict.fromkeys(HDF5_SUFFIXES, hdf5),
}


def variables(path: Path, suffix: str | None = None, header: bool | None = None) -> tuple[Variable, ...]:
    """The variables in a file, in its order, without reading them.

    `suffix` is the end of its name where `path` does not have it, as of a file in a zip file; `header` whether a table
    has one, where the user says it.

    Raises
    ------
    DataError : the file is too large, empty, damaged, or of no format that is read; it is not a table, and `header` is
        said.
    """
    with converting("readable file"):
        require_readable(path)
        return _format(path, suffix, header).variables(path)


def read(
    path: Path, wanted: Collection[Variable], suffix: str | None = None, header: bool | None = None
) -> dict[str, Any]:
    """Values of some variables: arrays with single dimensions dropped, text, structs as mappings, cells as lists.

    Raises
    ------
    DataError : they cannot be read, or take more memory than they may.
    """
    with converting("readable file"):
        return _format(path, suffix, header).read(path, wanted)


def _format(path: Path, suffix: str | None, header: bool | None) -> _Format:
    with path.open("rb") as file:
        start = file.read(1024)
    found: _Format | None = next((one for one in _MARKED if one.recognises(start)), None)
    if found is None:
        # Tables have no mark of their own, nor have MATLAB's files of version 4.
        end = (path.suffix if suffix is None else suffix).lower()
        if end in TEXT_SUFFIXES:
            return TextTable(header)
        found = _BY_SUFFIX.get(end, matfile)
    if header is not None:
        raise DataError("mapping.header is for tables of text, and this is none")
    return found
