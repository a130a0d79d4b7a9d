"""What is kept beside a dataset for whoever looks at it: its classes, its bearings, and a recording of each class."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from pfd import DataError, TaskContext
from pfd.views import Figure, Link, Panel, Table, columns, in_short
from pfd_plugin_data.classes import FAULTS
from pfd_plugin_data.dataset import Dataset
from pfd_plugin_data.plots import Plot, panel_of
from pfd_plugin_data.recording import RecordingInfo
from pfd_plugin_data.stretch import read_stretch

UNLABELLED = "unlabelled"

WAVE_S, SPECTRUM_S = 0.25, 4.0
"""Seconds of a recording: single impacts are seen in so much of the wave, and lines are apart in such a spectrum."""

MOST_POINTS = 1_000
"""Of a curve: the figure holds two of each class."""

MOST_BEARINGS = 500


def keep_overview(
    ctx: TaskContext, recordings: Sequence[RecordingInfo], dataset: Dataset | None = None, ref: int = 0
) -> None:
    """Keep the tables `classes` and `bearings` and, of a stored dataset with the id `ref`, the figure `examples`."""
    ctx.table("classes", class_table(recordings))
    ctx.table("bearings", bearing_table(recordings, ref if dataset else None))
    if dataset is not None and (figure := examples_figure(dataset, ref)) is not None:
        ctx.figure("examples", figure, pictures=False)


def class_table(recordings: Sequence[RecordingInfo]) -> Table:
    """The classes with the bearings and recordings that they rest on."""
    heads = columns("class", "bearings", "recordings", ("length", "s"), ("sample rate", "Hz"), ("speed", "rpm"))
    rows = [
        (
            name,
            len({info.bearing_id for info in found}),
            len(found),
            round(sum(info.n_samples / info.sample_rate_hz for info in found), 3),
            _span(info.sample_rate_hz for info in found),
            _span(info.rpm for info in found),
        )
        for name, found in _grouped(recordings, lambda info: info.fault_type or UNLABELLED)
    ]
    order = {name: place for place, name in enumerate(FAULTS)}
    rows.sort(key=lambda row: order.get(row[0], len(order)))
    return Table(title="Classes", columns=heads, rows=tuple(rows))


def bearing_table(recordings: Sequence[RecordingInfo], ref: int | None) -> Table:
    """The bearings, each with its recordings; of a dataset with the id `ref` the first one can be followed."""
    heads = columns("bearing", "class", "recordings", ("speed", "rpm"), ("sample rate", "Hz"), "the first of them")
    rows = []
    for name, found in _grouped(recordings, lambda info: info.bearing_id):
        first = found[0].record_id
        classes = ", ".join(dict.fromkeys(info.fault_type or UNLABELLED for info in found))
        speed, rate = _span(info.rpm for info in found), _span(info.sample_rate_hz for info in found)
        link = first if ref is None else Link(kind="recording", id=first, of=ref)
        rows.append((name, classes, len(found), speed, rate, link))
    more = max(0, len(rows) - MOST_BEARINGS)
    return Table(title="Bearings", columns=heads, rows=tuple(rows[:MOST_BEARINGS]), more=more)


def examples_figure(dataset: Dataset, ref: int) -> Figure | None:
    """The first recording of each class: its wave, and the spectrum in which its fault would show.

    None where no recording is long enough for one.
    """
    indices = {id(info): index for index, info in enumerate(dataset.recordings)}
    panels: list[Panel] = []
    classes: list[str] = []
    for name, found in _grouped(dataset.recordings, lambda info: info.fault_type or UNLABELLED):
        try:
            panels += _pair(dataset, indices[id(found[0])], name, ref)
        except DataError:  # too short for a spectrum, or its rate too low for the band
            continue
        classes.append(name)
    if not panels:
        return None
    return Figure(
        title=f"A recording of each class of {dataset.name}",
        alt=f"The wave and the spectrum of the first recording of each class: {', '.join(classes)}.",
        panels=tuple(panels),
        columns=2,
        notes=(f"The wave of {WAVE_S:g} s, the spectrum of up to {SPECTRUM_S:g} s, both from the beginning.",),
    ).decimated(MOST_POINTS)


def _pair(dataset: Dataset, index: int, name: str, ref: int) -> Iterator[Panel]:
    stretch = read_stretch(dataset, index, SPECTRUM_S)
    spectrum: Plot = "spectrum" if stretch.is_of_rotor else "envelope"
    link = Link(kind="recording", id=stretch.info.record_id, of=ref)
    pair = (panel_of(stretch.first(WAVE_S), "wave"), panel_of(stretch, spectrum))
    for panel in pair:
        title = f"{name}, {in_short(stretch.info.record_id)}"
        yield panel.model_copy(update={"title": title, "lines": (panel.title,), "link": link})


def _grouped(
    recordings: Iterable[RecordingInfo], key: Callable[[RecordingInfo], str]
) -> Iterable[tuple[str, list[RecordingInfo]]]:
    found: dict[str, list[RecordingInfo]] = {}
    for info in recordings:
        found.setdefault(key(info), []).append(info)
    return found.items()


def _span(values: Iterable[float | None]) -> str:
    """The least and the greatest value; one where they are alike."""
    known = sorted(value for value in values if value is not None)
    if not known:
        return "unknown"
    return f"{known[0]:g}" if known[0] == known[-1] else f"{known[0]:g} to {known[-1]:g}"
