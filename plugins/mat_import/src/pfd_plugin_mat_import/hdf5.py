"""Reading a v7.3 file, which is HDF5, within bounds.

HDF5 can do more than MATLAB ever writes: name other files as the place of its data, refer in circles, claim arrays of
any size.  All of that is refused, since the file may have been made to do harm.

How MATLAB writes its values: a `MATLAB_class` attribute, arrays in the reverse order of their sides, text as numbers of
characters, a cell as references, a struct as a group, and an array of structs as a group of arrays of references.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from pfd import DataError

MAX_DEPTH = 32
MAX_NODES = 100_000
"""Deepest nesting, and most arrays, structs and cells of what is read, empty ones too."""

MAX_CHUNKS = 1_000_000
"""Most pieces that one array may be stored in: each is looked for by itself, those that are not there as well."""

MAX_RATIO = 200
FREE_BYTES = 64 * 1024**2
"""An array that takes more than `MAX_RATIO` times what is stored of it, and more than this, is refused as a bomb: a
recording of numbers packs to a half or a tenth."""

_FILTERS = frozenset({h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32})


def listing(file: Any) -> Iterator[tuple[str, tuple[int, ...], str]]:
    """Name, size and MATLAB class of each variable.  Sizes are in MATLAB's order, which is the reverse of HDF5's."""
    if len(file) > MAX_NODES:
        raise DataError(f"it holds more than {MAX_NODES:,} variables")
    for name in file:
        if name.startswith("#"):  # where MATLAB keeps what cells and objects refer to
            continue
        item = _child(file, name)
        shape = tuple(reversed(item.shape or ())) if isinstance(item, h5py.Dataset) else (1, 1)
        yield name, shape, _class_of(item)


def read(file: Any, names: Collection[str], most: int) -> dict[str, Any]:
    """Values of some variables as SciPy gives those of older versions: arrays with single sides dropped, text, a struct
    as a mapping, an array of structs as a list of mappings, a cell as a list; None for what is no value, as an object.

    Raises
    ------
    DataError : they lead out of the file, nest too deeply, or take more than `most` bytes.
    """
    bounds = _Bounds(file, most)
    return {name: bounds.value(_child(file, name), 0) for name in names if name in file}


class _Bounds:
    """What may still be read."""

    def __init__(self, file: Any, most: int) -> None:
        self._file = file
        self._most = most
        self._size = self._nodes = 0

    def _count(self, number: int) -> None:
        self._nodes += number
        if self._nodes > MAX_NODES:
            raise DataError(f"its variables hold more than {MAX_NODES:,} parts")

    def value(self, item: Any, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise DataError(f"its variables nest deeper than {MAX_DEPTH}")
        if not isinstance(item, h5py.Dataset):
            return self._struct(item, depth)
        if "MATLAB_object_decode" in item.attrs:  # an object, such as a string or a table: its values lie elsewhere
            return None
        array = self._array(item)
        if "MATLAB_empty" in item.attrs:
            return "" if _class_of(item) == "char" else np.empty(0)
        if h5py.check_ref_dtype(item.dtype) is h5py.Reference:
            cells = self._follow(array, depth)
            return cells[0] if len(cells) == 1 else cells
        if _class_of(item) == "char":
            return _text(array)
        if array.dtype.names == ("real", "imag"):
            array = array["real"] + 1j * array["imag"]
        return np.squeeze(array)[()] if array.dtype.names is None else None

    def _struct(self, group: Any, depth: int) -> Any:
        if "MATLAB_sparse" in group.attrs:
            return None
        self._count(len(group))
        fields = {name: _child(group, name) for name in group}
        columns: dict[str, list[Any]] = {}
        for name, item in fields.items():
            # A field that is a cell has that class itself; one that is only references is of an array of structs.
            if isinstance(item, h5py.Dataset) and item.dtype == h5py.ref_dtype and "MATLAB_class" not in item.attrs:
                columns[name] = self._follow(self._array(item), depth)
        if columns and len(columns) == len(fields) and len({len(column) for column in columns.values()}) == 1:
            return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        return {name: self.value(item, depth + 1) for name, item in fields.items()}

    def _follow(self, references: npt.NDArray[Any], depth: int) -> list[Any]:
        self._count(references.size)
        return [self.value(_checked(self._file[one]), depth + 1) if one else None for one in references.ravel()]

    def _array(self, dataset: Any) -> npt.NDArray[Any]:
        """The array in MATLAB's order of sides, once it is known to be of a size that may be read."""
        if any(check(dataset.dtype) for check in (h5py.check_vlen_dtype, h5py.check_string_dtype)):
            raise DataError(f"{dataset.name} is of variable length, which MATLAB never writes")
        size = int(dataset.size or 0) * int(dataset.dtype.itemsize)
        self._size += size
        if self._size > self._most:
            raise DataError(
                f"its variables claim {self._size / 1024**3:.3g} GiB, at most {self._most / 1024**3:.0f} are read"
            )
        _check_stored(dataset, size)
        return np.asarray(dataset[()]).T


def _check_stored(dataset: Any, size: int) -> None:
    """Refuse an array that is stored as MATLAB stores none: in parts that take for ever to look for, or unfold without
    end."""
    plist = dataset.id.get_create_plist()
    filters = [plist.get_filter(index)[0] for index in range(plist.get_nfilters())]
    if len(set(filters)) < len(filters) or not _FILTERS.issuperset(filters):
        raise DataError(f"{dataset.name} is packed in a way that MATLAB never uses")
    sides = zip(dataset.shape, dataset.chunks or dataset.shape, strict=True)
    if size and math.prod(-(-side // part) for side, part in sides) > MAX_CHUNKS:
        raise DataError(f"{dataset.name} is stored in more than {MAX_CHUNKS:,} pieces")
    stored = dataset.id.get_storage_size()
    if size > max(FREE_BYTES, MAX_RATIO * stored):
        raise DataError(f"{dataset.name} claims {size:,} bytes, and {stored:,} are stored of it")


def _class_of(item: Any) -> str:
    found = item.attrs.get("MATLAB_class", b"unknown")
    return found.decode(errors="replace") if isinstance(found, bytes) else "unknown"


def _child(group: Any, name: str) -> Any:
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise DataError(f"{name} is a link, which MATLAB never writes")
    return _checked(group[name])


def _checked(item: Any) -> Any:
    if isinstance(item, h5py.Dataset):
        if item.id.get_create_plist().get_external_count() or item.is_virtual:
            raise DataError(f"the data of {item.name} lie in another file")
    elif not isinstance(item, h5py.Group):
        raise DataError(f"{item.name} is neither a value nor a struct")
    return item


def _text(array: npt.NDArray[Any]) -> str:
    """MATLAB's characters, which are of UTF-16.  What is none becomes the sign for that."""
    if array.dtype.kind != "u":
        raise DataError(f"characters are stored as {array.dtype}")
    units: bytes = np.minimum(array.ravel(), 0xFFFF).astype("<u2").tobytes()
    return units.decode("utf-16-le", "replace")
