"""What the signal of a recording shows: its shaft line, the line of its fault, its bandwidth, clipped channels.

Lines and bandwidth are measured on the first seconds of a recording, so that an import costs little more than reading
and hashing.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.fft

from pfd_plugin_data import RecordingInfo, fault_line

TOLERANCE = 0.03
"""How far from its computed frequency a line is looked for: slip and nominal speeds are off by 1 to 3 %."""

FALSE_ALARM = 1e-3
"""Probability of taking a line to be there where there is only noise."""

FLOOR = 1e-3
"""The band of a signal ends where its power density has fallen to this share (-30 dB) of its median."""

_MOST = 2**16
_LOW_RATE = 24_000.0
_SURROUNDINGS = 0.3
_SHAFT_WIDTH = 0.02
_BANDS = 512

_Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Line:
    """A line that was looked for: where it should be and where the largest peak near it is, Hz; that peak over the
    median around it, and what it has to be to count; in which channel."""

    expected_hz: float
    found_hz: float
    prominence: float
    needed: float
    channel: str

    @property
    def present(self) -> bool:
        return self.prominence >= self.needed


@dataclass(frozen=True)
class Measures:
    """What one recording shows; a line is None where speed, geometry or fault do not say where to look for it.

    `bandwidth_hz` is that of the channel `bandwidth_of`.
    """

    shaft_line: Line | None
    fault_line: Line | None
    bandwidth_of: str | None
    bandwidth_hz: float | None
    clipped: tuple[str, ...]
    constant: tuple[str, ...]


def measure(info: RecordingInfo, signal: _Array) -> Measures:
    """Measure a recording, float32 `(channels, samples)`."""
    names = [channel.sensor for channel in info.channels]
    edges = [(row.min(), row.max()) for row in signal]
    moving = {name: row for name, row, (low, high) in zip(names, signal, edges, strict=True) if low < high}
    spectra = [
        _Spectrum(name, row, max(-low, high), info.sample_rate_hz)
        for name, row, (low, high) in zip(names, signal, edges, strict=True)
        if name in moving
    ]
    shaft_hz = info.rpm / 60 if info.rpm else None
    order = fault_line(info.fault_type, info.geometry) if info.geometry and info.fault_type else None
    return Measures(
        shaft_line=_line(spectra, _Spectrum.magnitude, shaft_hz, None),
        fault_line=_line(spectra, _Spectrum.envelope, shaft_hz * order if shaft_hz and order else None, shaft_hz),
        bandwidth_of=spectra[0].name if spectra else None,
        bandwidth_hz=spectra[0].bandwidth_hz() if spectra else None,
        clipped=tuple(
            name
            for name, row, (low, high) in zip(names, signal, edges, strict=True)
            if name in moving and (_is_flat(row, low) or _is_flat(row, high))
        ),
        constant=tuple(name for name in names if name not in moving),
    )


class _Spectrum:
    """The spectra of the beginning of one channel; each is computed when it is first asked for."""

    def __init__(self, name: str, row: _Array, peak: np.float32, rate_hz: float) -> None:
        self.name = name
        # Twice the samples at twice the rate: the resolution is to be that of a few seconds.
        most = min(2 ** math.ceil(math.log2(max(1.0, rate_hz / _LOW_RATE))), 64) * _MOST
        self.n = int(scipy.fft.next_fast_len(min(row.size, most), real=True))
        self._row, self._peak = row[:most], peak
        self._rate_hz = rate_hz

    @property
    def resolution_hz(self) -> float:
        return self._rate_hz / self.n

    @functools.cached_property
    def _spectrum(self) -> npt.NDArray[np.complex64]:
        # Brought to one size: the square of a large number is infinite, and that of a small one nothing.
        row = self._row / self._peak
        row -= row.mean()
        found: npt.NDArray[np.complex64] = scipy.fft.rfft(row, self.n)
        return found

    @functools.cached_property
    def _magnitude(self) -> _Array:
        return np.abs(self._spectrum)

    def magnitude(self, _most_hz: float = math.inf) -> _Array:
        """Magnitudes of the signal's spectrum."""
        return self._magnitude

    def envelope(self, most_hz: float) -> _Array:
        """Magnitudes of the squared envelope spectrum, up to `most_hz` at least, after cepstrum prewhitening, which
        sets all lines of the signal's own spectrum to one height and so needs no choice of a band (Borghesani et al.,
        "Application of cepstrum pre-whitening for the diagnosis of bearing faults under variable speed conditions",
        MSSP 36, 2013).

        The squared envelope's spectrum is the autocorrelation of the one-sided spectrum.  Of that only small lags are
        asked for, which a transform gives that is longer than the one-sided spectrum by as many bins.
        """
        bins = min(math.ceil(most_hz / self.resolution_hz) + 1, self._magnitude.size)
        white = self._spectrum / np.maximum(self._magnitude, np.finfo(np.float32).tiny)
        white[[0, -1]] = 0  # the mean, and what is its own mirror image
        analytic = scipy.fft.ifft(white, scipy.fft.next_fast_len(white.size + bins), overwrite_x=True)
        power = analytic.real**2 + analytic.imag**2
        envelope: _Array = np.abs(scipy.fft.rfft(power - power.mean())[:bins])
        return envelope

    def bandwidth_hz(self) -> float | None:
        """The frequency above which the power density stays below `FLOOR` of its median; None where it has none."""
        power = self._magnitude**2
        width = max(1, power.size // _BANDS)
        bands = power[: power.size // width * width].reshape(-1, width).mean(axis=1)
        above = np.flatnonzero(bands > FLOOR * np.median(bands))
        return float((above[-1] + 1) * width * self.resolution_hz) if above.size else None


def _line(
    spectra: Iterable[_Spectrum],
    values: Callable[[_Spectrum, float], _Array],
    expected_hz: float | None,
    shaft_hz: float | None,
) -> Line | None:
    """The line in the first channel that shows it, or else as it is where it comes nearest to one."""
    best: Line | None = None
    for spectrum in spectra if expected_hz else ():
        found = _look(spectrum, values, expected_hz or 0.0, shaft_hz)
        if found and (best is None or found.prominence / found.needed > best.prominence / best.needed):
            best = found
        if best and best.present:
            break
    return best


def _look(
    spectrum: _Spectrum, values_of: Callable[[_Spectrum, float], _Array], expected_hz: float, shaft_hz: float | None
) -> Line | None:
    """The largest value within `TOLERANCE` of where a line is expected, beside the median of its surroundings.

    Bins at multiples of the shaft's speed are passed over where `shaft_hz` is given: they have a line anyway.  None
    where the spectrum is too coarse or too short to tell.

    Magnitudes of noise follow a Rayleigh distribution, whose median is σ √(2 ln 2).  The largest of m of them exceeds
    k σ with probability 1 - (1 - exp(-k²/2))^m, which is `FALSE_ALARM` at the k that is `needed`.
    """
    step = spectrum.resolution_hz
    reach = max(2, round(TOLERANCE * expected_hz / step))
    at, around = round(expected_hz / step), max(16, round(_SURROUNDINGS * expected_hz / step))
    if step > TOLERANCE * expected_hz or at + around > spectrum.n // 2:
        return None
    values = values_of(spectrum, (at + around) * step)
    bins = np.arange(max(1, at - reach), at + reach + 1)
    if shaft_hz is not None:
        orders = bins * step / shaft_hz
        bins = bins[np.abs(orders - np.round(orders)) * shaft_hz > max(_SHAFT_WIDTH * shaft_hz, 1.5 * step)]
        if not bins.size:
            return None
    median = float(np.median(values[max(1, at - around) : at + around]))
    peak = int(bins[np.argmax(values[bins])])
    needed = math.sqrt(-math.log(-math.expm1(math.log1p(-FALSE_ALARM) / bins.size)) / math.log(2))
    prominence = float(values[peak]) / median if median > 0 else 0.0
    return Line(expected_hz, peak * step, prominence, needed, spectrum.name)


def _is_flat(row: _Array, edge: np.float32) -> bool:
    """Whether a signal stays at its largest or smallest value for three samples, twice or more, or for longer."""
    at = row == edge
    if np.count_nonzero(at) < 4:
        return False
    return int(np.count_nonzero(at[:-2] & at[1:-1] & at[2:])) >= 2
