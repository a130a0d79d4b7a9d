"""Scores against scikit-learn and against examples done by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from pfd_plugin_training import Predictions, score
from pfd_plugin_training.scores import expected_calibration_error, record_accuracy

CLASSES = ("normal", "inner_race", "outer_race")


def predictions(y: object, p: object, record: object = None) -> Predictions:
    truth = np.asarray(y, dtype=np.int64)
    records = np.arange(truth.size) if record is None else np.asarray(record)
    bearing = np.array([f"b{r}" for r in records])
    return Predictions(CLASSES, records, np.zeros_like(truth), bearing, truth, np.asarray(p, dtype=np.float32))


def random_predictions(seed: int = 0, n: int = 300) -> Predictions:
    rng = np.random.default_rng(seed)
    y = rng.choice(3, n, p=[0.6, 0.3, 0.1])
    p = rng.dirichlet([1, 1, 1], n) + 0.4 * np.eye(3)[y]
    return predictions(y, p / p.sum(axis=1, keepdims=True), rng.integers(0, 30, n) * 3 + y)


def test_accuracies_and_auroc_are_those_of_scikit_learn() -> None:
    given = random_predictions()
    found = score(given, majority=0)
    named = given.probabilities.argmax(axis=1)
    assert found.accuracy == pytest.approx(metrics.accuracy_score(given.y_true, named))
    assert found.balanced_accuracy == pytest.approx(metrics.balanced_accuracy_score(given.y_true, named))
    one_hot = np.eye(3)[given.y_true]
    assert found.macro_auroc == pytest.approx(metrics.roc_auc_score(one_hot, given.probabilities, average="macro"))
    assert found.brier == pytest.approx(np.mean(np.sum((given.probabilities - one_hot) ** 2, axis=1)), rel=1e-6)
    assert found.baseline_accuracy == pytest.approx(np.mean(given.y_true == 0))


def test_the_calibration_error_of_an_example_done_by_hand() -> None:
    # Two windows at confidence 0.9, one right: a gap of 0.4.  Two at 0.6, both right: a gap of 0.4.
    p = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.6, 0.4]])
    assert expected_calibration_error(np.array([0, 1, 0, 0]), p) == pytest.approx(0.4)


def test_a_model_that_is_right_and_sure_has_no_calibration_error() -> None:
    y = np.array([0, 1, 2])
    found = score(predictions(y, np.eye(3)), majority=0)
    assert (found.ece, found.brier, found.accuracy, found.macro_auroc) == (0.0, 0.0, 1.0, 1.0)


def test_a_recording_is_named_by_the_mean_of_its_windows() -> None:
    # One sure window outweighs two that lean the other way.
    p = [[0.9, 0.1, 0.0], [0.4, 0.6, 0.0], [0.4, 0.6, 0.0], [0.2, 0.8, 0.0]]
    given = predictions([0, 0, 0, 0], p, record=[5, 5, 5, 8])
    assert record_accuracy(given) == 0.5
    assert score(given, majority=0).accuracy == 0.25


def test_the_auroc_is_over_the_classes_that_the_part_holds() -> None:
    found = score(predictions([0, 0, 1, 1], [[0.8, 0.1, 0.1], [0.6, 0.2, 0.2], [0.1, 0.8, 0.1], [0.7, 0.2, 0.1]]), 0)
    assert found.auroc_classes == ("normal", "inner_race")
    assert found.macro_auroc is not None


def test_a_part_of_one_class_has_no_auroc() -> None:
    assert score(predictions([1, 1], [[0.2, 0.7, 0.1]] * 2), majority=0).macro_auroc is None
