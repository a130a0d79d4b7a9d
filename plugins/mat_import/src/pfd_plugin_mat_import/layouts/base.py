"""What a layout is: how a file of it is recognised, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pfd import DataError
from pfd_plugin_data import RecordingInfo


@dataclass(frozen=True)
class MatFile:
    """A MATLAB file as a layout sees it: where it is, the SHA-256 of its bytes, and the variables that were read."""

    path: Path
    sha256: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Imported:
    """A recording: its columns, its array, float32 `(channels, samples)`, and where its sample rate came from."""

    info: RecordingInfo
    signal: npt.NDArray[np.float32]
    rate_source: str


@dataclass(frozen=True)
class Layout:
    """How the files of one data set are laid out.

    `recognises` tells from the names of the variables whether a file has this layout; `wanted` which of them are to be
    read; `convert` makes the recording, or raises `DataError` with the reason why not.
    """

    name: str
    recognises: Callable[[Sequence[str]], bool]
    wanted: Callable[[Path, Sequence[str]], Sequence[str]]
    convert: Callable[[MatFile], Imported]


def samples(value: Any, name: str) -> npt.NDArray[np.float32]:
    """`value` as one channel, float32 `(samples,)`.  Raises `DataError` for anything else."""
    array = np.asarray(value)
    if array.dtype.kind not in "fiu" or array.ndim != 1 or array.size < 2:
        raise DataError(f"{name} is {array.dtype} {array.shape}, not one channel of numbers")
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is infinite, and refused here
        single = array.astype(np.float32)
    if not np.isfinite(single).all():
        raise DataError(f"{name} holds values that are no finite float32")
    return single


def number(value: Any, name: str) -> float:
    """`value` as one positive number.  Raises `DataError` for anything else."""
    array = np.asarray(value)
    if array.dtype.kind in "fiu" and array.size == 1 and np.isfinite(array).all() and array.item() > 0:
        return float(array.item())
    raise DataError(f"{name} is {str(value)[:40]!r}, not a positive number")
