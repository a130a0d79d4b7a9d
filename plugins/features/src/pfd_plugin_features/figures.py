"""The figures of importance, selection and correlation; no global state of matplotlib is touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy.cluster.hierarchy import dendrogram

from pfd import replacing
from pfd_plugin_data import plain_lines, plain_text
from pfd_plugin_features.correlation import Clusters
from pfd_plugin_features.learning import Matrix

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, GREY = "#0072B2", "#b8c0c8"
"""What counts and what does not; told apart under all common kinds of colour blindness (Okabe & Ito 2008)."""

INK, MUTED, RULE, WARNING = "#1b1f24", "#57606a", "#d8dee4", "#9a3412"

SCALES = {
    "mutual_information": "with the class, nats",
    "forest": "share of the fall of Gini impurity",
    "permutation": "loss of balanced accuracy",
    "shap": "mean |SHAP value|, probability",
}
"""What the bars of a measure of importance are, and in which unit."""

SHOWN = 30
"""Features that bars are drawn of; the table has them all."""

MAX_NAMED = 80
"""Features whose names stay legible beside a matrix."""

NAME = 40
"""Characters of a feature beside its bar or its row."""

ROW_INCHES = 0.21
LINE_INCHES, FEW_LINES = 0.2, 6
"""Height of a line of text, and how many of them a figure has room for anyway."""


def draw_importance(
    names: Sequence[str],
    scores: Mapping[str, Matrix],
    spreads: Mapping[str, Matrix],
    *,
    of: str,
    notes: Sequence[str],
    cautions: Sequence[str],
) -> Figure:
    """One panel a measure, the same features in each, most telling first.  `names` and scores are in that order.

    `spreads` are standard deviations, of the measures that have one; `of` names the feature set and its dataset.
    """
    shown = min(SHOWN, len(names))
    figure = _figure(3.1 * len(scores) + 1.6, 1.6 + ROW_INCHES * shown)
    heading = f"Feature importance: {_drawn(shown, len(names))}, {of}"
    axes = figure.subplots(1, len(scores), sharey=True, squeeze=False)[0]
    for axis, (method, values) in zip(axes, scores.items(), strict=True):
        _bars(axis, names[:shown], values[:shown], [BLUE] * shown)
        if method in spreads:
            axis.errorbar(
                values[:shown], range(shown), xerr=spreads[method][:shown], fmt="none", ecolor=INK, elinewidth=1
            )
        axis.set_xlabel(SCALES[method], color=INK, fontsize=9)
        axis.set_title(method.replace("_", " "), loc="left", fontsize=11, fontweight="bold", color=INK)
    _head(figure, heading, notes, cautions)
    return figure


def draw_selection(
    names: Sequence[str],
    scores: Matrix,
    chosen: int,
    score_is: str,
    *,
    of: str,
    notes: Sequence[str],
    cautions: Sequence[str],
) -> Figure:
    """Scores of the chosen features, and of the best that were not, paler.  The first `chosen` names are the chosen.

    `of` names the method, the feature set and its dataset.
    """
    shown = min(max(SHOWN, chosen + 5), len(names))
    figure = _figure(8.0, 1.8 + ROW_INCHES * shown)
    axis = figure.subplots()
    _bars(axis, names[:shown], scores[:shown], [BLUE] * chosen + [GREY] * (shown - chosen))
    axis.set_xlabel(plain_text(score_is, 100), color=INK, fontsize=10)
    if chosen < shown:
        axis.axhline(chosen - 0.5, color=MUTED, linewidth=1, linestyle=(0, (4, 4)))
    heading = f"{chosen} of {len(names)} features selected {of}"
    _head(figure, heading, [f"{_drawn(shown, len(names)).capitalize()} drawn.", *notes], cautions)
    return figure


def draw_correlation(
    names: Sequence[str],
    matrix: Matrix,
    clusters: Clusters,
    threshold: float,
    *,
    of: str,
    notes: Sequence[str],
    cautions: Sequence[str],
) -> Figure:
    """The matrix in the order of the tree, the tree beside it, and clusters framed.

    `of` names the feature set and its dataset.
    """
    named = len(names) <= MAX_NAMED
    side = 0.17 * len(names) + 1 if named else 10.0
    side = max(side, 4.0)
    figure = _figure(side + 4.6, side + 2.6)
    left, right = figure.subplots(1, 2, width_ratios=[side, 2.2])
    order = list(clusters.order)
    labels = [plain_text(names[i], NAME) for i in order]
    image = left.imshow(matrix[np.ix_(order, order)], cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
    left.set_xticks(range(len(names)) if named else [], labels if named else [], rotation=90)
    left.set_yticks(range(len(names)) if named else [], labels if named else [])
    left.tick_params(colors=INK, length=0, labelsize=7)
    place = {feature: index for index, feature in enumerate(order)}
    for members in clusters.members:
        first, last = min(place[i] for i in members), max(place[i] for i in members)
        if first < last:
            left.add_patch(_frame(first - 0.5, last - first + 1))
    figure.colorbar(image, ax=left, location="bottom", shrink=0.4, aspect=30, label="correlation", pad=0.01)
    with rc_context({"lines.linewidth": 1.0}):
        dendrogram(
            clusters.tree,
            ax=right,
            orientation="right",
            no_labels=True,
            color_threshold=1 - threshold,
            above_threshold_color=GREY,
        )
    right.invert_yaxis()
    right.axvline(1 - threshold, color=MUTED, linewidth=1, linestyle=(0, (4, 4)))
    right.set_xlabel("1 − |correlation|", color=INK, fontsize=9)
    right.set_xlim(0, 1)
    right.tick_params(colors=MUTED, length=0, labelsize=8)
    _plain(right)
    _head(figure, f"{len(clusters.members)} clusters of {len(names)} features, {of}", notes, cautions)
    return figure


def save(figure: Figure, png: Path, svg: Path) -> None:
    """Write both files, whole or not at all; the same figure gives the same bytes."""
    with replacing(png) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})
    with replacing(svg) as temporary, rc_context({"svg.hashsalt": "pfd", "svg.fonttype": "none"}):
        figure.savefig(temporary, format="svg", metadata={"Date": None})


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), layout="constrained", dpi=130, facecolor="white")
    FigureCanvasAgg(figure)
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.08)  # type: ignore[union-attr,call-arg]
    return figure


def _head(figure: Figure, heading: str, notes: Sequence[str], cautions: Sequence[str]) -> None:
    """The heading, and below the panels what it rests on: lines as wide as the figure, which grows by many of them.

    Cautions come first, and colour them all.
    """
    width = figure.get_figwidth()
    above = plain_lines(heading, int(8 * width), 3)
    texts = [*(f"CAUTION: {caution}" for caution in cautions), *notes]
    below = [line for text in texts for line in plain_lines(text, int(11 * width))]
    figure.set_figheight(figure.get_figheight() + LINE_INCHES * max(0, len(above) + len(below) - FEW_LINES))
    figure.suptitle("\n".join(above), x=0.01, ha="left", fontsize=13, fontweight="bold", color=INK)
    style: dict[str, Any] = {"color": WARNING if cautions else MUTED, "fontsize": 9}
    figure.supxlabel("\n".join(below), x=0.01, ha="left", linespacing=1.3, **style)


def _drawn(shown: int, count: int) -> str:
    return f"all {count} features" if shown == count else f"{shown} of {count} features"


def _bars(axis: Axes, names: Sequence[str], values: Matrix, colours: Sequence[str]) -> None:
    axis.barh(range(len(names)), values, color=list(colours), height=0.72)
    axis.set_yticks(range(len(names)), [plain_text(name, NAME) for name in names])
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.tick_params(colors=INK, length=0, labelsize=9)
    axis.tick_params(axis="x", colors=MUTED, labelsize=8)
    axis.locator_params(axis="x", nbins=4)
    axis.axvline(0, color=RULE, linewidth=1)
    axis.grid(axis="x", color=RULE, linewidth=0.8)
    axis.set_axisbelow(True)
    _plain(axis)


def _plain(axis: Axes) -> None:
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    axis.spines["bottom"].set_color(RULE)


def _frame(corner: float, side: float) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((corner, corner), side, side, fill=False, edgecolor=INK, linewidth=1.2)
