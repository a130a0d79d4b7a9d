"""What is shown of a ROC analysis: cautions, areas with their intervals, curves, and what they rest on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pfd import JobView
from pfd.views import (
    Block,
    Download,
    Link,
    Metric,
    Metrics,
    Table,
    Warning,  # noqa: A004
    columns,
)


def roc_analysed(view: JobView) -> Iterator[Block]:
    """The experiments beside each other, each with its split and with what a guess reaches."""
    experiments = view.result["experiments"]
    for one in experiments:
        yield from _warnings(one)
    if not view.result.get("comparable", True):
        yield Warning(text="the experiments were evaluated on different recordings: their figures are not a comparison")
    yield Metrics(items=tuple(map(_area, experiments)))
    part = view.result["part"]
    rows = tuple(
        (
            Link(kind="experiment", id=one["experiment_id"], label=f"{one['model']} on {one['dataset']}"),
            *(None if one[name] is None else 100 * one[name] for name in ("accuracy", "baseline_accuracy")),
            one["macro_auroc"],
            *(one["interval"] or (None, None)),
            *(one[f"n_{what}"] for what in ("windows", "recordings", "bearings")),
        )
        for one in experiments
    )
    heads = columns(
        "experiment",
        *(("windows named rightly", "%"), ("majority class", "%")),
        *("macro-AUROC", "from", "to", "windows", "recordings", "bearings"),
    )
    notes = [f"Experiment {one['experiment_id']}: {one['stamp']}; {one['interval_note']}." for one in experiments]
    yield Table(title=f"Scores on the {part} part", columns=heads, rows=rows, note=" ".join(notes)[:1000])
    yield from view.kept("roc")
    of_classes = tuple(
        (one["experiment_id"], of["name"], of["auroc"], of["n_windows"], of["n_bearings"], of["reason"] or "")
        for one in experiments
        for of in one["classes"]
    )
    heads = columns("experiment", "class", "AUROC", "windows", "bearings", "why there is none")
    yield Table(title="Classes, each against the rest", columns=heads, rows=of_classes)
    yield from (Download(artifact=name) for name in ("roc.json",) if name in view.files)


def _warnings(one: Mapping[str, Any]) -> Iterator[Warning]:
    if one.get("leaky"):
        stamp = one["stamp"].removeprefix("LEAKY: ")
        yield Warning(text=f"LEAKY: {one['model']} (experiment {one['experiment_id']}): {stamp}")
    yield from (Warning(text=text) for text in dict.fromkeys(one.get("cautions") or ()) if text.strip())


def _area(one: Mapping[str, Any]) -> Metric:
    low, high = one["interval"] or (None, None)
    return Metric(
        name=f"macro-AUROC of {one['model']}",
        value=one["macro_auroc"],
        low=low,
        high=high,
        baseline=0.5,
        note=f"{one['n_windows']} windows of {one['n_recordings']} recordings of {one['n_bearings']} bearings",
    )
