"""The figure of a ROC analysis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from pfd import replacing
from pfd_plugin_data import plain_lines, plain_text
from pfd_plugin_evaluation.interval import Interval
from pfd_plugin_evaluation.roc import ClassRoc, macro_auroc

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Told apart under all common kinds of colour blindness (Okabe & Ito 2008), darkest first."""

STYLES = ("-", "--", "-.", (0, (1, 1)), (0, (6, 1, 1, 1, 1, 1)), (0, (3, 1)), "-")

INK, MUTED, RULE, WARNING = "#1b1f24", "#57606a", "#d8dee4", "#9a3412"

IN_A_ROW = 3
PANEL_INCHES = 5.0
LINE_INCHES = 0.17
WRAP = 66
"""Characters of a line that fit above a panel."""

NAME = 30
"""Characters of a class: what its area rests on stands behind it."""


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


def draw(panels: Sequence[Panel], *, heading: str, footnote: str = "") -> Figure:
    """A figure with one panel an experiment; no global state of matplotlib is touched."""
    columns = math.ceil(math.sqrt(len(panels))) if len(panels) > IN_A_ROW else len(panels)
    rows = math.ceil(len(panels) / columns)
    lines = max(1 + len(_small_print(panel)) + len(_cautions(panel)) for panel in panels)
    listed = max(2 + len(panel.curves) for panel in panels)
    height = rows * (PANEL_INCHES + 0.2 + LINE_INCHES * (lines + listed)) + 0.4 + (0.3 if footnote else 0.0)
    figure = Figure(figsize=(PANEL_INCHES * columns, height), layout="constrained", dpi=130, facecolor="white")
    FigureCanvasAgg(figure)
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.12)  # type: ignore[union-attr,call-arg]
    figure.suptitle(heading, x=0.02, ha="left", fontsize=14, fontweight="bold", color=INK)
    if footnote:
        figure.supxlabel(footnote, x=0.02, ha="left", fontsize=9, color=MUTED)
    axes = figure.subplots(rows, columns, squeeze=False)
    for index, axis in enumerate(axes.flat):
        if index < len(panels):
            _draw_panel(axis, panels[index])
        else:
            axis.set_visible(False)
    return figure


def save(figure: Figure, png: Path, svg: Path) -> None:
    """Write both files, whole or not at all; the same figure gives the same bytes."""
    with replacing(png) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})
    with replacing(svg) as temporary, rc_context({"svg.hashsalt": "pfd", "svg.fonttype": "none"}):
        figure.savefig(temporary, format="svg", metadata={"Date": None})


def _draw_panel(axis: Axes, panel: Panel) -> None:
    axis.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 4)), label="0.500  chance")
    for index, curve in enumerate(panel.curves):
        colour, style = PALETTE[index % len(PALETTE)], STYLES[index % len(STYLES)]
        name = plain_text(curve.name.replace("_", " "), NAME)
        if curve.auroc is None:
            axis.plot([], [], color=colour, linestyle=style, linewidth=2, label=f"none  {name}: {curve.reason}")
        else:
            # Curves that coincide lie on each other as bands, the first widest, so that none is hidden.
            width = max(1.6, 3.2 - 0.6 * index)
            rests_on = f"{_counted(curve.n_windows, 'window')}, {_counted(curve.n_bearings, 'bearing')}"
            label = f"{curve.auroc:.3f}  {name} ({rests_on})"
            axis.plot(curve.fpr, curve.tpr, color=colour, linestyle=style, linewidth=width, label=label)
    axis.set(xlabel="False positive rate", ylabel="True positive rate", aspect="equal")
    axis.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axis.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
    axis.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
    axis.grid(color=RULE, linewidth=0.8)
    axis.set_axisbelow(True)
    axis.tick_params(colors=MUTED, length=0, labelsize=9)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    for side in ("bottom", "left"):
        axis.spines[side].set_color(RULE)
    for title in (axis.xaxis.label, axis.yaxis.label):
        title.set(color=INK, fontsize=10)
    handles, labels = axis.get_legend_handles_labels()
    # The diagonal is drawn first, to lie below, and listed last.
    axis.legend(
        [*handles[1:], handles[0]],
        [*labels[1:], labels[0]],
        title="AUROC, one class against the rest",
        # Below the axes: within, it would lie on the curve of a class that is told badly.
        loc="upper left",
        bbox_to_anchor=(-0.02, -0.13),
        borderaxespad=0,
        fontsize=8.5,
        title_fontsize=8.5,
        alignment="left",
        frameon=False,
        handlelength=2.4,
        labelcolor=INK,
    )
    small, cautions = _small_print(panel), _cautions(panel)
    above = 8 + 72 * LINE_INCHES * len(small)
    _above(axis, "\n".join(small), 8, fontsize=9, linespacing=1.2, color=WARNING if panel.leaky else MUTED)
    if cautions:
        _above(axis, "\n".join(cautions), above, fontsize=9, linespacing=1.2, color=WARNING)
        above += 72 * LINE_INCHES * len(cautions)
    _above(axis, _macro_line(panel), above + 4, fontsize=10.5, color=INK)
    axis.set_title(
        plain_text(panel.title, WRAP), loc="left", fontsize=11.5, fontweight="bold", color=INK, pad=above + 24
    )


def _above(axis: Axes, text: str, points: float, **style: Any) -> None:
    axis.annotate(
        text,
        xy=(0, 1),
        xycoords="axes fraction",
        xytext=(0, points),
        textcoords="offset points",
        va="bottom",
        annotation_clip=False,
        **style,
    )


def _small_print(panel: Panel) -> list[str]:
    """What stands beside the area, in lines: other scores, how the interval was made, the provenance of the split."""
    texts = (panel.scores, panel.interval.note, panel.provenance)
    return [line for text in texts for line in plain_lines(text, WRAP)]


def _cautions(panel: Panel) -> list[str]:
    """The cautions in lines, each behind the word itself: a reader of the picture alone has to see what they are."""
    return [line for text in panel.cautions for line in plain_lines(f"CAUTION: {text}", WRAP)]


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
