"""The evaluation task: context and storage around curves, intervals and the figure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pfd import TaskContext
from pfd_plugin_data import Caution, in_brief
from pfd_plugin_evaluation.figure import Panel, draw, save
from pfd_plugin_evaluation.interval import Interval, macro_auroc_interval
from pfd_plugin_evaluation.params import (
    ClassAuroc,
    ExperimentRoc,
    GenerateRocAnalysisParams,
    GenerateRocAnalysisResult,
)
from pfd_plugin_evaluation.roc import ClassRoc, class_rocs, macro_auroc
from pfd_plugin_training import (
    ExperimentEntry,
    Predictions,
    cautions_of,
    find_experiment,
    read_predictions,
    subject_of,
)


def generate_roc_analysis(params: GenerateRocAnalysisParams, ctx: TaskContext) -> GenerateRocAnalysisResult:
    """Curves, areas and intervals of each experiment, in one figure."""
    with ctx.session() as session:
        entries = [find_experiment(session, ref, home=ctx.settings.home) for ref in params.experiments]
    panels: list[Panel] = []
    results: list[ExperimentRoc] = []
    read: list[Predictions] = []
    told: list[Caution] = []
    for number, entry in enumerate(entries):
        ctx.check_cancelled()
        ctx.progress(0.9 * number / len(entries), f"Experiment {number + 1}/{len(entries)}", experiment_id=entry.id)
        predictions = read_predictions(entry, params.part)
        curves = class_rocs(predictions)
        interval = macro_auroc_interval(predictions, params.n_bootstrap, params.random_seed)
        cautions = [*cautions_of(entry, params.part, predictions), *_of_interval(entry, interval, params.n_bootstrap)]
        words = [caution.text for caution in cautions]
        scores = _scores(entry, params.part)
        panels.append(Panel(_title(entry), scores, entry.provenance, entry.leaky, curves, interval, words))
        results.append(_result(entry, params.part, predictions, curves, interval, cautions))
        told += cautions
        read.append(predictions)
    comparable = _comparable(entries, read)
    ctx.progress(0.9, "Drawing")
    figure = draw(
        panels,
        heading=f"ROC, {params.part} part",
        footnote="" if comparable else "These panels rest on different recordings: their figures are no comparison.",
    )
    save(figure, ctx.artifact("roc.png"), ctx.artifact("roc.svg"))
    result = GenerateRocAnalysisResult(part=params.part, experiments=results, comparable=comparable)
    curves_of = {
        str(entry.id): {curve.name: {"fpr": curve.fpr.tolist(), "tpr": curve.tpr.tolist()} for curve in panel.curves}
        for entry, panel in zip(entries, panels, strict=True)
    }
    ctx.write_json("roc.json", {**result.model_dump(mode="json"), "curves": curves_of}, indent=None)
    for caution in told:
        ctx.log.warning("%s", caution)
    ctx.progress(1.0, f"Macro AUROC {', '.join(map(_area, results))}{in_brief(told, subjects=len(entries) > 1)}")
    return result


def _of_interval(entry: ExperimentEntry, interval: Interval, asked: int) -> list[Caution]:
    """What is amiss with the interval, where one was asked for."""
    if asked and interval.low is None:
        why = interval.note.removeprefix("no interval: ")
        return [Caution(subject_of(entry), "no 95 % interval", f"no 95 % interval of its macro-AUROC: {why}")]
    if interval.unit == "recording":
        text = "its 95 % interval resamples recordings, which share bearings: it is too narrow for bearings not yet met"
        return [Caution(subject_of(entry), "95 % interval too narrow", text)]
    return []


def _area(of: ExperimentRoc) -> str:
    known = "unknown" if of.macro_auroc is None else f"{of.macro_auroc:.3f}"
    return f"{known} (LEAKY)" if of.leaky else known


def _title(entry: ExperimentEntry) -> str:
    return f"{entry.model} on {entry.dataset_name}  (experiment {entry.id})"


def _scores(entry: ExperimentEntry, part: str) -> str:
    """What stands beside the area: a class can be ranked perfectly and still be named wrongly."""
    scores = entry.metrics[part]
    return (
        f"accuracy {scores['accuracy']:.3f} of windows, {scores['record_accuracy']:.3f} of recordings; "
        f"majority class {scores['baseline_accuracy']:.3f}"
    )


def _result(
    entry: ExperimentEntry,
    part: str,
    predictions: Predictions,
    curves: Sequence[ClassRoc],
    interval: Interval,
    cautions: Sequence[Caution],
) -> ExperimentRoc:
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


def _comparable(entries: Sequence[ExperimentEntry], read: Sequence[Predictions]) -> bool:
    """Whether all experiments were evaluated on the same recordings."""
    return len({(e.dataset_fingerprint, tuple(np.unique(p.record))) for e, p in zip(entries, read, strict=True)}) == 1
