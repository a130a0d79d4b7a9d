"""The predictions of an experiment: what was said of each window of each part, in one npz file."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pfd import DataError, replacing

if TYPE_CHECKING:
    from pfd_plugin_training.store import ExperimentEntry

PARTS = ("train", "validation", "test")

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
    path = entry.predictions_path
    try:
        with np.load(path, allow_pickle=False) as stored:
            if f"{part}_y_true" not in stored:
                raise DataError(f"experiment {entry.id} has no {part} part", hint=entry.stamp)
            columns = {column: stored[f"{part}_{column}"] for column in _COLUMNS}
            return Predictions(classes=tuple(str(name) for name in stored["classes"]), **columns)
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} cannot be read: {str(error).splitlines()[0]}", hint="train the model again") from error
