"""How fast a shaft turns in the course of a recording, and how far it has turned."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator

from pfd import DataError

Signal = npt.NDArray[np.float64]

_STEPS = 30


class SpeedProfile:
    """The speed of a shaft during a recording, from values of it at some moments.

    Between two moments it goes from one value to the next without overshoot (PCHIP: Fritsch and Carlson, SIAM J. Numer.
    Anal. 17, 1980), so it is never outside of what is known; its integral, the angle, is exact for that course.

    Parameters
    ----------
    times : s from the begin of the recording, rising, `(m,)` with m of at least 2.
    hz : rotation frequency at these moments, `(m,)`; 0 where the shaft stands.

    Raises
    ------
    DataError : arrays that are no such course.
    """

    def __init__(self, times: npt.ArrayLike, hz: npt.ArrayLike) -> None:
        known, values = np.asarray(times, np.float64), np.asarray(hz, np.float64)
        if known.ndim != 1 or known.size < 2 or values.shape != known.shape:
            raise DataError(f"a speed profile needs two values or more, one each moment: {known.shape}, {values.shape}")
        if not (np.isfinite(values).all() and values.min() >= 0 and (np.diff(known) > 0).all()):
            raise DataError("a speed profile holds a moment out of order, or a value that is no speed")
        self.seconds = float(known[-1])
        self.slowest_hz, self.fastest_hz = float(values.min()), float(values.max())
        self._known = known
        self._speed = PchipInterpolator(known, values)
        self._angle = self._speed.antiderivative()
        self._turned = np.asarray(self._angle(known))

    @classmethod
    def of_even(cls, hz: npt.NDArray[Any], n_samples: int, rate_hz: float) -> SpeedProfile:
        """The profile of values that `even_samples` has taken of a recording of `n_samples`."""
        if not 2 <= hz.size <= n_samples:
            raise DataError(f"a speed profile of {hz.size} values does not fit {n_samples} samples")
        made = cls(even_samples(n_samples, hz.size) / rate_hz, hz)
        if made.fastest_hz > rate_hz / 2:
            raise DataError(f"a shaft at {made.fastest_hz:.3g} Hz turns faster than {rate_hz:g} samples a second show")
        return made

    def hz(self, times: npt.ArrayLike) -> Signal:
        """Rotation frequency at some moments, s.  Before and after what is known, it is that of the end."""
        return np.asarray(self._speed(np.clip(times, self._known[0], self._known[-1])))

    def turns(self, times: npt.ArrayLike) -> Signal:
        """Revolutions from the first moment known until some others, s."""
        inside = np.clip(times, self._known[0], self._known[-1])
        return np.asarray(self._angle(inside) + (np.asarray(times) - inside) * self.hz(inside))

    def mean_hz(self, start: npt.ArrayLike, stop: npt.ArrayLike) -> Signal:
        """Mean rotation frequency from `start` to `stop`, s."""
        return np.asarray((self.turns(stop) - self.turns(start)) / (np.asarray(stop) - np.asarray(start)))

    def times(self, turns: npt.ArrayLike) -> Signal:
        """When the shaft has turned so far, s: the inverse of `turns`, for a shaft that never stands.

        Newton's method, which stays between the moments known around each: there the angle only rises.
        """
        if self.slowest_hz <= 0:
            raise DataError("the shaft stands for a while: an angle has no one moment")
        wanted = np.asarray(turns, np.float64)
        piece = np.clip(np.searchsorted(self._turned, wanted, side="right") - 1, 0, self._known.size - 2)
        inside = np.clip(wanted, self._turned[0], self._turned[-1])
        low, high = self._known[piece], self._known[piece + 1]
        found = np.interp(inside, self._turned, self._known)
        for _ in range(_STEPS):
            step = (self._angle(found) - inside) / self._speed(found)
            found = np.clip(found - step, low, high)
            if not step.size or np.abs(step).max() < 1e-12 * max(1.0, self.seconds):
                break
        # Outside of what is known, the speed is that of the end.
        return np.asarray(found + (wanted - inside) / self._speed(found))


def even_samples(n: int, points: int) -> npt.NDArray[np.int64]:
    """Which of `n` samples are kept of what changes slowly: so many, evenly, the first and the last among them."""
    return np.linspace(0, n - 1, min(points, n)).round().astype(np.int64)
