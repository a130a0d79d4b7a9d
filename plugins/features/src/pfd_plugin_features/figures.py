"""The figures of importance, selection and correlation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.cluster.hierarchy import dendrogram

from pfd import views
from pfd.views import Axis, Bars, Curve, Figure, Frame, Panel, Rule
from pfd_plugin_features.correlation import Clusters
from pfd_plugin_features.learning import Matrix

SCALES = {
    "mutual_information": ("with the class", "nats"),
    "forest": ("share of the fall of Gini impurity", "1"),
    "permutation": ("loss of balanced accuracy", "1"),
    "shap": ("mean |SHAP value|", "probability"),
}
"""What the bars of a measure of importance are, and in which unit."""

SHOWN = 30
"""Features that bars are drawn of; the table has them all."""

MAX_NAMED = 80
"""Features whose names stay legible beside a matrix."""

FEATURE = Axis(label="feature")


def importance_figure(
    names: Sequence[str], scores: Mapping[str, Matrix], spreads: Mapping[str, Matrix], *, of: str, **about: Any
) -> Figure:
    """One panel a measure, the same features in each, most telling first.  `names` and scores are in that order.

    `spreads` are standard deviations, of the measures that have one; `of` names the feature set and its dataset;
    `about` is what a figure is given beside its panels: notes, cautions, provenance.
    """
    shown = min(SHOWN, len(names))
    panels = tuple(
        Panel(
            title=method.replace("_", " "),
            x=Axis(label=SCALES[method][0], unit=SCALES[method][1]),
            y=FEATURE,
            marks=(Bars(labels=names[:shown], values=values[:shown], deviations=spreads.get(method, ())[:shown]),),
        )
        for method, values in scores.items()
    )
    title = f"Feature importance: {_drawn(shown, len(names))}, {of}"
    alt = f"Bars of the importance of features by {', '.join(scores)}, the most telling first: {', '.join(names[:5])}."
    return Figure(title=title, alt=alt, panels=panels, columns=len(panels), share_y=True, **about)


def selection_figure(
    names: Sequence[str],
    scores: Matrix,
    chosen: int,
    score_is: str,
    *,
    of: str,
    notes: Sequence[str],
    **about: Any,
) -> Figure:
    """Scores of the chosen features, and of the best that were not, paler.  The first `chosen` names are the chosen.

    `of` names the method, the feature set and its dataset; `about` as for `importance_figure`.
    """
    shown = min(max(SHOWN, chosen + 5), len(names))
    bars = Bars(labels=names[:shown], values=scores[:shown], faded=range(chosen, shown))
    cut = (Rule(y=chosen - 0.5, role="muted"),) if chosen < shown else ()
    return Figure(
        title=f"{chosen} of {len(names)} features selected {of}",
        alt=f"Bars of the scores of features, the {chosen} chosen ones first: {', '.join(names[:chosen])}.",
        panels=(Panel(x=Axis(label=score_is), y=FEATURE, marks=(bars, *cut)),),
        notes=(f"{_drawn(shown, len(names)).capitalize()} drawn.", *notes),
        **about,
    )


def correlation_figure(
    names: Sequence[str], matrix: Matrix, clusters: Clusters, threshold: float, *, of: str, **about: Any
) -> Figure:
    """The matrix in the order of the tree, the tree beside it, and clusters framed; `of` and `about` as before."""
    order = list(clusters.order)
    place = {feature: index for index, feature in enumerate(order)}
    spans = ([place[i] for i in members] for members in clusters.members)
    labels = [names[i] for i in order] if len(names) <= MAX_NAMED else []
    cells = views.Matrix(
        values=matrix[np.ix_(order, order)],
        label="correlation",
        low=-1,
        high=1,
        diverging=True,
        row_labels=labels,
        column_labels=labels,
        frames=tuple(Frame(first=min(span), last=max(span)) for span in spans if len(span) > 1),
    )
    tree = Panel(
        x=Axis(label="1 − |correlation|", low=0, high=1),
        y=Axis(label="feature", low=len(names) - 0.5, high=-0.5),  # from the top down, as rows are
        marks=(*_branches(clusters.tree, 1 - threshold), Rule(x=1 - threshold, role="muted")),
    )
    square = Panel(x=FEATURE, y=FEATURE, marks=(cells,), equal=True, legend_below=True, share=3)
    return Figure(
        title=f"{len(clusters.members)} clusters of {len(names)} features, {of}",
        alt=f"Correlation of {len(names)} features with each other, and the tree that joins them to "
        f"{len(clusters.members)} clusters at {threshold:g}.",
        panels=(square, tree),
        columns=2,
        share_y=True,
        **about,
    )


def _branches(tree: Matrix, joined: float) -> tuple[Curve, Curve]:
    """The branches above the distance at which clusters are cut, and those within them; rows are counted from 0."""
    drawn = dendrogram(tree, no_plot=True)
    heights, places = np.array(drawn["dcoord"]), (np.array(drawn["icoord"]) - 5) / 10
    within = heights.max(axis=1) <= joined

    def curve(chosen: Any, **style: Any) -> Curve:
        x, y = (np.pad(one[chosen], ((0, 0), (0, 1)), constant_values=np.nan) for one in (heights, places))
        return Curve(x=x.ravel(), y=y.ravel(), width=1.2, **style)

    return curve(~within, role="muted"), curve(within)


def _drawn(shown: int, count: int) -> str:
    return f"all {count} features" if shown == count else f"{shown} of {count} features"
