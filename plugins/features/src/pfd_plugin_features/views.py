"""What is shown of the feature tasks: how far an extraction is, and what each has found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pfd import JobView
from pfd.views import (
    Axis,
    Block,
    Curve,
    Download,
    Figure,
    Link,
    Metric,
    Metrics,
    Panel,
    Table,
    Warning,  # noqa: A004
    columns,
)

SERIES = "extraction"
"""The series of windows described so far, by recording."""

MOST_LISTED = 30
"""Features that a table lists; the file beside it has them all."""


def extracted(view: JobView) -> Iterator[Block]:
    """A feature set: how many features, of what, and what their values are like."""
    result = view.result
    if result.get("reused_from"):
        yield Metrics(items=(Metric(name="computed before, by", value=Link(kind="job", id=result["reused_from"])),))
    window = f"{result['window']} samples, {result['hop']} from one to the next, at {result['sample_rate_hz']:g} Hz"
    yield Metrics(
        items=(
            Metric(name="features", value=result["n_features"], note=f"{len(result['absent'])} could not be computed"),
            Metric(name="windows", value=result["n_windows"], note=f"{result['n_unusable']} were left out"),
            Metric(name="a window", value=window, note=f"of {result['channel']}"),
        )
    )
    yield _made_from(result)
    yield from view.kept("features")
    if absent := result["absent"]:
        rows = tuple(absent.items())
        yield Table(title="Not computed", columns=columns("feature", "why"), rows=rows)
    yield from _files(view, "features.parquet")


def extracted_so_far(view: JobView) -> Iterator[Block]:
    """How far an extraction is: windows described, recording by recording."""
    yield from view.standing()
    if points := view.points(SERIES):
        steps = [point.step for point in points]
        marks = [
            Curve(x=steps, y=[point.values.get(name) for point in points], name=name)
            for name in ("described", "left out")
        ]
        yield Figure(
            title="Windows so far",
            alt=f"Windows described and left out, over {len(points)} recordings.",
            panels=(Panel(x=Axis(label="recordings"), y=Axis(label="windows", low=0), marks=tuple(marks)),),
        )


def importance_measured(view: JobView) -> Iterator[Block]:
    """Which features tell of the fault, by each measure."""
    result = view.result
    yield from _warnings(result)
    yield _judged(result, Metric(name="features", value=len(result["features"]), note="judged"))
    yield from view.kept("importance")
    methods = result["methods"]
    rows = tuple(
        (one["name"], one["mean_rank"], *(one["scores"].get(method) for method in methods))
        for one in result["features"][:MOST_LISTED]
    )
    heads = columns("feature", "mean rank", *(method.replace("_", " ") for method in methods))
    more = max(0, len(result["features"]) - len(rows))
    yield Table(title="The most telling features", columns=heads, rows=rows, more=more, note=_split(result))
    yield _made_from(result)
    yield from _files(view, "importance.csv")


def features_selected(view: JobView) -> Iterator[Block]:
    """Which features were chosen, and what is lost without the others."""
    result = view.result
    yield from _warnings(result)
    scores = result["scores"]
    chosen = Metric(name="features", value=len(result["features"]), note=f"chosen of {len(scores)}")
    yield _judged(result, chosen)
    yield from view.kept("selection")
    rows = tuple((name, scores.get(name)) for name in result["features"])
    heads = columns("chosen feature", result["score_is"])
    yield Table(title="The chosen features, the best first", columns=heads, rows=rows, note=_split(result))
    yield _made_from(result, selected_from=result["selected_from"])
    yield from _files(view, "features.parquet", "selection.csv")


def features_correlated(view: JobView) -> Iterator[Block]:
    """Which features say the same."""
    result = view.result
    yield from _warnings(result)
    clusters = result["clusters"]
    yield Metrics(
        items=(
            Metric(name="features", value=result["n_features"]),
            Metric(name="clusters", value=len(clusters), note=f"|correlation| of {result['threshold']:g} and more"),
            Metric(name="correlation", value=result["method"]),
        )
    )
    yield from view.kept("correlation")
    several = [one for one in clusters if len(one["members"]) > 1]
    rows = tuple((one["representative"], len(one["members"]), ", ".join(one["members"])) for one in several)
    heads = columns("most like the others", "features", "which")
    note = f"{len(clusters) - len(several)} features are like no other. {_split(result)}"
    yield Table(title="Features that say the same", columns=heads, rows=rows, note=note)
    if constant := result.get("constant"):
        yield Warning(text=f"features of one value only: {', '.join(constant)}")
    yield _made_from(result)
    yield from _files(view, "correlation.csv", "clusters.csv")


def _warnings(result: Mapping[str, Any]) -> Iterator[Warning]:
    if result.get("leaky"):
        yield Warning(text=f"LEAKY: {result['stamp'].removeprefix('LEAKY: ')}")
    yield from (Warning(text=text) for text in dict.fromkeys(result.get("cautions") or ()) if text.strip())


def _judged(result: Mapping[str, Any], first: Metric) -> Metrics:
    """What a forest on the features is worth on the validation part, beside a guess, and on how many bearings."""
    rests = ", ".join(f"{result[f'n_{what}'].get('validation', 0)} {what}" for what in ("windows", "bearings"))
    items = [first]
    judged: Sequence[tuple[str, str]] = (
        ("validation_score", "balanced accuracy, validation part"),
        ("validation_score_all", "the same on all features"),
    )
    for name, words in judged:
        if name in result:
            value = None if result[name] is None else 100 * result[name]
            items.append(Metric(name=words, value=value, unit="%", baseline=100 * result["chance"], note=rests))
    return Metrics(items=tuple(items))


def _split(result: Mapping[str, Any]) -> str:
    return f"Split: {result['stamp'].removeprefix('LEAKY: ')}."


def _made_from(result: Mapping[str, Any], selected_from: int | None = None) -> Metrics:
    items = [
        Metric(name="feature set", value=Link(kind="feature_set", id=result["feature_set_id"])),
        Metric(name="dataset", value=Link(kind="dataset", id=result["dataset_id"])),
    ]
    if selected_from is not None:
        items.insert(1, Metric(name="selected from", value=Link(kind="feature_set", id=selected_from)))
    return Metrics(title="Made from", items=tuple(items))


def _files(view: JobView, *names: str) -> Iterator[Download]:
    yield from (Download(artifact=name) for name in names if name in view.files)
