"""`pfd data plot`: one recording as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

import click
import numpy as np

from pfd import DataError, Hint, reading
from pfd.console import echo, one_line
from pfd_plugin_data.catalog import find_dataset
from pfd_plugin_data.dataset import Dataset
from pfd_plugin_data.params import SpeedSource
from pfd_plugin_data.recording import RecordingInfo
from pfd_plugin_data.spectra import default_band

if TYPE_CHECKING:
    from pfd_plugin_data.plots import Plot, Stretch

LEAST = 64
"""Samples, below which there is no spectrum to speak of."""


@click.command("plot")
@click.argument("dataset")
@click.argument("recording")
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--what",
    type=click.Choice(["all", "wave", "spectrum", "envelope", "spectrogram"]),
    default="all",
    show_default=True,
)
@click.option("--channel", help="Name of a sensor; the first one where it is left out.")
@click.option("--start", type=click.FloatRange(min=0), default=0.0, help="Where to begin, s.")
@click.option(
    "--seconds",
    type=click.FloatRange(0, 120, min_open=True),
    default=10.0,
    show_default=True,
    help="How long, at most.",
)
@click.option(
    "--speed-source",
    type=click.Choice(get_args(SpeedSource)),
    default="declared",
    show_default=True,
    help="Whether lines go by the declared speed or by the one that the signal shows.",
)
@click.option(
    "--band",
    type=(float, float),
    metavar="LOW HIGH",
    help="Band of the envelope, Hz; 0.10 to 0.45 of the rate if left out.",
)
def plot(
    dataset: str,
    recording: str,
    out: Path,
    what: str,
    channel: str | None,
    start: float,
    seconds: float,
    speed_source: SpeedSource,
    band: tuple[float, float] | None,
) -> None:
    """Draw RECORDING of DATASET into the file OUT, whose name ends with .png, .svg or .json (the figure itself).

    Wave, spectrum, envelope spectrum with the lines of faults (BPFO, BPFI, 2×BSF, FTF and the shaft), and spectrogram.
    """
    from pfd_plugin_data.plots import PLOTS, recording_figure

    try:
        from pfd_plots import save
    except ImportError as error:
        raise DataError("plotting needs matplotlib", hint="pip install 'pfd-plugin-data[plot]'") from error
    with reading() as session:
        entry = find_dataset(session, dataset)
    with entry.open(speed_source=speed_source) as found:
        stretch = _stretch(found, recording, channel, start, seconds, band)
    save(recording_figure(stretch, PLOTS if what == "all" else (cast("Plot", what),)), out)
    echo(one_line(out))


def _stretch(
    dataset: Dataset,
    recording: str,
    channel: str | None,
    start_s: float,
    seconds: float,
    band: tuple[float, float] | None,
) -> Stretch:
    from pfd_plugin_data.plots import Stretch

    index = _index(dataset.recordings, recording)
    info = dataset.recordings[index]
    sensors = [one.sensor for one in info.channels]
    if channel is not None and channel not in sensors:
        raise DataError(f"recording {recording!r} has no channel {channel!r}", hint=f"it has {', '.join(sensors)}")
    row = 0 if channel is None else sensors.index(channel)
    rate = info.sample_rate_hz
    first = round(start_s * rate)
    x = dataset.read(index, first, first + round(seconds * rate))[row].astype(np.float64)
    if x.size < LEAST:
        raise DataError(
            f"only {x.size} samples of recording {recording!r} lie there, {LEAST} are needed",
            hint=f"it has {info.n_samples} samples, {info.n_samples / rate:g} s",
        )
    if (profile := dataset.speed(index)) is not None:  # the lines of faults go by the speed of what is drawn
        info = replace(info, rpm=60 * float(profile.mean_hz(first / rate, (first + x.size) / rate)))
    known = profile is not None or not info.speed_changes
    return Stretch(info, sensors[row], info.channels[row].unit, x, first / rate, band or default_band(rate), known)


def _index(recordings: Sequence[RecordingInfo], name: str) -> int:
    names = [info.record_id for info in recordings]
    if name in names:
        return names.index(name)
    first = f"there are {', '.join(names[:5])}; 'pfd data show' lists all"
    raise DataError(f"no recording {name!r}", hint=Hint.did_you_mean(name, names, first))
