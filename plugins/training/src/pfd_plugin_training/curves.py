"""The curves of a training: losses and accuracy over epochs, from the series that it records."""

from __future__ import annotations

from collections.abc import Sequence

from pfd import Point
from pfd.views import Axis, Curve, Figure, Panel, Provenance, Rule, kept

SERIES = "training"

NAMES = {"train_loss": ("training", 0), "val_loss": ("validation", 1), "val_accuracy": ("validation", 1)}
"""What each curve is called, and the number of its colour: a part has the same one in both panels."""


def curves_figure(
    points: Sequence[Point], best_epoch: int | None, baseline: float | None, provenance: Provenance | None
) -> Figure | None:
    """Loss and accuracy by epoch, the epoch whose weights are kept ruled; None where nothing was measured.

    `baseline` is the accuracy of always naming the most frequent class of the training part, on the test part.
    """
    ruled = () if best_epoch is None else (Rule(x=best_epoch, role="muted", label=f"epoch {best_epoch}"),)
    panels = []
    if loss := _curves(points, ("train_loss", "val_loss")):
        y = Axis(label="weighted cross-entropy", unit="nats")
        panels.append(Panel(title="Loss", x=Axis(label="epoch"), y=y, marks=(*loss, *ruled)))
    if accuracy := _curves(points, ("val_accuracy",), 100.0):
        guess = () if baseline is None else (Rule(y=100 * baseline, role="muted", stroke="dotted", label="majority"),)
        y = Axis(label="windows named rightly", unit="%", low=0, high=102)
        panels.append(Panel(title="Accuracy", x=Axis(label="epoch"), y=y, marks=(*accuracy, *guess, *ruled)))
    if not panels:
        return None
    last = points[-1].step
    return Figure(
        title=f"Training, {last} {'epoch' if last == 1 else 'epochs'}",
        alt=f"Loss and accuracy over {last} epochs"
        + ("." if best_epoch is None else f"; the weights of epoch {best_epoch} are kept."),
        panels=tuple(panels),
        columns=len(panels),
        provenance=provenance,
    )


def _curves(points: Sequence[Point], names: Sequence[str], factor: float = 1.0) -> list[Curve]:
    found = []
    for name in names:
        column = [None if (value := point.values.get(name)) is None else factor * value for point in points]
        if any(value is not None for value in column):
            chosen = kept(column)
            steps, values = [points[i].step for i in chosen], [column[i] for i in chosen]
            words, number = NAMES[name]
            found.append(Curve(x=steps, y=values, name=words, series=number))
    return found
