"""Z-normalisation of windows: by their own mean and standard deviation, or by those of the training part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Windows = npt.NDArray[np.float32]


@dataclass(frozen=True)
class ZNorm:
    """x → (x - mean) / scale, with the mean and the standard deviation of the windows it was fitted on.

    `n_windows` says how many those were.  Made by `fit_znorm`, which takes none but the training part's.
    """

    mean: float
    scale: float
    n_windows: int

    def apply(self, x: Windows) -> Windows:
        """`x` of any shape, normalised; float32."""
        return np.asarray((x - np.float64(self.mean)) / self.scale, np.float32)


def znorm(x: Windows) -> Windows:
    """Each window of `x`, float32 `(n, window)`, with mean 0 and standard deviation 1; zeros where it is constant."""
    centred, scale = _deviations(x)
    flat = (scale <= rounding(np.abs(x).max(axis=1)))[:, None]
    return np.where(flat, 0.0, centred / np.where(flat, 1.0, scale[:, None])).astype(np.float32)


def is_constant(x: Windows) -> npt.NDArray[np.bool_]:
    """Which windows of `x`, `(n, window)`, have one value only, but for rounding; `znorm` makes them zeros."""
    limit = rounding(np.abs(x).max(axis=1))
    # Whatever deviates so little has a small range as well, which takes less to find.
    found = np.ptp(x, axis=1) <= limit * np.sqrt(2 * x.shape[1])
    found[found] = _deviations(x[found])[1] <= limit[found]
    return np.asarray(found)


def rounding(level: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The standard deviation up to which float32 values of a magnitude up to `level` are one value, rounded: no signal.

    Eight units in the last place, which is more than resampling and filtering leave of a constant.
    """
    least = np.finfo(np.float32).tiny  # below it the unit in the last place grows no smaller
    return np.asarray(8 * float(np.finfo(np.float32).eps) * np.maximum(np.asarray(level, np.float64), least))


def _deviations(x: Windows) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Samples about the mean of their window, `(n, window)`, and the standard deviation of each window, `(n,)`."""
    centred = x - x.mean(axis=1, dtype=np.float64, keepdims=True)
    return centred, np.sqrt(np.mean(np.square(centred), axis=1))


class Moments:
    """Mean and variance of values that come in parts (Chan, Golub and LeVeque, The American Statistician 37, 1983)."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = 0.0
        self._squares = 0.0
        self._level = 0.0

    def add(self, x: npt.NDArray[np.float32]) -> None:
        """Take in values of any shape."""
        if not x.size:
            return
        mean = float(x.mean(dtype=np.float64))
        delta = mean - self.mean
        total = self.count + x.size
        self._squares += float(np.square(x - np.float64(mean)).sum()) + delta**2 * self.count * x.size / total
        self.mean += delta * x.size / total
        self.count = total
        self._level = max(self._level, float(np.abs(x).max()))

    @property
    def deviation(self) -> float:
        """Standard deviation over all values; 0 where there are none."""
        return float(np.sqrt(self._squares / self.count)) if self.count else 0.0

    @property
    def is_constant(self) -> bool:
        """Whether all values are one, but for rounding."""
        return self.deviation <= float(rounding(self._level))
