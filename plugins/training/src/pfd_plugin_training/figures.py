"""Figures and tables of what a model says of the recordings that it has not seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from pfd.views import Axis, Figure, Link, Matrix, Panel, Provenance, Table, columns
from pfd_plugin_data import RecordingInfo
from pfd_plugin_training.predictions import Predictions

MOST_ROWS = 500

MOST_WRITTEN = 12
"""Classes of which the numbers in the cells stay legible."""

Counts = npt.NDArray[np.int64]


def confusion(predictions: Predictions) -> Counts:
    """Windows of each true class (rows) by the class that they are said to be of `(k, k)`."""
    counts = np.zeros((len(predictions.classes),) * 2, dtype=np.int64)
    np.add.at(counts, (predictions.y_true, predictions.probabilities.argmax(axis=1)), 1)
    return counts


def confusion_figure(predictions: Predictions, part: str, provenance: Provenance) -> Figure:
    """How often each class is taken for which, as numbers of windows and as shares of the true class."""
    counts = confusion(predictions)
    totals = counts.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        shares = counts / totals  # of a class without windows there is none
    names = [name.replace("_", " ") for name in predictions.classes]
    right = int(np.trace(counts))
    of_all = f"{right} of {len(predictions)} windows ({right / len(predictions):.1%}) lie on the diagonal"
    return Figure(
        title=f"What the {part} windows are taken for",
        alt=f"Confusion matrices of {len(names)} classes, true classes as rows: {of_all}.",
        panels=tuple(
            Panel(
                title=title,
                x=Axis(label="said to be"),
                y=Axis(label="truly"),
                marks=(
                    Matrix(
                        values=values,
                        label=label,
                        row_labels=names,
                        column_labels=names,
                        low=0,
                        high=high,
                        written=len(names) <= MOST_WRITTEN,
                    ),
                ),
                equal=True,
                legend_below=True,
            )
            for title, values, label, high in (
                ("Windows", counts, "windows", max(1, int(counts.max()))),
                ("Share of each true class", 100 * shares, "share of the windows of a class, %", 100),
            )
        ),
        columns=2,
        notes=(f"{of_all}.",),
        provenance=provenance,
    )


def class_table(predictions: Predictions, part: str) -> Table:
    """How well each class is told from the others, and what that rests on."""
    counts = confusion(predictions)
    named, true = counts.sum(axis=0), counts.sum(axis=1)
    rows = []
    for index, name in enumerate(predictions.classes):
        of_class = predictions.y_true == index
        right = int(counts[index, index])
        recall, precision = _share(right, int(true[index])), _share(right, int(named[index]))
        f1 = _share(2 * right, int(named[index] + true[index]))
        bearings, recordings = (np.unique(one[of_class]).size for one in (predictions.bearing_id, predictions.record))
        rows.append((name, int(true[index]), recordings, bearings, recall, precision, f1))
    heads = columns("class", "windows", "recordings", "bearings", ("recall", "%"), ("precision", "%"), ("F1", "%"))
    note = "Recall: share of its windows named rightly. Precision: share of windows so named that are. F1: their mean."
    return Table(title=f"Classes of the {part} part", columns=heads, rows=tuple(rows), note=note)


def bearing_table(
    predictions: Predictions, part: str, recordings: Sequence[RecordingInfo], dataset_id: int, rate_hz: float
) -> Table:
    """How well each bearing is recognised, the worst first, with the window that is most surely named wrongly.

    `rate_hz` is the common rate, at which the windows are counted.
    """
    rows = sorted(_bearing_rows(predictions, recordings, dataset_id, rate_hz), key=lambda row: (row[4], str(row[0])))
    heads = columns(
        *("bearing", "class", "recordings", "windows", ("named rightly", "%"), "most often taken for"),
        "most surely wrong",
    )
    more = max(0, len(rows) - MOST_ROWS)
    return Table(title=f"Bearings of the {part} part", columns=heads, rows=tuple(rows[:MOST_ROWS]), more=more)


def _bearing_rows(
    predictions: Predictions, recordings: Sequence[RecordingInfo], dataset_id: int, rate_hz: float
) -> Iterator[tuple[str, str, int, int, float, str, Link | None]]:
    said = predictions.probabilities.argmax(axis=1)
    wrong = said != predictions.y_true
    surely = np.where(wrong, predictions.probabilities.max(axis=1), -1.0)
    # A bearing that was healthy and then failed is one of each of its classes.
    for bearing, true in sorted(set(zip(predictions.bearing_id.tolist(), predictions.y_true.tolist(), strict=True))):
        own = np.flatnonzero((predictions.bearing_id == bearing) & (predictions.y_true == true))
        worst = own[np.argmax(surely[own])]
        link = None
        if wrong[worst]:
            record = recordings[int(predictions.record[worst])].record_id
            start = float(predictions.start[worst]) / rate_hz
            link = Link(kind="recording", id=record, of=dataset_id, start=round(start, 4))
        yield (
            bearing,
            predictions.classes[true],
            np.unique(predictions.record[own]).size,
            own.size,
            100 * float(np.mean(~wrong[own])),
            predictions.classes[int(np.bincount(said[own]).argmax())],
            link,
        )


def _share(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None
