"""How fast a shaft turns, by the lines of its vibration: the harmonics of a speed near the declared one.

A label is often nominal, or another recording's: the signal can tell.  It says nothing where it shows too little.  Of
a speed that changes a little while it is recorded, it tells the mean.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import pdtrc

from pfd_plugin_mat_import.lines import needed, peaks
from pfd_plugin_mat_import.spectra import Array, ChannelSpectra

SPAN = 0.12
"""How far from the declared speed another one is looked for, as a part of it."""

ORDERS = 10
"""Harmonics that are looked at."""

LEAST_ORDERS = 3
"""So many of them must have a line at the speed, and the first one among them, or the second and the third: else they
may be those of twice or three times the speed."""

CHANCE = 0.01
"""Probability of taking lines of other things to be harmonics of one speed."""

MAINS_HZ = (50.0, 60.0)
SAME_AS_MAINS = 0.002
"""A speed this near to the mains frequency, as a part of it, is not told from that: its harmonics are everywhere."""

APART = 0.03
"""Speeds further apart than this are two: one that wanders by a percent or two while it is recorded is one."""

AHEAD = 1.2
"""By so much the harmonics of the speed must be ahead of those of any other one."""

WANDER = 0.005
"""How far the lines of a speed lie from it in a recording in which it is not quite constant, as a part of it."""

MOST_PARTS = 6
COMB = 0.75
"""A speed is the multiple of a slower one where such a share of the slower one's other harmonics has a line."""

FINE = 0.0005

AS_HIGH = 0.5
"""Of the height of the speed's own lines, those of a comb have this share at least."""

EXACT = 0.1
"""How exactly the place of a line is known, in parts of the resolution."""

_MOST_DB = 40.0
"""A line counts for no more than this: a hundred times its surroundings.  One strong line is not a row of them."""

_Floats = npt.NDArray[np.float64]
_Orders = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ShaftSpeed:
    """The speed of a shaft and its standard uncertainty, Hz; `orders` are the harmonics whose lines show it."""

    hz: float
    uncertainty_hz: float
    orders: tuple[int, ...]


def measure_speed(spectra: Iterable[ChannelSpectra], declared_hz: float) -> ShaftSpeed | None:
    """The speed that the channels of a recording show; None where they show none within `SPAN` of the declared one.

    Each speed in question has the sum, over its harmonics, of their levels in the channel that shows them best, each
    over the median of its own surroundings, in dB.  The one of the largest sum is taken, if enough of its harmonics are
    peaks that stand out, and no other speed comes near.  Channels are added one by one until that is so.
    """
    sought: _Sought | None = None
    for spectrum in spectra:
        sought = sought or _Sought.around(declared_hz, spectrum)
        if sought is None:
            return None
        sought.add(spectrum)
        if found := sought.found():
            return found
    return None


class _Sought:
    """What the channels looked at so far show of the speeds in question.

    `step` is the resolution of their spectra, and `deviations` are those speeds, as parts of the declared one.
    """

    def __init__(self, declared_hz: float, step: float, orders: _Orders) -> None:
        half = math.ceil(SPAN * int(orders[-1]) / step * 2)
        self._declared_hz, self._step, self._orders = declared_hz, step, orders
        self._deviations = np.arange(-half, half + 1) * (SPAN / half)
        self._levels = np.zeros((orders.size, self._deviations.size))
        self._lines: list[_Floats] = [np.empty((2, 0))]

    @classmethod
    def around(cls, declared_hz: float, spectrum: ChannelSpectra) -> _Sought | None:
        """None where a recording is too short, or its rate too low, to tell one speed from another."""
        step = spectrum.resolution_hz / declared_hz
        if step > SPAN / 2:
            return None
        highest = min(ORDERS, int(spectrum.n // 2 * step / (1 + SPAN)) - 1)
        if highest < LEAST_ORDERS:
            return None
        return cls(declared_hz, step, np.arange(1, highest + 1))

    def add(self, spectrum: ChannelSpectra) -> None:
        most_hz = (self._orders[-1] + 1) * self._declared_hz * (1 + SPAN)
        power = _whitened(spectrum.power(most_hz), self._orders, self._step)
        if power is not None:
            places = np.multiply.outer(self._orders, 1 + self._deviations) / self._step
            self._levels = np.maximum(self._levels, _levels(power, places))
            self._lines.append(_lines(power, self._step))

    def found(self) -> ShaftSpeed | None:
        sums = self._levels.sum(axis=0)
        best = int(np.argmax(sums))
        near = np.abs(self._deviations - self._deviations[best]) <= APART
        shown = self._shown(float(self._deviations[best]))
        if len(shown) < LEAST_ORDERS or not (1 in shown or {2, 3} <= shown.keys()):
            return None
        if self._is_multiple(float(self._deviations[best]), shown):
            return None
        if sums[best] < AHEAD * sums[~near].max(initial=0.0):
            return None
        places, orders = np.array([line.deviation for line in shown.values()]), np.array(list(shown))
        middle = float(np.median(np.repeat(places, orders)))  # a line of order k tells the speed k times as exactly
        spread = 1.4826 * float(np.median(np.abs(places - middle)))
        resolved = self._step / orders.max() / math.sqrt(12)
        hz = (1 + middle) * self._declared_hz
        if self._by_chance(shown, middle) > CHANCE or any(abs(hz / mains - 1) < SAME_AS_MAINS for mains in MAINS_HZ):
            return None
        return ShaftSpeed(hz, math.hypot(spread, resolved) * self._declared_hz, tuple(shown))

    def _shown(self, deviation: float) -> dict[int, _Shown]:
        """The harmonics that have a line at a speed: of all channels the nearest one."""
        orders, heights = np.concatenate(self._lines, axis=1)
        shown: dict[int, _Shown] = {}
        for order in self._orders if orders.size else ():
            told = orders / order - 1
            at = int(np.argmin(np.abs(told - deviation)))
            if abs(told[at] - deviation) <= max(WANDER, self._step / order):
                shown[int(order)] = _Shown(float(told[at]), float(heights[at]))
        return shown

    def _is_multiple(self, deviation: float, shown: Mapping[int, _Shown]) -> bool:
        """Whether the lines are every second one, or third, up to every sixth, of a comb that a slower shaft makes.

        A comb has its other lines between them, about as high.  A few at halves and thirds of the speed are those of
        looseness or of a rub, and do not count.
        """
        orders, heights = np.concatenate(self._lines, axis=1)
        high = heights >= AS_HIGH * np.median([line.height for line in shown.values()])
        lines, highest = orders[high] / (1 + deviation), max(shown)
        for parts in range(2, MOST_PARTS + 1):
            between = np.array([n for n in range(1, highest * parts) if n % parts]) / parts
            apart = np.abs(lines[:, None] - between).min(axis=0, initial=np.inf)
            # Close by, since between the teeth of a fine comb anything is near to one.
            if np.count_nonzero(apart <= self._step / 2 + FINE * between) >= COMB * between.size:
                return True
        return False

    def _by_chance(self, shown: Mapping[int, _Shown], middle: float) -> float:
        """Probability that lines of anything else lie like this: as many near the harmonics of one speed in question,
        all as near as these, where lines as high as these are as frequent as here.

        Of the first k harmonics, for the k of which that is least likely.
        """
        chances = []
        exact = EXACT * self._step
        for n, highest in enumerate(shown, start=1):
            if n < LEAST_ORDERS:
                continue
            among = list(shown.items())[:n]
            away = max(exact / highest, *(abs(line.deviation - middle) - exact / order for order, line in among))
            lowest = min(line.height for _, line in among)
            count = sum(np.count_nonzero((at <= highest + 0.5) & (high >= lowest)) for at, high in self._lines)
            widths = 2 * (exact + away * np.arange(1, highest + 1))
            expected = count / (highest + 0.5) * widths.sum()
            chances.append(float(pdtrc(n - 1, expected)) * 2 * SPAN / away)
        return min(chances) * len(chances)


class _Shown(NamedTuple):
    """A line of a harmonic: the speed that it tells, as a deviation from the declared one, and its height over the
    median of its surroundings."""

    deviation: float
    height: float


def _whitened(power: Array, orders: _Orders, step: float) -> _Floats | None:
    """The power of a spectrum over the median of its surroundings, each harmonic having its own; None where it has
    harmonics at which there is nothing."""
    width = max(1, round(1 / step))
    starts = np.maximum(1, np.round((orders - 0.5) / step).astype(np.int64))
    medians = np.median(power[np.minimum(starts[:, None] + np.arange(width), power.size - 1)], axis=1)
    if not (medians > 0).all():
        return None
    nearest = np.clip(np.round(np.arange(power.size) * step).astype(np.int64), 1, orders[-1]) - 1
    return np.asarray(power / medians[nearest], np.float64)


def _levels(power: _Floats, at: _Floats) -> _Floats:
    """How far a spectrum rises above its surroundings at some bins, dB."""
    levels = 10 * np.log10(np.maximum(power, 1.0))
    return np.minimum(np.asarray(np.interp(at, np.arange(levels.size), levels), np.float64), _MOST_DB)


def _lines(power: _Floats, step: float) -> _Floats:
    """The lines of a spectrum, `(2, n)`: where they lie, in orders of the declared speed, and how high they are."""
    places, heights = peaks(np.sqrt(power))
    high = heights >= needed(max(1, round(2 * SPAN / step)))
    return np.stack([(places[high] + _between(power, places[high])) * step, heights[high]])


def _between(power: _Floats, places: npt.NDArray[np.intp]) -> _Floats:
    """How far from its bin each peak is, by the parabola through it and its neighbours, in dB (Gasior and Gonzalez,
    "Improving FFT frequency measurement resolution by parabolic and Gaussian spectrum interpolation", 2004)."""
    below, at, above = (np.log(np.maximum(power[places + side], 1e-12)) for side in (-1, 0, 1))
    return np.asarray((below - above) / (2 * np.minimum(below - 2 * at + above, -1e-9)), np.float64)
