"""What files of all formats share: what a variable is, how much of a file is read, what becomes of a reader's errors.

A file is somebody else's: it may be damaged, huge, or made to do harm.  Sizes are checked before anything is
allocated, and whatever a reader raises becomes a `DataError` that gives the reason.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from pfd import DataError

MAX_FILE_BYTES = 512 * 1024**2
MAX_DATA_BYTES = 2 * 1024**3
"""Largest file, and most that its variables may take in memory."""

TEXT_SUFFIXES = (".csv", ".txt", ".tsv", ".dat")
ARRAY_SUFFIXES = (".npz", ".npy")
HDF5_SUFFIXES = (".h5", ".hdf5")
OTHER_SUFFIXES = (*TEXT_SUFFIXES, *ARRAY_SUFFIXES, *HDF5_SUFFIXES)
"""How the names of tables, of NumPy's files and of those of HDF5 end: all that is read beside MATLAB's."""

_LFS = b"version https://git-lfs.github.com/spec/"


class Alias(str):
    """Another name of a variable, such as the number of a column that has a name: it is meant where it is given to the
    letter, and no pattern fits it.  `of` is the variable's own name, empty where it is of several."""

    __slots__ = ("of",)
    of: str

    def __new__(cls, name: str, of: str = "") -> Self:
        """As the name says."""
        made = super().__new__(cls, name)
        made.of = of
        return made


@dataclass(frozen=True)
class Variable:
    """A variable of a file as it is listed: its name, its size where the file says it, and what kind of value it is."""

    name: str
    shape: tuple[int, ...]
    kind: str

    def __str__(self) -> str:
        return f"{self.name} ({' '.join(filter(None, ('×'.join(map(str, self.shape)), self.kind)))})"


def other_suffixes(names: Iterable[PurePath]) -> dict[str, int]:
    """How many of these files are of which of the other formats, by suffix; the most first."""
    found = (name.suffix.lower() for name in names)
    return dict(Counter(suffix for suffix in found if suffix in OTHER_SUFFIXES).most_common())


def in_words(numbers: Mapping[str, int]) -> str:
    """What `other_suffixes` has found, as `it holds 120 .csv and 3 .txt`."""
    return "it holds " + " and ".join(f"{number:,} {suffix}" for suffix, number in numbers.items())


def require_readable(path: Path) -> None:
    """Refuse what nothing can be read of.

    Raises
    ------
    DataError : it is not a regular file, empty, too large, or the pointer that Git LFS left in its place.
    """
    if not path.is_file():
        raise DataError("it is not a regular file")
    if (size := path.stat().st_size) == 0:
        raise DataError("the file is empty")
    if size > MAX_FILE_BYTES:
        raise DataError(f"the file has {size / 1024**2:.0f} MiB, at most {MAX_FILE_BYTES / 1024**2:.0f} are read")
    with path.open("rb") as file:
        if file.read(len(_LFS)) == _LFS:
            raise DataError("a pointer of Git LFS, and not the file itself; fetch it with 'git lfs pull'")


def require_room(size: int) -> None:
    """Refuse variables that claim so many bytes of memory, with `DataError`, where that is more than they may take."""
    if size > MAX_DATA_BYTES:
        raise DataError(
            f"its variables claim {size / 1024**3:.3g} GiB, at most {MAX_DATA_BYTES / 1024**3:.0f} are read"
        )


def sha256_of(path: Path) -> str:
    """SHA-256 of the bytes of a file.  Raises `DataError` where it cannot be read."""
    with converting("readable file"), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def value_of(array: Any) -> Any:
    """An array as all readers give it: single sides dropped, a structured one as a mapping of its fields, text as text.
    None for what is not a value, such as a Python object."""
    array = np.asarray(array)
    if array.dtype.names is not None:
        return {name: value_of(array[name]) for name in array.dtype.names}
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8", "replace")
    if array.dtype.kind not in "biufcUmM":
        return None
    return text_or_number(np.squeeze(array))


def text_or_number(array: npt.NDArray[Any]) -> Any:
    """An array, or the one value of an array without sides: text as Python's."""
    value: Any = array[()]
    return str(value) if isinstance(value, np.str_) else value


@contextmanager
def converting(
    what: str, again: str = "write it again by the program that it is from", telling: tuple[type[Exception], ...] = ()
) -> Iterator[None]:
    """Turn whatever a reader raises into a `DataError`; the readers raise nearly everything on damaged files.

    Parameters
    ----------
    what : the kind of file that it should be.
    again : how to get a whole one, beside copying it again.
    telling : errors whose words say something of the file, beside `OSError`; of others the words are Python's.
    """
    try:
        yield
    except DataError:
        raise
    except PermissionError as error:
        raise DataError(f"cannot be read: {error.strerror}") from error
    except Exception as error:
        told = " ".join(str(error).split())[:160] if isinstance(error, (OSError, *telling)) else ""
        reason = told or "what is in it cannot be made out"
        raise DataError(f"damaged, or no {what}: {reason}; copy or download it again, or {again}") from error
