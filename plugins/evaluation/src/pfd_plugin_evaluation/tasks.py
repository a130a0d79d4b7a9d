"""The evaluation task: context and storage around curves, intervals and the figure."""

from __future__ import annotations

from pfd import TaskContext
from pfd_plugin_data import Caution, in_brief
from pfd_plugin_evaluation.figure import Panel, roc_figure
from pfd_plugin_evaluation.interval import macro_auroc_interval
from pfd_plugin_evaluation.params import (
    ExperimentRoc,
    GenerateRocAnalysisParams,
    GenerateRocAnalysisResult,
)
from pfd_plugin_evaluation.report import area, comparable, interval_cautions, result, score_line, title
from pfd_plugin_evaluation.roc import class_rocs
from pfd_plugin_training import (
    Predictions,
    cautions_of,
    find_experiment,
    read_predictions,
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
        cautions = [
            *cautions_of(entry, params.part, predictions),
            *interval_cautions(entry, interval, params.n_bootstrap),
        ]
        words = [caution.text for caution in cautions]
        scores = score_line(entry, params.part)
        panels.append(Panel(title(entry), scores, entry.provenance, entry.leaky, curves, interval, words))
        results.append(result(entry, params.part, predictions, curves, interval, cautions))
        told += cautions
        read.append(predictions)
    alike = comparable(entries, read)
    ctx.progress(0.9, "Drawing")
    figure = roc_figure(
        panels,
        heading=f"ROC, {params.part} part",
        footnote="" if alike else "These panels rest on different recordings: their figures are not a comparison.",
    )
    ctx.figure("roc", figure)
    found = GenerateRocAnalysisResult(part=params.part, experiments=results, comparable=alike)
    curves_of = {
        str(entry.id): {curve.name: {"fpr": curve.fpr.tolist(), "tpr": curve.tpr.tolist()} for curve in panel.curves}
        for entry, panel in zip(entries, panels, strict=True)
    }
    ctx.write_json("roc.json", {**found.model_dump(mode="json"), "curves": curves_of}, indent=None)
    for caution in told:
        ctx.log.warning("%s", caution)
    ctx.progress(1.0, f"Macro AUROC {', '.join(map(area, results))}{in_brief(told, subjects=len(entries) > 1)}")
    return found
