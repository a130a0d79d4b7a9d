"""Cautions beside the scores of an experiment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pfd_plugin_data import Caution, few_bearings, leakage
from pfd_plugin_training.predictions import Predictions
from pfd_plugin_training.store import ExperimentEntry

HIGH_AUROC = 0.95
FALLS_SHORT = 0.20
"""A macro-AUROC from the first on promises more than a balanced accuracy that lies by the second below it: where the
scores of classes are normal and spread alike, an AUROC of 0.95 goes with 75 % of the windows of eleven classes named
rightly, and with more of fewer classes."""

FAR_APART = 0.20
"""Shares by which a validation score lies far from the test score."""


@dataclass(frozen=True)
class Evidence:
    """What the scores of one part of an experiment rest on.

    Parameters
    ----------
    subject : whose scores, for people.
    part : the part that was scored.
    predictions : of that part.
    metrics : scores of each part, by the names of `Scores`.
    bearings : of each part.
    leaks : how training has looked at what is judged, once for each way.
    """

    subject: str
    part: str
    predictions: Predictions
    metrics: Mapping[str, Mapping[str, Any]]
    bearings: Mapping[str, Sequence[str]]
    leaks: Sequence[str] = ()


def subject_of(entry: ExperimentEntry) -> str:
    """What an experiment is called in cautions."""
    return f"{entry.model} (experiment {entry.id})"


def cautions_of(entry: ExperimentEntry, part: str, predictions: Predictions) -> list[Caution]:
    """What has to be known of the scores of one part of an experiment; `predictions` are of that part."""
    bearings = entry.split.get("bearings", {})
    return list(cautions(Evidence(subject_of(entry), part, predictions, entry.metrics, bearings, entry.leaks)))


def cautions(given: Evidence) -> Iterator[Caution]:
    """What has to be known of scores, what weighs most first."""
    leaky = leakage(given.subject, given.leaks)
    yield from leaky
    if given.part == "train":
        brief = "scored on its training part"
        yield Caution(given.subject, brief, f"{brief}: that says nothing about recordings that it has not seen")
    elif not leaky:
        yield from _shared(given)
    for part in dict.fromkeys((given.part, "validation")):
        if part in given.metrics:
            yield from _no_better(given, part)
    yield from _ranked_only(given)
    yield from _classes(given)
    classes, y, bearing_id = given.predictions.classes, given.predictions.y_true, given.predictions.bearing_id
    yield from few_bearings(given.subject, given.part, classes, y, bearing_id)
    yield from _disagree(given)


def _shared(given: Evidence) -> Iterator[Caution]:
    """Bearings that stand on both sides: a model may know the bearing, and not the fault."""
    own = set(given.bearings.get(given.part, ()))
    if shared := own & set(given.bearings.get("train", ())):
        brief = f"{len(shared)} of {len(own)} {given.part} bearings are trained on"
        yield Caution(given.subject, brief, f"{brief}: its scores say nothing about bearings that it has not met")


def _no_better(given: Evidence, part: str) -> Iterator[Caution]:
    """Scores that one gets without looking at a signal.

    Where the part lacks the training part's most frequent class, naming that is not a measure, but a guess still is.
    """
    scores = given.metrics[part]
    present = len(scores["auroc_classes"])
    if present < 2:  # of one class, any constant may be right
        return
    if scores["accuracy"] <= scores["baseline_accuracy"]:
        yield Caution(
            given.subject,
            f"{part} accuracy no better than the majority class",
            f"its {part} accuracy of {scores['accuracy']:.1%} is no better than the "
            f"{scores['baseline_accuracy']:.1%} of always naming the most frequent class of the training part",
        )
    elif scores["balanced_accuracy"] <= 1 / present + 1e-9:
        yield Caution(
            given.subject,
            f"balanced {part} accuracy no better than a guess",
            f"its {part} accuracy is {scores['accuracy']:.1%}, but the mean over classes only "
            f"{scores['balanced_accuracy']:.1%}: no better than naming one of {present} classes unseen "
            f"({1 / present:.1%})",
        )


def _ranked_only(given: Evidence) -> Iterator[Caution]:
    """Windows that are in the right order of a class's probability and are named wrongly all the same."""
    scores = given.metrics[given.part]
    auroc, right = scores["macro_auroc"], scores["balanced_accuracy"]
    if auroc is not None and auroc >= HIGH_AUROC and round(auroc - right, 9) >= FALLS_SHORT:
        yield Caution(
            given.subject,
            f"AUROC {auroc:.3f} beside {right:.1%} named rightly",
            f"its macro-AUROC is {auroc:.3f}, but only {right:.1%} of windows (mean over classes) are named rightly: "
            "it ranks the windows of a class well, but its largest probability often names another class, as where "
            "probabilities are shifted from class to class; judge it by accuracy, or calibrate it on a validation part",
        )


def _classes(given: Evidence) -> Iterator[Caution]:
    """Classes of which the part tells nothing."""
    predictions = given.predictions
    present = set(np.unique(predictions.y_true).tolist())
    absent = [name for index, name in enumerate(predictions.classes) if index not in present]
    if absent:
        brief = f"no {given.part} window of " + ", ".join(f"'{name}'" for name in absent)
        yield Caution(given.subject, brief, f"{brief}: its scores say nothing about what is absent")
    if len(present) == 1:
        brief = f"the {given.part} part holds one class only"
        yield Caution(given.subject, brief, f"{brief}: there is nothing to tell it from, and no AUROC")


def _disagree(given: Evidence) -> Iterator[Caution]:
    """A validation score and a test score of which at most one can be near what is to be expected."""
    if given.part != "test" or "validation" not in given.metrics:
        return
    before, after = (given.metrics[part]["accuracy"] for part in ("validation", "test"))
    if round(abs(before - after), 9) >= FAR_APART:
        yield Caution(
            given.subject,
            f"validation accuracy far {'above' if before > after else 'below'} the test's",
            f"its accuracy is {before:.1%} on the validation part and {after:.1%} on the test part: the two hold "
            "unlike recordings, and neither figure is sure",
        )
