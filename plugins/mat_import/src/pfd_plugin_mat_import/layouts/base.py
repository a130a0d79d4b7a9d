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
    """What a layout makes of a file: the array, float32 `(channels, samples)`, and those columns that it knows.

    `columns` has the names of `RecordingInfo`, and `unit`; what is missing is unknown.  `origins` says where the
    `sensor`, `axis` and `unit` of the channels came from.  `notes` say what is odd.
    """

    record_id: str
    signal: npt.NDArray[np.float32]
    channels: tuple[ChannelInfo, ...]
    columns: Mapping[str, Known]
    source: str
    notes: tuple[str, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)


SHOWN = 3
"""Places of samples that are named."""


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


def samples(value: Any, name: str) -> npt.NDArray[np.float32]:
    """`value` as one channel, float32 `(samples,)`.  Raises `DataError` for anything else."""
    array = np.asarray(value)
    if array.dtype.kind not in "fiu" or array.ndim != 1 or array.size < 2:
        raise DataError(f"{name} is {array.dtype} {array.shape}, not one channel of numbers")
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is infinite, and refused here
        single = array.astype(np.float32)
    # A NaN is what both give; an infinity is one of them.  No array of a million truths is made.
    if not (np.isfinite(single.min()) and np.isfinite(single.max())):
        raise DataError(f"{name} holds {_gaps(array, single)}")
    return single


def _gaps(array: npt.NDArray[Any], single: npt.NDArray[np.float32]) -> str:
    """How many samples of a channel are no finite numbers, of which kind, and where, counted from 1."""
    at = np.flatnonzero(~np.isfinite(single))
    runs = np.split(at, np.flatnonzero(np.diff(at) > 1) + 1)
    kinds = {
        "NaN": np.isnan(array[at]).sum(),
        "infinite": np.isinf(array[at]).sum(),
        "beyond float32": np.isfinite(array[at]).sum(),
    }
    told = ", ".join(f"{number:,} {kind}" for kind, number in kinds.items() if number)
    places = ", ".join(str(run[0] + 1) if run.size == 1 else f"{run[0] + 1} to {run[-1] + 1}" for run in runs[:SHOWN])
    more = f" and at {len(runs) - SHOWN:,} more places" if len(runs) > SHOWN else ""
    return f"{at.size:,} of {single.size:,} samples that are no numbers ({told}), at {places}{more}"


def number(value: Any, name: str) -> float:
    """`value` as one positive number.  Raises `DataError` for anything else."""
    array = np.asarray(value)
    if array.dtype.kind in "fiu" and array.size == 1 and np.isfinite(array).all() and array.item() > 0:
        return float(array.item())
    raise DataError(f"{name} is {str(value)[:40]!r}, not a positive number")
