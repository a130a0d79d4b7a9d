"""Whether a spectrum has a line where one is expected."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from scipy.signal import find_peaks

from pfd_plugin_mat_import.spectra import Array, ChannelSpectra

TOLERANCE = 0.03
"""How far from its computed frequency a line is looked for: slip and nominal speeds are off by 1 to 3 %."""

FALSE_ALARM = 1e-3
"""Probability of taking a line to be there where there is only noise."""

SADDLE = 0.5
"""A line is a peak from which a spectrum falls to this part of it on both sides before it rises beyond it: else it is a
ripple on the flank of another one."""

_SURROUNDINGS = 0.3
_SHAFT_WIDTH = 0.02


@dataclass(frozen=True)
class Line:
    """A line that was looked for: where it should be and where the highest peak near it is, Hz; that peak over the
    median around it, and what it has to be to count; in which channel.

    Where there is no peak at all, `prominence` is 0 and `found_hz` is `expected_hz`.
    """

    expected_hz: float
    found_hz: float
    prominence: float
    needed: float
    channel: str

    @property
    def present(self) -> bool:
        return self.prominence >= self.needed


Values = Callable[[ChannelSpectra, float], Array]
"""The magnitudes of one of the spectra of a channel, up to a frequency, Hz."""


def find_line(
    spectra: Iterable[ChannelSpectra],
    values: Values,
    expected_hz: float | None,
    shaft_hz: float | None,
    tolerance: float = TOLERANCE,
) -> Line | None:
    """The line in the first channel that shows it, or else as it is where it comes nearest to one.

    It is looked for within `tolerance` of where it is expected, a part of that frequency, and two bins at least.  At
    multiples of the shaft's speed it is not looked for where `shaft_hz` is given: they have a line anyway.  None where
    the spectra are too coarse or too short to tell, or nothing is expected.
    """
    best: Line | None = None
    for spectrum in spectra if expected_hz else ():
        found = _look(spectrum, values, expected_hz or 0.0, shaft_hz, tolerance)
        if found and (best is None or found.prominence / found.needed > best.prominence / best.needed):
            best = found
        if best and best.present:
            break
    return best


def needed(bins: int) -> float:
    """What the largest of so many magnitudes of noise exceeds, over their median, with the probability `FALSE_ALARM`.

    They follow a Rayleigh distribution, whose median is σ √(2 ln 2).  The largest of m of them exceeds k σ with
    probability 1 - (1 - exp(-k²/2))^m.
    """
    return math.sqrt(-math.log(-math.expm1(math.log1p(-FALSE_ALARM) / bins)) / math.log(2))


def peaks(values: Array) -> tuple[np.ndarray, np.ndarray]:
    """The bins of magnitudes at which they have a peak that is not a ripple, and what they are there."""
    at, properties = find_peaks(values, prominence=0.0)
    standing = properties["prominences"] >= (1 - SADDLE) * values[at]
    return at[standing], values[at[standing]]


def _look(
    spectrum: ChannelSpectra, values_of: Values, expected_hz: float, shaft_hz: float | None, tolerance: float
) -> Line | None:
    """The highest peak within `tolerance` of where a line is expected, beside the median of its surroundings.

    A peak, and not the largest value: that lies at the edge of the range where the line of something else lies beyond.
    """
    step = spectrum.resolution_hz
    if not step <= TOLERANCE * expected_hz <= spectrum.n * step:  # before anything is reckoned: it may be any number
        return None
    reach = max(2, round(tolerance * expected_hz / step))
    at, around = round(expected_hz / step), max(16, round(_SURROUNDINGS * expected_hz / step))
    if at + around > spectrum.n // 2:
        return None
    values = values_of(spectrum, (at + around) * step)
    bins = np.arange(max(1, at - reach), at + reach + 1)
    if shaft_hz is not None:
        orders = bins * step / shaft_hz
        bins = bins[np.abs(orders - np.round(orders)) * shaft_hz > max(_SHAFT_WIDTH * shaft_hz, 1.5 * step)]
        if not bins.size:
            return None
    first = max(1, at - around)
    surroundings = values[first : at + around]
    median = float(np.median(surroundings))
    places, heights = peaks(surroundings)
    wanted = np.isin(places + first, bins)
    if not (wanted.any() and median > 0):
        return Line(expected_hz, expected_hz, 0.0, needed(bins.size), spectrum.name)
    highest = int(np.argmax(np.where(wanted, heights, 0)))
    found_hz = float(places[highest] + first) * step
    return Line(expected_hz, found_hz, float(heights[highest]) / median, needed(bins.size), spectrum.name)
