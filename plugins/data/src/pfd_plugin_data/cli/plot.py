"""`pfd data plot`: one recording as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

import click

from pfd import DataError, Hint, reading
from pfd.console import echo, one_line
from pfd_plugin_data.catalog import find_dataset
from pfd_plugin_data.params import SpeedSource
from pfd_plugin_data.recording import RecordingInfo

if TYPE_CHECKING:
    from pfd_plugin_data.plots import Plot


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

    RECORDING is a name, or a number in the order of the dataset, from 0.

    Wave, spectrum, envelope spectrum with the lines of faults (BPFO, BPFI, 2×BSF, FTF and the shaft), and spectrogram.
    """
    from pfd_plugin_data.plots import recording_figure
    from pfd_plugin_data.stretch import read_stretch

    try:
        from pfd_plots import save
    except ImportError as error:
        raise DataError("plotting needs matplotlib", hint="pip install 'pfd-plugin-data[plot]'") from error
    with reading() as session:
        entry = find_dataset(session, dataset)
    with entry.open(speed_source=speed_source) as found:
        index = _index(found.recordings, recording)
        stretch = read_stretch(found, index, seconds, start_s=start, channel=channel, band_hz=band)
    save(recording_figure(stretch, None if what == "all" else (cast("Plot", what),)), out)
    echo(one_line(out))


def _index(recordings: Sequence[RecordingInfo], name: str) -> int:
    names = [info.record_id for info in recordings]
    if name in names:
        return names.index(name)
    if name.isdecimal() and int(name) < len(names):
        return int(name)
    first = f"there are {', '.join(names[:5])}; 'pfd data show' lists all"
    raise DataError(f"no recording {name!r}", hint=Hint.did_you_mean(name, names, first))
