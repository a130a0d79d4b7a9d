"""The predictions of an experiment: what was said of each window of each part, in one npz file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pfd import DataError, replacing
from pfd_plugin_data import open_zip, read_array, reading_foreign, require_arrays

if TYPE_CHECKING:
    from pfd_plugin_training.store import ExperimentEntry

PARTS = ("train", "validation", "test")

MAX_CLASSES = 10_000

_COLUMNS = ("record", "start", "bearing_id", "y_true", "probabilities")


@dataclass(frozen=True)
class Predictions:
    """What a model said of n windows.

    Parameters
    ----------
    classes : names of the k classes.
    record : index of the recording in its dataset, `(n,)`.
    start : first sample of the window at the common rate, `(n,)`.
    bearing_id : `(n,)`.
    y_true : index into `classes`, `(n,)`.
    probabilities : float32 `(n, k)`.
    """

    classes: tuple[str, ...]
    record: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    bearing_id: npt.NDArray[np.str_]
    y_true: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.y_true)


def write_predictions(path: Path, parts: Mapping[str, Predictions]) -> None:
    """Write the predictions of each part, whole or not at all."""
    arrays: dict[str, npt.NDArray[Any]] = {}
    for part, predictions in parts.items():
        arrays["classes"] = np.asarray(predictions.classes, dtype=np.str_)
        arrays |= {f"{part}_{column}": np.asarray(getattr(predictions, column)) for column in _COLUMNS}
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def read_predictions(entry: ExperimentEntry, part: str = "test") -> Predictions:
    """The predictions of one part of an experiment.

    Raises
    ------
    DataError : the experiment has no such part, or its file is missing or damaged.
    """
    if part not in PARTS:
        raise DataError(f"part={part!r}: choose one of {', '.join(PARTS)}")
    found = read_part(entry.predictions_file.intact(), part)
    if found is None:
        raise DataError(f"experiment {entry.id} has no {part} part", hint=entry.provenance)
    if found.classes != entry.classes:
        raise DataError(f"{entry.predictions_path} holds predictions of other classes than experiment {entry.id} says")
    return found


def read_part(path: Path, part: str) -> Predictions | None:
    """The predictions of one part in a file; None where it has no such part.

    Raises
    ------
    DataError : the file is missing or damaged, or holds what no classifier says.
    """
    with reading_foreign(path, "restore it from a backup, or train the model again"), open_zip(path) as file:
        names = {name.removesuffix(".npy") for name in file.namelist()}
        if f"{part}_y_true" not in names:
            return None
        columns = {column: read_array(file, f"{part}_{column}.npy") for column in _COLUMNS}
        classes = read_array(file, "classes.npy")
        _check(columns, classes)
        return Predictions(classes=tuple(str(name) for name in classes), **columns)


def _check(columns: Mapping[str, npt.NDArray[Any]], classes: npt.NDArray[Any]) -> None:
    n = len(columns["y_true"])
    require_arrays({"classes": classes}, {"classes": ("U", (None,))})
    if len(classes) > MAX_CLASSES:
        raise DataError(f"it has {len(classes):,} classes, at most {MAX_CLASSES:,} are read")
    require_arrays(
        columns,
        {
            "record": ("i", (n,)),
            "start": ("i", (n,)),
            "bearing_id": ("U", (n,)),
            "y_true": ("i", (n,)),
            "probabilities": ("f", (n, len(classes))),
        },
    )
    y_true, probabilities = columns["y_true"], columns["probabilities"]
    if n and not (y_true.min() >= 0 and y_true.max() < len(classes)):
        raise DataError(f"it holds windows of a class that is none of its {len(classes)}")
    if not ((probabilities >= 0) & (probabilities <= 1 + 1e-5)).all():  # NaN is neither
        raise DataError("it holds probabilities that are none")
