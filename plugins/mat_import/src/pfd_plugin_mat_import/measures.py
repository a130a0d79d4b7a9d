"""What the signal of a recording shows: its shaft's speed, shaft line, the line of its fault, its bandwidth, clipped
channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pfd_plugin_data import RecordingInfo, fault_line
from pfd_plugin_mat_import.lines import TOLERANCE, Line, find_line
from pfd_plugin_mat_import.shaft_speed import WANDER, ShaftSpeed, measure_speed
from pfd_plugin_mat_import.spectra import ChannelSpectra

LEAST_DROPOUT = 8
"""Fewer equal samples more in a row are not a dropout."""

ONCE_IN = 1e6

_Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Measures:
    """What one recording shows; a line is None where speed, geometry or fault do not say where to look for it.

    `speed` is None where the lines show none, or no speed is declared near which to look for it.  The shaft's line is
    looked for at the declared speed, that of the fault at the measured one where there is one.  `bandwidth_hz` is that
    of the channel `bandwidth_of`.
    """

    speed: ShaftSpeed | None
    shaft_line: Line | None
    fault_line: Line | None
    bandwidth_of: str | None
    bandwidth_hz: float | None
    clipped: tuple[str, ...]
    constant: tuple[str, ...]
    dropout: tuple[str, ...]

    def described(self, info: RecordingInfo) -> RecordingInfo:
        """The columns of the recording with its speed."""
        if self.speed is None:
            return info
        # Beyond a tenth of a revolution a minute, a figure says nothing.
        rpm, uncertainty = (round(60 * hz, 1) for hz in (self.speed.hz, self.speed.uncertainty_hz))
        return replace(info, rpm_measured=rpm, rpm_uncertainty=max(0.1, uncertainty))


def measure(info: RecordingInfo, signal: _Array) -> Measures:
    """Measure a recording, float32 `(channels, samples)`."""
    names = [channel.sensor for channel in info.channels]
    edges = [(row.min(), row.max()) for row in signal]
    moving = {name: row for name, row, (low, high) in zip(names, signal, edges, strict=True) if low < high}
    spectra = [
        ChannelSpectra(name, row, max(-low, high), info.sample_rate_hz)
        for name, row, (low, high) in zip(names, signal, edges, strict=True)
        if name in moving
    ]
    # Of a speed that changes, the mean is that of no line.
    shaft_hz = info.rpm / 60 if info.rpm and not info.speed_changes else None
    speed = measure_speed(spectra, shaft_hz) if shaft_hz else None
    turning_hz = speed.hz if speed else shaft_hz
    order = fault_line(info.fault_type, info.geometry) if info.geometry and info.fault_type else None
    return Measures(
        speed=speed,
        shaft_line=_shaft_line(spectra, shaft_hz, speed),
        fault_line=find_line(
            spectra, ChannelSpectra.envelope, turning_hz * order if turning_hz and order else None, turning_hz
        ),
        bandwidth_of=spectra[0].name if spectra else None,
        bandwidth_hz=spectra[0].bandwidth_hz() if spectra else None,
        clipped=tuple(
            name
            for name, row, (low, high) in zip(names, signal, edges, strict=True)
            if name in moving and (_is_flat(row, low) or _is_flat(row, high))
        ),
        constant=tuple(name for name in names if name not in moving),
        dropout=tuple(
            name
            for name, row, (low, high) in zip(names, signal, edges, strict=True)
            if name in moving and _stands(row, low, high)
        ),
    )


def _shaft_line(spectra: Sequence[ChannelSpectra], declared_hz: float | None, speed: ShaftSpeed | None) -> Line | None:
    """The line of the shaft at the declared speed; where it is known how fast the shaft turns, no other peak near."""
    if speed is None or declared_hz is None:
        return find_line(spectra, ChannelSpectra.signal, declared_hz, None)
    line = find_line(spectra, ChannelSpectra.signal, speed.hz, None, WANDER)
    if line and abs(speed.hz / declared_hz - 1) > TOLERANCE:
        return Line(declared_hz, declared_hz, 0.0, line.needed, line.channel)
    return line and replace(line, expected_hz=declared_hz)


def _is_flat(row: _Array, edge: np.float32) -> bool:
    """Whether a signal stays at its largest or smallest value for three samples, twice or more, or for longer."""
    at = row == edge
    if np.count_nonzero(at) < 4:
        return False
    return int(np.count_nonzero(at[:-2] & at[1:-1] & at[2:])) >= 2


def _stands(row: _Array, low: np.float32, high: np.float32) -> bool:
    """Whether a signal stays at one value, other than its limits, for longer than one that moves does by chance.

    Of n samples each of which equals the one before it with the probability p, n pᵐ runs of m + 1 equal ones are
    expected.  Where p is the share of those that do, runs that are expected once in `ONCE_IN` recordings are none that
    quantization makes; and a signal of few steps, as of a tachometer, makes long ones.
    """
    same = row[1:] == row[:-1]
    share = np.count_nonzero(same) / same.size
    if not share:
        return False
    ends = np.flatnonzero(np.diff(same, prepend=False, append=False))
    starts, lengths = ends[::2], ends[1::2] - ends[::2]
    away = (row[starts] != low) & (row[starts] != high)
    longest = int(lengths[away].max(initial=0))
    # Of the others: a dropout of half of the recording is to be none that explains itself.
    share = (np.count_nonzero(same) - longest) / max(1, same.size - longest)
    return longest >= LEAST_DROPOUT and same.size * share**longest < 1 / ONCE_IN
