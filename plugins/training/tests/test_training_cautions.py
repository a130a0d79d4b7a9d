"""Cautions beside the scores of an experiment: each is there on one side of its edge and absent on the other."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

from pfd_plugin_data import Caution
from pfd_plugin_training import Predictions, score
from pfd_plugin_training.cautions import Evidence, cautions

CLASSES = ("normal", "inner", "ball", "outer")


def predictions(present: int = 4, *, right: float = 1.0, each: int = 60, bearings: int = 3) -> Predictions:
    """Windows of the first classes; in each the last share is named as the next class of all four."""
    y = np.repeat(np.arange(present), each)
    within = np.tile(np.arange(each), present)
    named = np.where(within < round(right * each), y, (y + 1) % 4)
    bearing = np.array([f"t{a}-{b % bearings}" for a, b in zip(y, within, strict=True)])
    probabilities = (0.1 + 0.6 * np.eye(4)[named]).astype(np.float32)
    return Predictions(CLASSES, y * 3 + within % 3, within, bearing, y, probabilities)


def evidence(test: Predictions, *, part: str = "test", validation: float | None = None, **metrics: Any) -> Evidence:
    """What is known of a part, its scores as they are but for those that are given."""
    found = {part: asdict(score(test, majority=0)) | metrics}
    if validation is not None:
        found["validation"] = asdict(score(predictions(right=validation), majority=0))
    held = {"train": ["a", "b"], "test": sorted(set(test.bearing_id))}
    return Evidence("forest (experiment 3)", part, test, found, held)


def briefs(given: Evidence) -> list[str]:
    return [caution.brief for caution in cautions(given)]


def only(given: Evidence) -> Caution:
    [found] = cautions(given)
    return found


def test_a_good_score_on_enough_bearings_has_none() -> None:
    assert briefs(evidence(predictions(right=0.9), validation=0.9)) == []


def test_each_names_whom_it_concerns() -> None:
    given = evidence(predictions(3, right=0.2, bearings=1), validation=0.1)
    found = list(cautions(replace(given, leaks=("random windows",))))
    assert len(found) >= 4
    assert all(str(caution).startswith("forest (experiment 3): ") for caution in found)


@pytest.mark.parametrize(("bearings", "expected"), [(3, []), (1, ["one test bearing of each class"])])
def test_one_bearing_of_a_class(bearings: int, expected: list[str]) -> None:
    assert briefs(evidence(predictions(bearings=bearings))) == expected


@pytest.mark.parametrize(
    ("accuracy", "expected"),
    [(0.26, []), (0.25, ["test accuracy no better than the majority class"])],
)
def test_a_test_score_is_held_against_the_majority_class(accuracy: float, expected: list[str]) -> None:
    given = evidence(predictions(right=0.5), accuracy=accuracy, baseline_accuracy=0.25, balanced_accuracy=0.3)
    assert briefs(given) == expected


def test_the_caution_of_a_low_score_gives_both_figures() -> None:
    given = evidence(predictions(right=0.5), accuracy=0.2, baseline_accuracy=0.25, balanced_accuracy=0.3)
    assert "test accuracy of 20.0% is no better than the 25.0% of always naming" in only(given).text


@pytest.mark.parametrize(
    ("right", "expected"), [(0.3, []), (0.25, ["validation accuracy no better than the majority class"])]
)
def test_a_validation_score_is_held_against_it_as_well(right: float, expected: list[str]) -> None:
    assert briefs(evidence(predictions(right=0.4), validation=right)) == expected


@pytest.mark.parametrize(
    ("balanced", "expected"), [(0.26, []), (0.25, ["balanced test accuracy no better than a guess"])]
)
def test_where_the_part_lacks_the_most_frequent_class_a_guess_is_the_measure(
    balanced: float, expected: list[str]
) -> None:
    assert briefs(evidence(predictions(right=0.4), baseline_accuracy=0.0, balanced_accuracy=balanced)) == expected


@pytest.mark.parametrize(
    ("auroc", "balanced", "there"),
    [
        (0.95, 0.75, True),
        (0.949, 0.7, False),
        (0.95, 0.751, False),
        (1.0, 0.68, True),
        (1.0, 0.81, False),
        (None, 0.3, False),
    ],
)
def test_an_area_near_one_beside_a_low_accuracy(auroc: float | None, balanced: float, there: bool) -> None:
    given = evidence(predictions(right=0.9), macro_auroc=auroc, balanced_accuracy=balanced)
    assert bool(briefs(given)) == there
    if there:
        found = only(given)
        assert found.brief == f"AUROC {auroc:.3f} beside {balanced:.1%} named rightly"
        assert "shifted from class to class" in found.text


def test_a_ranking_that_is_right_under_shifted_probabilities_is_found_from_the_predictions() -> None:
    # Each class is ranked without a mistake, and half the windows of three classes are named 'normal' all the same.
    given = predictions()
    p = 0.1 + 0.4 * np.eye(4)[given.y_true]
    p[:, 0] = np.where(given.y_true == 0, 0.9, np.where(given.start % 2, 0.6, 0.3))
    shifted = replace(given, probabilities=np.asarray(p, dtype=np.float32))
    found = score(shifted, majority=0)
    assert (found.macro_auroc, found.balanced_accuracy) == (1.0, 0.625)
    assert briefs(evidence(shifted)) == ["AUROC 1.000 beside 62.5% named rightly"]


def test_a_class_that_the_part_lacks_is_named() -> None:
    assert briefs(evidence(predictions(3))) == ["no test window of 'outer'"]
    assert briefs(evidence(predictions(2))) == ["no test window of 'ball', 'outer'"]
    assert briefs(evidence(predictions(1)))[-1] == "the test part holds one class only"


@pytest.mark.parametrize(
    ("before", "after", "there"),
    [(0.9, 0.7, "above"), (0.9, 0.75, ""), (0.7, 0.5, "above"), (0.7, 0.9, "below"), (0.75, 0.9, "")],
)
def test_a_validation_score_far_from_the_test(before: float, after: float, there: str) -> None:
    given = evidence(predictions(right=after), validation=before)
    assert briefs(given) == ([f"validation accuracy far {there} the test's"] if there else [])
    if there:
        assert f"is {before:.1%} on the validation part and {after:.1%} on the test part" in only(given).text


def test_bearings_that_are_trained_on_are_counted() -> None:
    given = evidence(predictions())
    shared = replace(given, bearings={**given.bearings, "train": ["t0-0", "t1-0", "else"]})
    assert briefs(shared) == ["2 of 12 test bearings are trained on"]
    assert briefs(replace(given, bearings={})) == []


def test_a_leaky_split_is_named_and_that_it_shares_bearings_goes_without_saying() -> None:
    given = evidence(predictions())
    leaky = replace(given, leaks=("random windows",), bearings={**given.bearings, "train": ["t0-0"]})
    assert only(leaky).text.startswith("leaky split (random windows)")


def test_a_score_on_the_training_part_is_none() -> None:
    given = evidence(predictions(), part="train")
    shared = replace(given, bearings={"train": sorted(set(given.predictions.bearing_id))})
    assert briefs(shared) == ["scored on its training part"]


def test_other_names_of_classes_and_another_experiment_beside_it_change_nothing_else() -> None:
    given = evidence(predictions(3, right=0.2, bearings=2), validation=0.1)
    renamed = replace(given, predictions=replace(given.predictions, classes=("w", "x", "y", "z")))
    assert [one.text.replace("'z'", "'outer'") for one in cautions(renamed)] == [one.text for one in cautions(given)]
    assert list(cautions(given)) == list(cautions(given))


def test_a_constant_added_to_every_probability_changes_nothing() -> None:
    given = predictions(right=0.5, bearings=2)
    more = replace(given, probabilities=np.asarray((given.probabilities + 0.1) / 1.4, dtype=np.float32))
    assert list(cautions(evidence(more))) == list(cautions(evidence(given)))
