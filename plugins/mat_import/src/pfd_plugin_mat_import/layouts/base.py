"""What a layout is: how a file of it is recognised, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pfd import DataError
from pfd_plugin_data import ChannelInfo


@dataclass(frozen=True)
class MatFile:
    """A MATLAB file as a layout sees it: its path within the source, and the variables that were read."""

    path: PurePosixPath
    values: Mapping[str, Any]


class Known(NamedTuple):
    """A value of a recording's column, and where it came from."""

    value: Any
    origin: str


@dataclass(frozen=True)
class Draft:
    """What a layout makes of a recording: the samples of each channel as the file holds them, and those columns that it
    knows.

    `columns` has the names of `RecordingInfo`, and `unit`; what is missing is unknown.  `origins` says where the
    `sensor`, `axis` and `unit` of the channels came from.  `notes` say what is odd.
    """

    record_id: str
    rows: Sequence[npt.NDArray[Any]]
    channels: tuple[ChannelInfo, ...]
    columns: Mapping[str, Known]
    source: str
    notes: tuple[str, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Layout:
    """How the files of one data set are laid out.

    `recognises` tells from the names of the variables whether a file has this layout; `wanted` which of them are to be
    read; `convert` makes the recording, or raises `DataError` with the reason why not.
    """

    name: str
    recognises: Callable[[Sequence[str]], bool]
    wanted: Callable[[PurePosixPath, Sequence[str]], Sequence[str]]
    convert: Callable[[MatFile], Draft]


def samples(value: Any, name: str) -> npt.NDArray[Any]:
    """`value` as one channel of numbers, `(samples,)`.  Raises `DataError` for anything else."""
    array = np.asarray(None if isinstance(value, list | Mapping) else value)
    if array.dtype.kind not in "fiu" or array.ndim != 1 or array.size < 2:
        raise DataError(f"{name} is {array.dtype} {array.shape}, not one channel of numbers")
    return array


def plain(value: Any) -> str:
    """A value as a text, a whole number without decimals; in full: two numbers are two bearings."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value).strip()


def number(value: Any, name: str) -> float:
    """`value` as one positive number.  Raises `DataError` for anything else."""
    array = np.asarray(value)
    if array.dtype.kind in "fiu" and array.size == 1 and np.isfinite(array).all() and array.item() > 0:
        return float(array.item())
    raise DataError(f"{name} is {str(value)[:40]!r}, not a positive number")
