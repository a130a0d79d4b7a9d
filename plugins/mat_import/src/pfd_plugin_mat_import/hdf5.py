"""Reading HDF5 files within bounds: plain ones, and those of MATLAB 7.3.

HDF5 can do more than a recording needs: name other files as the place of its data, refer in circles, claim arrays of
any size.  All of that is refused, since the file may have been made to do harm.

How MATLAB writes its values: a `MATLAB_class` attribute, arrays in the reverse order of their sides, text as numbers of
characters, a cell as references, a struct as a group, and an array of structs as a group of arrays of references.
Others write arrays in their own order, and beside them attributes, such as the sample rate.  These are variables as
well: `@rate` is one of the file, `vibration@rate` one of the array or group `vibration`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from pfd import DataError
from pfd_plugin_mat_import import global_heap
from pfd_plugin_mat_import.recorded_file import Variable, converting, require_room, text_or_number, value_of

MAX_DEPTH = 32
MAX_NODES = 100_000
"""Deepest nesting, and most arrays, structs and cells of what is read, empty ones too."""

MAX_CHUNKS = 1_000_000
"""Most pieces that one array may be stored in: each is looked for by itself, those that are not there as well."""

MAX_RATIO = 200
FREE_BYTES = 64 * 1024**2
"""An array that takes more than `MAX_RATIO` times what is stored of it, and more than this, is refused as a bomb: a
recording of numbers packs to a half or a tenth."""

MAX_TEXTS = 10_000
"""Most texts of variable length in one array.  They are labels and units, and no signals."""

_FILTERS = frozenset(
    {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32, h5py.h5z.FILTER_LZF}
)
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_PLACES = (0, 512)
_DATASET = b"pfd-dataset"
"""The attribute `format` of PFD's own files."""


def recognises(start: bytes) -> bool:
    """Whether HDF5's signature stands at the beginning, or where the header of a v7.3 file ends."""
    return any(start.startswith(_SIGNATURE, at) for at in _PLACES)


def variables(path: Path) -> tuple[Variable, ...]:
    """The variables in a file, none of them read.

    Raises
    ------
    DataError : the file is damaged, or a dataset of PFD.
    """
    with _opened(path) as file:
        return tuple(_listing(file))


def read(path: Path, wanted: Collection[Variable]) -> dict[str, Any]:
    """Values of some variables as SciPy gives those of older versions of MATLAB: arrays with single sides dropped,
    text, a struct or group as a mapping, an array of structs as a list of mappings, a cell as a list; None for what is
    no value, as an object.

    Raises
    ------
    DataError : they lead out of the file, nest too deeply, or take more memory than they may.
    """
    with _opened(path) as file:
        bounds = _Bounds(file, path)
        return {variable.name: bounds.variable(variable.name) for variable in wanted}


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    # Through Python's file: by its path, HDF5 opens none that has no name in a folder, such as one out of a zip file.
    with converting("HDF5 file"), path.open("rb") as raw, h5py.File(raw, "r") as file:
        yield file


def _listing(file: Any) -> Iterator[Variable]:
    """The variables of a file: its arrays and groups, and the attributes of those that are not MATLAB's.  Sizes of
    MATLAB's are in its order, which is the reverse of HDF5's."""
    attributes = [*_attributes(file, "")]
    if any(one.name == "@format" and one.kind == "text" for one in attributes) and _says_dataset(file):
        raise DataError("a dataset of PFD already, and no recording to import; open_dataset reads it")
    if len(file) > MAX_NODES:
        raise DataError(f"it holds more than {MAX_NODES:,} variables")
    for name in file:
        if name.startswith("#"):  # where MATLAB keeps what cells and objects refer to
            continue
        if not isinstance(file.get(name, getlink=True), h5py.HardLink):
            yield Variable(name, (), "link")
            continue
        item = file[name]
        if not _is_matlab(item):
            attributes += _attributes(item, name)
        yield Variable(name, *_described(item))
    yield from attributes


def _described(item: Any) -> tuple[tuple[int, ...], str]:
    """Size and kind."""
    shape = tuple(item.shape or ()) if isinstance(item, h5py.Dataset) else ()
    if _is_matlab(item):
        return tuple(reversed(shape)) if isinstance(item, h5py.Dataset) else (1, 1), _class_of(item)
    return shape, _kind(item.dtype) if isinstance(item, h5py.Dataset) else "group"


def _kind(dtype: np.dtype[Any]) -> str:
    if h5py.check_string_dtype(dtype) is not None:
        return "text"
    return "struct" if dtype.names else "object" if dtype.hasobject else dtype.name


def _attributes(item: Any, name: str) -> Iterator[Variable]:
    if len(item.attrs) > MAX_NODES:
        raise DataError(f"it holds more than {MAX_NODES:,} attributes")
    for attribute in item.attrs:
        held = item.attrs.get_id(attribute)
        yield Variable(f"{name}@{attribute}", tuple(held.shape or ()), _kind(held.dtype))


def _says_dataset(file: Any) -> bool:
    held = file.attrs.get_id("format")
    # One of variable length lies in the heap, which may be damaged.
    return bool(held.shape == () and held.dtype.kind == "S" and file.attrs["format"] == _DATASET)


class _Bounds:
    """What may still be read."""

    def __init__(self, file: Any, path: Path) -> None:
        self._file = file
        self._path = path
        self._size = self._nodes = 0

    def variable(self, name: str) -> Any:
        owner, at, attribute = name.rpartition("@")
        if name in self._file or not at:
            return self.value(_child(self._file, name), 0)
        return self._attribute(_child(self._file, owner) if owner else self._file, attribute)

    def _attribute(self, item: Any, name: str) -> Any:
        held = item.attrs.get_id(name)
        self._claim(f"the attribute {name}", held.dtype, math.prod(held.shape or ()))
        return _plain(item.attrs[name])

    def _claim(self, name: str, dtype: np.dtype[Any], number: int) -> int:
        """The bytes that an array says that it takes, once it is known that these may be read."""
        text = h5py.check_string_dtype(dtype)
        if text is not None and text.length is None:
            if number > MAX_TEXTS:
                raise DataError(f"{name} holds {number:,} texts of variable length, at most {MAX_TEXTS:,} are read")
            if not global_heap.is_whole(self._path):
                raise DataError(f"damaged: the heap in which the texts of {name} lie is not whole")
        elif dtype.hasobject and h5py.check_ref_dtype(dtype) is not h5py.Reference:
            raise DataError(f"{name} holds values of variable length; save it as an array of numbers")
        size = number * int(dtype.itemsize)
        self._size += size
        require_room(self._size)
        return size

    def _count(self, number: int) -> None:
        self._nodes += number
        if self._nodes > MAX_NODES:
            raise DataError(f"its variables hold more than {MAX_NODES:,} parts")

    def value(self, item: Any, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise DataError(f"its variables nest deeper than {MAX_DEPTH}")
        if not isinstance(item, h5py.Dataset):
            return self._struct(item, depth)
        # Of an object, such as a string or a table, the values lie elsewhere.
        if item.shape is None or "MATLAB_object_decode" in item.attrs:
            return None
        array = self._array(item)
        if "MATLAB_empty" in item.attrs:
            return "" if _class_of(item) == "char" else np.empty(0)
        if _refers(item):
            cells = self._follow(array, depth)
            return cells[0] if len(cells) == 1 else cells
        if _class_of(item) == "char":
            return _text(array)
        if array.dtype.names == ("real", "imag"):
            array = array["real"] + 1j * array["imag"]
        return _plain(array)

    def _struct(self, group: Any, depth: int) -> Any:
        if "MATLAB_sparse" in group.attrs:
            return None
        self._count(len(group))
        fields = {name: _child(group, name) for name in group}
        columns: dict[str, list[Any]] = {}
        for name, item in fields.items():
            # A field that is a cell has that class itself; one that is only references is of an array of structs.
            if isinstance(item, h5py.Dataset) and _refers(item) and not _is_matlab(item):
                columns[name] = self._follow(self._array(item), depth)
        if columns and len(columns) == len(fields) and len({len(column) for column in columns.values()}) == 1:
            return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        return {name: self.value(item, depth + 1) for name, item in fields.items()}

    def _follow(self, references: npt.NDArray[Any], depth: int) -> list[Any]:
        self._count(references.size)
        return [self.value(_checked(self._file[one]), depth + 1) if one else None for one in references.ravel()]

    def _array(self, dataset: Any) -> npt.NDArray[Any]:
        """The array, once it is known to be of a size that may be read; MATLAB's in the order of its sides."""
        size = self._claim(dataset.name, dataset.dtype, int(dataset.size or 0))
        _check_stored(dataset, size)
        array = np.asarray(dataset[()])
        return array.T if _is_matlab(dataset) or _refers(dataset) else array


def _check_stored(dataset: Any, size: int) -> None:
    """Refuse an array that is stored in parts that take for ever to look for, or that unfold without end."""
    plist = dataset.id.get_create_plist()
    filters = [plist.get_filter(index)[0] for index in range(plist.get_nfilters())]
    if len(set(filters)) < len(filters) or not _FILTERS.issuperset(filters):
        raise DataError(f"{dataset.name} is packed in a way that is not read; save it with gzip or lzf")
    sides = zip(dataset.shape, dataset.chunks or dataset.shape, strict=True)
    if size and math.prod(-(-side // part) for side, part in sides) > MAX_CHUNKS:
        raise DataError(f"{dataset.name} is stored in more than {MAX_CHUNKS:,} pieces")
    stored = dataset.id.get_storage_size()
    if size > max(FREE_BYTES, MAX_RATIO * stored):
        raise DataError(f"{dataset.name} claims {size:,} bytes, and {stored:,} are stored of it")


def _refers(dataset: Any) -> bool:
    return h5py.check_ref_dtype(dataset.dtype) is h5py.Reference


def _is_matlab(item: Any) -> bool:
    return "MATLAB_class" in item.attrs


def _class_of(item: Any) -> str:
    # Only as MATLAB writes it: one of variable length lies in the heap, which may be damaged.
    if not _is_matlab(item) or item.attrs.get_id("MATLAB_class").dtype.kind != "S":
        return "unknown"
    return str(np.char.decode(item.attrs["MATLAB_class"], "utf-8", "replace"))


def _child(group: Any, name: str) -> Any:
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise DataError(f"{name} is a link; save what it leads to in its place")
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


def _plain(array: Any) -> Any:
    """Value of an array as h5py gives it: texts of variable length are objects, and no value is one as well."""
    if isinstance(array, h5py.Empty):
        return None
    array = np.asarray(array)
    if array.dtype.kind == "O" and all(isinstance(text, str | bytes) for text in array.flat):
        texts = [text.decode(errors="replace") if isinstance(text, bytes) else text for text in array.flat]
        return text_or_number(np.squeeze(np.array(texts, "U").reshape(array.shape)))
    return value_of(array)
