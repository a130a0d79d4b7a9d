"""A part of one channel of a recording, for looking at, and where faults show in its spectra."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pfd import DataError
from pfd_plugin_data.classes import ROTOR
from pfd_plugin_data.dataset import Dataset
from pfd_plugin_data.kinematics import fault_orders
from pfd_plugin_data.recording import RecordingInfo
from pfd_plugin_data.spectra import default_band

LEAST = 64
"""Samples, below which there is no spectrum to speak of."""


@dataclass(frozen=True)
class Stretch:
    """A part of one channel of a recording: `x` float64 `(samples,)` that begins at `start_s`.

    The `rpm` of its columns is that of the part; where only the mean over the whole recording is known of a speed that
    changes, `speed_known` is false, and no fault lines are drawn.
    """

    info: RecordingInfo
    sensor: str
    unit: str | None
    x: npt.NDArray[np.float64]
    start_s: float
    band_hz: tuple[float, float]
    speed_known: bool = True

    @property
    def end_s(self) -> float:
        """Where it ends, seconds."""
        return self.start_s + self.x.size / self.info.sample_rate_hz

    @property
    def unit_of_density(self) -> str:
        """The unit of a power density, empty where that of the sensor is unknown: `g²/Hz`, `(m/s²)²/Hz`."""
        if not self.unit:
            return ""
        return f"{self.unit}²/Hz" if self.unit.isalpha() else f"({self.unit})²/Hz"

    @property
    def is_of_rotor(self) -> bool:
        """Whether it is known to be of a rotor, whose faults show at orders of the shaft."""
        return self.info.fault_type in ROTOR[1:] or (self.info.specimen or "").startswith("rotor")

    def first(self, seconds: float) -> Stretch:
        """Its beginning."""
        return replace(self, x=self.x[: max(LEAST, round(seconds * self.info.sample_rate_hz))])


def read_stretch(
    dataset: Dataset,
    index: int,
    seconds: float,
    *,
    start_s: float = 0.0,
    channel: str | None = None,
    band_hz: tuple[float, float] | None = None,
) -> Stretch:
    """A part of a recording of a dataset; of its first channel, unless one is named.

    Raises
    ------
    DataError : there is no such channel, or hardly a sample at that place.
    """
    info = dataset.recordings[index]
    sensors = [one.sensor for one in info.channels]
    if channel is not None and channel not in sensors:
        raise DataError(f"recording {info.record_id!r} has no channel {channel!r}", hint=f"it has {', '.join(sensors)}")
    row = 0 if channel is None else sensors.index(channel)
    rate = info.sample_rate_hz
    first = round(start_s * rate)
    x = dataset.read(index, first, first + round(seconds * rate))[row].astype(np.float64)
    if x.size < LEAST:
        raise DataError(
            f"only {x.size} samples of recording {info.record_id!r} lie there, {LEAST} are needed",
            hint=f"it has {info.n_samples} samples, {info.n_samples / rate:g} s",
        )
    if (profile := dataset.speed(index)) is not None:  # the lines of faults go by the speed of what is drawn
        info = replace(info, rpm=60 * float(profile.mean_hz(first / rate, (first + x.size) / rate)))
    known = profile is not None or not info.speed_changes
    return Stretch(info, sensors[row], info.channels[row].unit, x, first / rate, band_hz or default_band(rate), known)


def fault_lines(info: RecordingInfo) -> dict[str, float]:
    """Frequencies in Hz at which faults show in an envelope spectrum, by name; of an unknown geometry only the shaft's.

    Empty where the speed is unknown.  A spall on a ball shows at twice the BSF, since it strikes both rings.
    """
    if not info.rpm:
        return {}
    shaft = info.rpm / 60
    if info.geometry is None:
        return {"1×": shaft}
    orders = fault_orders(info.geometry)
    named = {
        "1×": 1.0,
        "FTF": orders["ftf"],
        "2×BSF": 2 * orders["bsf"],
        "BPFO": orders["bpfo"],
        "BPFI": orders["bpfi"],
    }
    return {name: order * shaft for name, order in named.items()}
