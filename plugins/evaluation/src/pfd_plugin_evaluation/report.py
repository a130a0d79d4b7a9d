"""What a ROC analysis says of each experiment, in words and in its result."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pfd_plugin_data import Caution
from pfd_plugin_evaluation.interval import Interval
from pfd_plugin_evaluation.params import ClassAuroc, ExperimentRoc
from pfd_plugin_evaluation.roc import ClassRoc, macro_auroc
from pfd_plugin_training import ExperimentEntry, Predictions, subject_of


def interval_cautions(entry: ExperimentEntry, interval: Interval, asked: int) -> list[Caution]:
    """What is amiss with the interval, where one was asked for."""
    if asked and interval.low is None:
        why = interval.note.removeprefix("no interval: ")
        return [Caution(subject_of(entry), "no 95 % interval", f"no 95 % interval of its macro-AUROC: {why}")]
    if interval.unit == "recording":
        text = "its 95 % interval resamples recordings, which share bearings: it is too narrow for bearings not yet met"
        return [Caution(subject_of(entry), "95 % interval too narrow", text)]
    return []


def area(of: ExperimentRoc) -> str:
    """The macro-AUROC, marked where the split leaks."""
    known = "unknown" if of.macro_auroc is None else f"{of.macro_auroc:.3f}"
    return f"{known} (LEAKY)" if of.leaky else known


def title(entry: ExperimentEntry) -> str:
    """What a panel is called."""
    return f"{entry.model} on {entry.dataset_name}  (experiment {entry.id})"


def score_line(entry: ExperimentEntry, part: str) -> str:
    """What stands beside the area: a class can be ranked perfectly and still be named wrongly."""
    scores = entry.metrics[part]
    return (
        f"accuracy {scores['accuracy']:.3f} of windows, {scores['record_accuracy']:.3f} of recordings; "
        f"majority class {scores['baseline_accuracy']:.3f}"
    )


def result(
    entry: ExperimentEntry,
    part: str,
    predictions: Predictions,
    curves: Sequence[ClassRoc],
    interval: Interval,
    cautions: Sequence[Caution],
) -> ExperimentRoc:
    """The fields of the task's result for one experiment."""
    return ExperimentRoc(
        experiment_id=entry.id,
        model=entry.model,
        dataset=entry.dataset_name,
        stamp=entry.provenance,
        leaky=entry.leaky,
        n_windows=len(predictions),
        n_recordings=int(np.unique(predictions.record).size),
        n_bearings=int(np.unique(predictions.bearing_id).size),
        macro_auroc=macro_auroc(curves),
        accuracy=entry.metrics[part]["accuracy"],
        baseline_accuracy=entry.metrics[part]["baseline_accuracy"],
        interval=None if interval.low is None else [interval.low, interval.high],
        interval_note=interval.note,
        cautions=[str(caution) for caution in cautions],
        classes=[
            ClassAuroc(
                name=curve.name,
                n_windows=curve.n_windows,
                n_bearings=curve.n_bearings,
                auroc=curve.auroc,
                reason=curve.reason,
            )
            for curve in curves
        ],
    )


def comparable(entries: Sequence[ExperimentEntry], read: Sequence[Predictions]) -> bool:
    """Whether all experiments were evaluated on the same recordings."""
    return len({(e.dataset_fingerprint, tuple(np.unique(p.record))) for e, p in zip(entries, read, strict=True)}) == 1
