"""A feature set dealt to the parts of a split: what importance, selection and correlation look at.

Whatever is fitted is fitted on the training part.  The validation part judges; the test part is not even kept here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pfd import DataError, Hint
from pfd_plugin_data import FAULTS, PARTS, RecordingInfo, Split
from pfd_plugin_features.table import FeatureTable

Matrix = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

OnStep = Callable[[int, int], None]
"""Told after each step of what takes long how many are done, and of how many.  It may raise, to end it there."""


def untold(done: int, total: int) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True)
class Part:
    """Windows of one part: features `x` `(n, f)`, classes `y` `(n,)`, and the bearing and recording of each, `(n,)`."""

    x: Matrix
    y: Labels
    bearing_id: npt.NDArray[np.str_]
    record: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True)
class LearningTable:
    """The training part, and the validation part where the split has one.  `classes` are those of the codes in `y`."""

    names: tuple[str, ...]
    classes: tuple[str, ...]
    train: Part
    validation: Part | None
    split: Split


@dataclass(frozen=True)
class Scaling:
    """Mean and standard deviation of each feature on the training part, `(f,)`; 1 for a constant one."""

    mean: Matrix
    std: Matrix

    @staticmethod
    def fitted(x: Matrix) -> Scaling:
        std = x.std(axis=0)
        return Scaling(x.mean(axis=0), np.where(is_constant(x), 1.0, std))

    def __call__(self, x: Matrix) -> Matrix:
        return np.asarray((x - self.mean) / self.std)


def is_constant(x: Matrix) -> npt.NDArray[np.bool_]:
    """Which features `(f,)` have one value only, but for rounding."""
    return np.asarray(np.ptp(x, axis=0) <= 1e-12 * np.abs(x).max(axis=0))


def deal(
    table: FeatureTable,
    recordings: Sequence[RecordingInfo],
    split: Split,
    *,
    max_windows: int,
    seed: int,
    needs_labels: bool = True,
) -> LearningTable:
    """Deal the windows of a table to the parts of a split; of more than `max_windows` in a part, so many at random.

    Where labels are not needed there may be any number of classes; the code of a window that has none of them is -1.

    Raises
    ------
    DataError : values that are not finite; where labels are needed, one class only, or a class to be validated that is
        not trained.
    """
    if table.record.size and table.record.max() >= len(recordings):
        raise DataError("the feature set names recordings that its dataset does not have")
    if not np.isfinite(table.x).all():
        worst = table.names[int(np.argmin(np.isfinite(table.x).all(axis=0)))]
        raise DataError(f"feature {worst!r} holds values that are not finite", hint="extract the features again")
    part = np.full(len(table.record), -1, dtype=np.int8)
    for index in np.unique(table.record):
        rows = np.flatnonzero(table.record == index)
        part[rows] = split.parts(int(index), len(rows))
    train, validation = part == PARTS.index("train"), part == PARTS.index("validation")
    trained = set(table.label[train].tolist())
    classes = tuple(fault for fault in FAULTS if fault in trained)
    if needs_labels and len(classes) < 2:
        held = ", ".join(classes) or "no window"
        raise DataError(
            f"the training part holds {held}, and at least two classes are needed to tell what features are worth",
            hint="choose another split, or leave out less",
        )
    if needs_labels and (unknown := sorted(set(table.label[validation].tolist()) - trained)):
        raise DataError(
            f"the validation part holds {', '.join(unknown)}, which the training part does not",
            hint=f"choose another split, or {Hint.parameter('split.leave_out', unknown)}",
        )
    code = {name: index for index, name in enumerate(classes)}
    rng = np.random.default_rng(np.random.SeedSequence([seed, 0]))

    def of(rows: npt.NDArray[np.intp]) -> Part:
        if rows.size > max_windows:
            rows = np.sort(rng.choice(rows, max_windows, replace=False))
        y = np.array([code.get(str(label), -1) for label in table.label[rows]], dtype=np.int64)
        return Part(table.x[rows], y, table.bearing_id[rows], table.record[rows])

    return LearningTable(
        names=table.names,
        classes=classes,
        train=of(np.flatnonzero(train)),
        validation=of(np.flatnonzero(validation)) if validation.any() else None,
        split=split,
    )
