"""Which recordings and windows belong to which part, and whether they can be learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pfd import DataError, Hint
from pfd_plugin_data import FAULTS, RecordingInfo, Split
from pfd_plugin_training.predictions import PARTS


def recordings_of(split: Split, part: str) -> tuple[int, ...]:
    """Indices of the recordings of a part."""
    indices: tuple[int, ...] = getattr(split, part)
    return indices


def classes_of(split: Split, recordings: Sequence[RecordingInfo], usable: Sequence[int]) -> tuple[str, ...]:
    """The classes to learn: those of the training part, in the order of `FAULTS`.

    `usable` are the recordings that hold a window.

    Raises
    ------
    DataError : a part has no window, or a class is to be validated or tested that is not trained.
    """
    held = set(usable)
    labels = {part: {recordings[i].label for i in recordings_of(split, part) if i in held} for part in PARTS}
    for part in PARTS:
        if recordings_of(split, part) and not labels[part]:
            raise DataError(
                f"no recording of the {part} part is as long as a window",
                hint="choose a smaller window or another split",
            )
        if unknown := sorted(labels[part] - labels["train"]):
            raise DataError(
                f"the {part} part holds {', '.join(unknown)}, which the training part does not",
                hint=f"choose another split, or {Hint.parameter('split.leave_out', unknown)}",
            )
    if len(labels["train"]) < 2:
        raise DataError(
            f"the training part holds one class only, {', '.join(labels['train'])}",
            hint="a classifier needs at least two; leave out less",
        )
    return tuple(fault for fault in FAULTS if fault in labels["train"])


def part_of_windows(split: Split, record: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
    """The part of each window `(n,)`, as an index into `PARTS`, from the recording of each; -1 for none.

    Windows of a recording are given in order, as the split counts them.
    """
    part = np.full(len(record), -1, dtype=np.int8)
    for index in np.unique(record):
        rows = np.flatnonzero(record == index)
        part[rows] = split.parts(int(index), len(rows))
    return part


def describe(split: Split, recordings: Sequence[RecordingInfo]) -> dict[str, Any]:
    """A split as an experiment keeps it: what it is, and the recordings and bearings of each part."""
    parts = {part: recordings_of(split, part) for part in PARTS}
    return {
        "name": split.name,
        "fold": split.fold,
        "protocol": split.protocol,
        "seed": split.seed,
        "leaky": split.leaky,
        "stamp": split.provenance,
        "left_out": list(split.left_out),
        "records": {part: list(indices) for part, indices in parts.items()},
        "bearings": {part: sorted({recordings[i].bearing_id for i in indices}) for part, indices in parts.items()},
    }
