"""The figure of a ROC analysis."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pfd.views import STROKES, Axis, Band, Curve, Diagonal, Figure, Provenance, in_short
from pfd.views import Panel as Plot
from pfd_plugin_evaluation.interval import GRID, Interval
from pfd_plugin_evaluation.roc import ClassRoc, macro_auroc

IN_A_ROW = 3

NAME = 30
"""Characters of a class: what its area rests on stands behind it."""

RATES: dict[str, Any] = {
    "low": -0.02,
    "high": 1.02,
    "ticks": (0, 0.25, 0.5, 0.75, 1),
    "tick_labels": ("0", ".25", ".5", ".75", "1"),
}


@dataclass(frozen=True)
class Panel:
    """One experiment, ready to draw.  `scores` is a line that stands beside the area, `cautions` sentences above it."""

    title: str
    scores: str
    provenance: str
    leaky: bool
    curves: Sequence[ClassRoc]
    interval: Interval
    cautions: Sequence[str] = ()


def roc_figure(panels: Sequence[Panel], *, heading: str, footnote: str = "") -> Figure:
    """A figure with one panel an experiment."""
    columns = math.ceil(math.sqrt(len(panels))) if len(panels) > IN_A_ROW else len(panels)
    areas = "; ".join(f"{panel.title}: {_macro_line(panel)}" for panel in panels)
    return Figure(
        title=heading,
        alt=f"ROC curves, true over false positive rate, one a class and one panel an experiment. {areas}",
        panels=tuple(_plot(panel) for panel in panels),
        columns=columns,
        notes=(footnote,) if footnote else (),
    ).decimated()


def _plot(panel: Panel) -> Plot:
    small = (panel.scores, panel.interval.note)
    return Plot(
        title=panel.title,
        x=Axis(label="False positive rate", **RATES),
        y=Axis(label="True positive rate", **RATES),
        equal=True,
        marks=(Diagonal(name="0.500  chance"), *_band(panel.interval), *_curves(panel.curves)),
        lines=(_macro_line(panel), *(line for line in small if line)),
        cautions=tuple(panel.cautions),
        provenance=Provenance(text=panel.provenance.removeprefix("LEAKY: ") or "unknown split", leaky=panel.leaky),
        legend="AUROC, one class against the rest",
        legend_below=True,  # within, it would lie on the curve of a class that is told badly
    )


def _band(interval: Interval) -> Iterator[Band]:
    if interval.band is not None:
        low, high = interval.band
        yield Band(
            x=GRID, low=low, high=high, role="muted", name=f"95 %  of the mean of the classes, by {interval.unit}"
        )


def _curves(curves: Sequence[ClassRoc]) -> Iterator[Curve]:
    for index, curve in enumerate(curves):
        stroke = STROKES[1 + (index - 1) % 2] if index else STROKES[0]
        name = in_short(curve.name.replace("_", " "), NAME)
        if curve.auroc is None:
            yield Curve(x=(), y=(), name=f"none  {name}: {curve.reason}", width=2, stroke=stroke)
        else:
            # Curves that coincide lie on each other as bands, the first solid and widest, so that none is hidden.
            width = max(1.6, 3.2 - 0.6 * index)
            rests_on = f"{_counted(curve.n_windows, 'window')}, {_counted(curve.n_bearings, 'bearing')}"
            label = f"{curve.auroc:.3f}  {name} ({rests_on})"
            yield Curve(x=curve.fpr, y=curve.tpr, name=label, width=width, stroke=stroke)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _macro_line(panel: Panel) -> str:
    macro = macro_auroc(panel.curves)
    if macro is None:
        return "macro-AUROC: none"
    line = f"macro-AUROC {macro:.3f}"
    if panel.interval.low is not None and panel.interval.high is not None:
        line += f"  [{panel.interval.low:.3f}, {panel.interval.high:.3f}]"
    rated = sum(curve.auroc is not None for curve in panel.curves)
    return line if rated == len(panel.curves) else f"{line}  over {rated} of {len(panel.curves)} classes"
