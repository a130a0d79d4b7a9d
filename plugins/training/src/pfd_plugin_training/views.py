"""What is shown of a training: its curves while it runs, and what the model is worth once it has ended."""

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
    Provenance,
    Table,
    Warning,  # noqa: A004
    columns,
)
from pfd_plugin_training.curves import SERIES, curves_figure

PARTS = ("test", "validation", "train")

MEASURES = (
    ("accuracy", "windows named rightly", "%"),
    ("balanced_accuracy", "the same, mean over classes", "%"),
    ("record_accuracy", "recordings named rightly", "%"),
    ("macro_auroc", "macro-AUROC", ""),
    ("ece", "calibration error (ECE)", ""),
    ("brier", "Brier score", ""),
)
"""Scores as they are stored, in words, and their unit."""


def trained(view: JobView) -> Iterator[Block]:
    """A trained model: what has to be known of its scores, the scores, and where it errs."""
    result = view.result
    yield from _warnings(result)
    yield _headline(result)
    if metrics := view.json("metrics.json"):
        yield _scores(metrics, result)
    provenance = Provenance(text=_split(result), leaky=bool(result.get("leaky")))
    figure = curves_figure(view.points(SERIES), result.get("best_epoch"), result.get("baseline_accuracy"), provenance)
    if figure is not None:
        yield figure
    yield from view.kept("confusion", "classes", "bearings")
    yield _made_from(view)
    models = (name for name in view.files if name.startswith("model."))
    yield from (Download(artifact=name) for name in (*models, "predictions.npz") if name in view.files)


def training_so_far(view: JobView) -> Iterator[Block]:
    """How far a training is, or came: its curves, under the split that it is judged on."""
    yield from view.standing()
    split = view.json("split.json")
    provenance = Provenance(text=split["stamp"], leaky=bool(split.get("leaky"))) if split.get("stamp") else None
    if provenance is not None and provenance.leaky:
        yield Warning(text=f"LEAKY: {provenance.text}")
    figure = curves_figure(view.points(SERIES), None, None, provenance)
    if figure is not None:
        yield figure


def _warnings(result: Mapping[str, Any]) -> Iterator[Warning]:
    cautions = [text for text in result.get("cautions") or [] if text.strip()]
    if result.get("leaky"):
        yield Warning(text=f"LEAKY: {_split(result)}")
    yield from (Warning(text=text) for text in dict.fromkeys(cautions))
    if ignored := result.get("without_effect"):
        yield Warning(text=f"parameters without effect on {result.get('model')}: {', '.join(ignored)}")


def _headline(result: Mapping[str, Any]) -> Metrics:
    rests = [f"{result[f'n_{what}']['test']} {what}" for what in ("windows", "recordings", "bearings")]
    baseline = result.get("baseline_accuracy")
    items = [
        Metric(
            name="test windows named rightly",
            value=_percent(result.get("test_accuracy")),
            unit="%",
            baseline=_percent(baseline),
            note=f"{rests[0]} of {rests[2]}",
        ),
        Metric(
            name="test recordings named rightly",
            value=_percent(result.get("test_record_accuracy")),
            unit="%",
            note=f"{rests[1]} of {rests[2]}",
        ),
        Metric(name="test macro-AUROC", value=result.get("test_macro_auroc"), baseline=0.5),
        Metric(name="calibration error", value=result.get("test_ece"), note="0 is best, 1 is worst"),
    ]
    if (best := result.get("best_epoch")) is not None:
        items.append(Metric(name="epoch kept", value=best))
    return Metrics(items=tuple(items))


def _scores(metrics: Mapping[str, Any], result: Mapping[str, Any]) -> Table:
    """Scores of all parts beside each other, with what they rest on."""
    there = [part for part in PARTS if isinstance(metrics.get(part), Mapping)]
    rows: list[tuple[Any, ...]] = []
    for name, words, unit in MEASURES:
        values = [metrics[part].get(name) for part in there]
        guess = metrics[there[0]].get("baseline_accuracy") if name == "accuracy" and there else None
        guess = 0.5 if name == "macro_auroc" else guess
        if unit:
            values, guess = [_percent(value) for value in values], _percent(guess)
        rows.append((f"{words}, {unit}" if unit else words, *values, guess))
    rests_on = ("windows", "recordings", "bearings")
    rows += [(what, *(result.get(f"n_{what}", {}).get(part) for part in there), None) for what in rests_on]
    heads = columns("score", *(f"{part} part" for part in there), "a guess, test part")
    note = f"Split: {_split(result)}. A guess always names the most frequent class of the training part."
    return Table(title="Scores", columns=heads, rows=tuple(rows), note=note)


def _made_from(view: JobView) -> Metrics:
    result, params = view.result, view.job.params
    items = [
        Metric(name="experiment", value=Link(kind="experiment", id=result["experiment_id"])),
        Metric(name="dataset", value=Link(kind="dataset", id=result["dataset_id"])),
    ]
    if (features := params.get("feature_set")) is not None and result.get("model") == "random_forest":
        items.append(Metric(name="feature set", value=Link(kind="feature_set", id=features)))
    return Metrics(title="Made from", items=tuple(items))


def _split(result: Mapping[str, Any]) -> str:
    return str(result.get("stamp") or "unknown split").removeprefix("LEAKY: ")


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share
