"""Scores of a classifier, with the baseline and the calibration that belong beside them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from pfd_plugin_training.predictions import Predictions

BINS = 15
"""Of the expected calibration error (Guo et al. 2017, On calibration of modern neural networks)."""


@dataclass(frozen=True)
class Scores:
    """Scores of one part.

    Parameters
    ----------
    n_windows, n_recordings : what they rest on.
    accuracy : share of windows named rightly.
    balanced_accuracy : mean over classes of the share of their windows named rightly.
    record_accuracy : share of recordings named rightly by the mean of their windows' probabilities.
    macro_auroc : mean one-versus-rest AUROC over `auroc_classes`; None where no class can be told from another.
    auroc_classes : the classes that the part holds (of the others there is no AUROC).
    ece : expected calibration error of the named class.
    brier : mean over windows of Σ(p − y)² over classes.
    baseline_accuracy : accuracy of always naming the training part's most frequent class.
    """

    n_windows: int
    n_recordings: int
    accuracy: float
    balanced_accuracy: float
    record_accuracy: float
    macro_auroc: float | None
    auroc_classes: tuple[str, ...]
    ece: float
    brier: float
    baseline_accuracy: float


def score(predictions: Predictions, majority: int) -> Scores:
    """Score predictions; `majority` is the index of the training part's most frequent class."""
    y, p = predictions.y_true, predictions.probabilities.astype(np.float64)
    named = p.argmax(axis=1)
    aurocs = _aurocs(y, p)
    return Scores(
        n_windows=len(y),
        n_recordings=np.unique(predictions.record).size,
        accuracy=float(np.mean(named == y)),
        balanced_accuracy=float(np.mean([np.mean(named[y == index] == index) for index in np.unique(y)])),
        record_accuracy=record_accuracy(predictions),
        macro_auroc=float(np.mean(list(aurocs.values()))) if aurocs else None,
        auroc_classes=tuple(predictions.classes[index] for index in aurocs),
        ece=expected_calibration_error(y, p),
        brier=float(np.mean(np.sum((p - np.eye(p.shape[1])[y]) ** 2, axis=1))),
        baseline_accuracy=float(np.mean(y == majority)),
    )


def record_accuracy(predictions: Predictions) -> float:
    """Share of recordings whose mean probabilities name their class."""
    records, row = np.unique(predictions.record, return_inverse=True)
    total = np.zeros((len(records), predictions.probabilities.shape[1]))
    np.add.at(total, row, predictions.probabilities)
    truth = np.zeros(len(records), dtype=np.int64)
    truth[row] = predictions.y_true
    return float(np.mean(total.argmax(axis=1) == truth))


def expected_calibration_error(y: npt.NDArray[np.int64], p: npt.NDArray[np.float64]) -> float:
    """Σ over 15 equal bins of confidence: share of windows in the bin × |accuracy − mean confidence|."""
    confidence, right = p.max(axis=1), p.argmax(axis=1) == y
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gap = np.bincount(bins, weights=right - confidence, minlength=BINS)
    return float(np.abs(gap).sum() / len(y))


def _aurocs(y: npt.NDArray[np.int64], p: npt.NDArray[np.float64]) -> dict[int, float]:
    present = np.unique(y)
    if len(present) < 2:
        return {}
    return {int(index): float(roc_auc_score(y == index, p[:, index])) for index in present}
