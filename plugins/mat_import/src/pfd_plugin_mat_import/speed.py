"""How fast a shaft turns in the course of a recording, out of a record of its speed, or of the pulses of a tacho.

Either way the angle is what is known at some moments; the speed at a point of the course is the angle turned in its
surroundings by the time that took, so that the noise of a speed channel and the unequal marks of an encoder do not
enter.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import median_filter

from pfd import DataError
from pfd_plugin_data import SpeedProfile, even_samples

Signal = npt.NDArray[np.float64]
Kind = Literal["rpm", "hz", "rad_s", "pulses", "pulse_times"]

POINTS_PER_SECOND = 50
MAX_POINTS = 10_000
"""Most points of a course."""

MAX_KNOTS = 50_000
"""Most moments of which the angle is kept."""

MIN_REVOLUTIONS = 3
"""Fewest that pulses have to show."""

MOST_REPAIRED = 0.01
"""Largest share of pulses that may be missed or doubled."""

_HZ: Mapping[str, float] = {"rpm": 1 / 60, "hz": 1.0, "rad_s": 1 / (2 * math.pi)}
_LONGER = 0.01
_UNEVEN = 0.3
_NEIGHBOURS = 9
_STEADY = 0.1
_LEVELS = (0.1, 99.9)
_NARROW = 3.0
_THRESHOLDS = (0.35, 0.65)
_FEWEST_SAMPLES = 3


class Course(NamedTuple):
    """The speed in the course of a recording, Hz, evenly as a dataset keeps it; its mean, rev/min; what is odd."""

    hz: Signal
    rpm: float
    notes: tuple[str, ...]


@dataclass(frozen=True)
class SpeedRecord:
    """What a file holds of its shaft's speed.

    `values` are speeds or the signal of a tacho, at `rate_hz` (None: at the rate of the recording), or the moments of
    pulses, s; `place` is where they are from.
    """

    values: Signal
    kind: Kind
    place: str
    pulses_per_rev: float = 1.0
    rate_hz: float | None = None

    def course(self, start: int, n_samples: int, of_samples: int, sample_rate_hz: float) -> Course:
        """The speed of `n_samples` from sample `start` on, of a recording of `of_samples`.

        Raises
        ------
        DataError : as of `rotation`; or the shaft turns faster than the samples show.
        """
        rotation = self.rotation(of_samples, sample_rate_hz)
        hz = rotation.hz(start, n_samples, sample_rate_hz)
        profile = SpeedProfile.of_even(hz, n_samples, sample_rate_hz)
        return Course(hz, 60 * float(profile.mean_hz(0, profile.seconds)), rotation.notes)

    def rotation(self, n_samples: int, sample_rate_hz: float) -> Rotation:
        """The angle of the shaft during a recording of so many samples.

        Raises
        ------
        DataError : the record is of another duration, or its pulses are too few or too odd to tell the speed.
        """
        seconds = n_samples / sample_rate_hz
        if self.kind == "pulse_times":
            return self._of_pulses(self.values, seconds)
        rate = self.rate_hz or sample_rate_hz
        own = self.values.size / rate
        if self.values.size < 2 or abs(own - seconds) > max(_LONGER * seconds, 2 / rate):
            raise DataError(
                f"{self.place} lasts {own:.6g} s at {rate:g} Hz, and the recording {seconds:.6g} s; "
                "mapping.speed.sample_rate_hz says its rate"
            )
        if self.kind == "pulses":
            edges = self._edges()
            if edges.size > 1 and (apart := float(np.median(np.diff(edges)))) < _FEWEST_SAMPLES:
                raise DataError(f"{self.place} rises every {apart:.2g} samples: pulses so fast cannot be told apart")
            return self._of_pulses(edges / rate, seconds)
        hz = self.values * _HZ[self.kind]
        turned = np.concatenate([[0.0], np.cumsum((hz[1:] + hz[:-1]) / 2)]) / rate
        return Rotation(np.arange(hz.size) / rate, turned, hz.size)

    def _edges(self) -> Signal:
        """Where pulses rise, in samples and parts of them; with hysteresis, since signals have noise."""
        values = self.values
        low, high = np.percentile(values, _LEVELS)
        least, most = float(values.min()), float(values.max())
        if most - least > _NARROW * (high - low):  # pulses so narrow that a percentile is the level between them
            low, high = least, most
        lower, upper = (low + share * (high - low) for share in _THRESHOLDS)
        if not lower < upper:
            raise DataError(f"{self.place} has no pulses: it stays at {low:.6g}")
        told = np.flatnonzero((values >= upper) | (values <= lower))
        up = values[told] >= upper
        at = told[1:][up[1:] & ~up[:-1]]
        return np.asarray(at - (values[at] - upper) / (values[at] - values[at - 1]))

    def _of_pulses(self, times: Signal, seconds: float) -> Rotation:
        enough = max(2.0, MIN_REVOLUTIONS * self.pulses_per_rev)
        if times.size < enough + 1:
            raise DataError(f"{self.place} has {times.size:,} pulses, and {math.ceil(enough) + 1:,} tell a speed")
        between = np.diff(times)
        if between.min() <= 0:
            raise DataError(f"{self.place}: the moments of its pulses do not rise, at number {between.argmin() + 2:,}")
        kept, turned, notes = self._counted(times, between)
        first, last = float(np.diff(kept[:2])[0]), float(np.diff(kept[-2:])[0])
        if kept[0] > 2.5 * first or seconds - kept[-1] > 2.5 * last or kept[0] < -first or kept[-1] > seconds + last:
            raise DataError(
                f"{self.place} has pulses from {kept[0]:.6g} to {kept[-1]:.6g} s of a recording of {seconds:.6g} s"
            )
        turns = turned / self.pulses_per_rev
        return Rotation(kept, turns, int(turns[-1]), notes)

    def _counted(self, times: Signal, between: Signal) -> tuple[Signal, Signal, tuple[str, ...]]:
        """Pulses and how many marks have passed at each, once those that were missed or came twice are made good.

        An interval is as many marks as it is times the median of its neighbours: two where a pulse was missed, none
        where one came twice.
        """
        marks = np.minimum(np.rint(between / _typical(between)), times.size)
        missed, doubled = int((marks - 1)[marks > 1].sum()), int(np.count_nonzero(marks == 0))
        kept = np.concatenate([[True], marks > 0])
        passed = np.concatenate([[0.0], np.cumsum(marks)])[kept]
        told = f"{missed:,} pulses were missed and {doubled:,} came twice, of {times.size:,}"
        per_mark = np.diff(times[kept]) / np.diff(passed)
        off = np.abs(per_mark / _typical(per_mark) - 1).max()
        if missed + doubled > MOST_REPAIRED * times.size or off > _UNEVEN:
            raise DataError(f"{self.place}: its pulses are uneven, by up to {off:.0%}: {told}; it tells no speed")
        return times[kept], passed, (f"{self.place}: {told}, which was made good",) if missed + doubled else ()


def _typical(between: Signal) -> Signal:
    """What each interval would be by its neighbours: their median, which follows a speed that rises or falls.

    An end has neighbours on one side only; it would be its own measure, and is that of the next ones where these agree.
    """
    found = np.asarray(median_filter(between, _NEIGHBOURS, mode="nearest"))
    for end, beside in ((0, between[1:4]), (-1, between[-4:-1])):
        if beside.size == 3 and np.ptp(beside) < _STEADY * beside.mean():
            found[end] = beside.mean()
    return found


class Rotation:
    """The angle of a shaft: revolutions `turns` at `times`, s from the begin of the recording.

    Between these it is interpolated by PCHIP, as `SpeedProfile` does with speeds; before and after, the shaft turns as
    at the ends.  `resolved` is how many points of a course it tells.
    """

    def __init__(self, times: Signal, turns: Signal, resolved: int, notes: tuple[str, ...] = ()) -> None:
        kept = even_samples(times.size, MAX_KNOTS)
        self._times, self._resolved, self.notes = times[kept], resolved, notes
        self._angle = PchipInterpolator(self._times, turns[kept])

    def _turned(self, moments: Signal) -> Signal:
        inside = np.clip(moments, self._times[0], self._times[-1])
        return np.asarray(self._angle(inside) + (moments - inside) * self._angle(inside, 1))

    def hz(self, start: int, n_samples: int, sample_rate_hz: float) -> Signal:
        """The speed of the `n_samples` from sample `start` on, Hz, at so many of them as `even_samples` gives."""
        wanted = min(MAX_POINTS, self._resolved, 1 + int(POINTS_PER_SECOND * n_samples / sample_rate_hz))
        points = min(n_samples, max(MIN_REVOLUTIONS, wanted))
        moments = (start + even_samples(n_samples, points)) / sample_rate_hz
        edges = np.concatenate([moments[:1], (moments[1:] + moments[:-1]) / 2, moments[-1:]])
        hz = np.diff(self._turned(edges)) / np.diff(edges)
        if hz.size > 2:
            # The surroundings of an end lie on one side of it, with their middle a quarter of a step off.
            hz[0] -= (hz[1] - hz[0]) / 3
            hz[-1] += (hz[-1] - hz[-2]) / 3
        return np.abs(hz)  # its sign is a direction
