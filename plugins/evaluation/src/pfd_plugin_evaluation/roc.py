"""ROC curves, one class against the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import auc, roc_curve

from pfd_plugin_training import Predictions

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class ClassRoc:
    """The ROC of one class against all others.

    Parameters
    ----------
    name : of the class.
    n_windows, n_bearings : windows of it, and the bearings they come from.
    auroc : area under the curve; None where there is none, for `reason`.
    fpr, tpr : the corners of the curve, from (0, 0) to (1, 1); empty where there is none.
    """

    name: str
    n_windows: int
    n_bearings: int
    auroc: float | None
    reason: str | None
    fpr: Floats
    tpr: Floats


def class_rocs(predictions: Predictions) -> list[ClassRoc]:
    """The curve of each class, in the order of the model's classes."""
    return [_class_roc(predictions, index, name) for index, name in enumerate(predictions.classes)]


def macro_auroc(curves: Sequence[ClassRoc]) -> float | None:
    """Mean AUROC over the classes that have one; None where none has."""
    areas = [curve.auroc for curve in curves if curve.auroc is not None]
    return float(np.mean(areas)) if areas else None


def _class_roc(predictions: Predictions, index: int, name: str) -> ClassRoc:
    positive = predictions.y_true == index
    count = int(positive.sum())
    bearings = int(np.unique(predictions.bearing_id[positive]).size)
    if count in (0, positive.size):
        reason = "no window in this part" if not count else "every window of this part"
        return ClassRoc(name, count, bearings, None, reason, np.empty(0), np.empty(0))
    fpr, tpr, _ = roc_curve(positive, predictions.probabilities[:, index])
    return ClassRoc(name, count, bearings, float(auc(fpr, tpr)), None, fpr, tpr)
