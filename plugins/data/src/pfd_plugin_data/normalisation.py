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
    centred = x - x.mean(axis=1, dtype=np.float64, keepdims=True)
    scale = np.sqrt(np.mean(np.square(centred), axis=1, keepdims=True))
    # What rounding leaves of a constant window is no signal.
    level = np.abs(x).max(axis=1, keepdims=True)
    flat = scale <= 8 * np.finfo(np.float32).eps * level
    return np.where(flat, 0.0, centred / np.where(flat, 1.0, scale)).astype(np.float32)


class Moments:
    """Mean and variance of values that come in parts (Chan, Golub and LeVeque, The American Statistician 37, 1983)."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = 0.0
        self._squares = 0.0

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

    @property
    def deviation(self) -> float:
        """Standard deviation over all values; 0 where there are none."""
        return float(np.sqrt(self._squares / self.count)) if self.count else 0.0
