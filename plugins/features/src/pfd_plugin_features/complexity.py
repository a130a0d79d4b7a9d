"""How regular a waveform is, and how far it remembers: sample entropy, detrended fluctuation, rescaled range."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from pfd_plugin_features.batch import Floats, Windows
from pfd_plugin_features.condition import Condition
from pfd_plugin_features.feature import Feature

TEMPLATE = 2
TOLERANCE = 0.2
LONGEST_WINDOW = 8192
"""Sample entropy compares each pair of samples, so its cost grows with the square of the window."""

SHORTEST_BOX, SMALLEST_WINDOW = 8, 256
BOXES = 12
"""Box lengths, evenly spaced on the logarithmic axis from 8 to a quarter of the window."""


def sample_entropy(w: Windows) -> Floats:
    """−ln(A/B) with m = 2, r = 0.2 rms: B pairs of 2 samples in a row that differ by r at most, A those of 3.

    2.19 for white noise, near 0 for a sine (Richman & Moorman 2000).  Both count pairs of the N − 2 places that have
    3 samples.  Without a match the largest value that the counts could give, ln of the number of pairs.
    """
    count, length = w.x.shape
    tolerance = TOLERANCE * w.rms[:, None]
    shorter = np.zeros(count, dtype=np.int64)
    longer = np.zeros(count, dtype=np.int64)
    places = length - TEMPLATE
    difference = np.empty_like(w.x)
    near = np.empty(w.x.shape, dtype=np.bool_)
    # Over distances in time, never over windows.
    for lag in range(1, places):
        part, close = difference[:, : length - lag], near[:, : length - lag]
        np.subtract(w.x[:, lag:], w.x[:, :-lag], out=part)
        np.abs(part, out=part)
        np.less_equal(part, tolerance, out=close)
        pairs = close[:, :-2] & close[:, 1:-1]
        shorter += np.count_nonzero(pairs, axis=1)
        pairs &= close[:, 2:]
        longer += np.count_nonzero(pairs, axis=1)
    most = np.log(places * (places - 1) / 2)
    found = (shorter > 0) & (longer > 0)
    share = np.divide(longer, shorter, out=np.ones(count), where=found)
    return np.where(found, -np.log(share), most)


def dfa_exponent(w: Windows) -> Floats:
    """The slope of ln F over ln s: F the rms, in boxes of s samples, of the running sum about its straight line.

    0.5 for white noise, 1 for pink, 1.5 for a random walk (Peng et al. 1994).
    """
    profile = np.cumsum(w.x, axis=1)
    lengths = _box_lengths(w.condition.window)
    fluctuation = np.empty((len(w.x), lengths.size))
    for column, length in enumerate(lengths):
        boxes = _boxes(profile, length)
        time = np.arange(length) - (length - 1) / 2
        boxes = boxes - boxes.mean(axis=2, keepdims=True)
        square = np.einsum("ijk,ijk->ij", boxes, boxes) - (boxes @ time) ** 2 / np.sum(time**2)
        # What is left is never negative, but for rounding.
        fluctuation[:, column] = np.maximum(square, 0.0).mean(axis=1) / length
    return _log_slope(lengths, fluctuation) / 2


def hurst_exponent(w: Windows) -> Floats:
    """0.5 and the slope over ln s of ln of R/S less its expectation for noise: R the range of the running sum about its
    mean in boxes of s samples, S their standard deviation.

    0.5 for white noise, towards 1 where excursions last (Hurst 1951; expectation of Anis & Lloyd 1976).  Boxes as short
    as these find less than there is: about 0.72 for fractional noise of 0.8.
    """
    lengths = _box_lengths(w.condition.window)
    rescaled = np.empty((len(w.x), lengths.size))
    for column, length in enumerate(lengths):
        boxes = _boxes(w.x, length)
        boxes = boxes - boxes.mean(axis=2, keepdims=True)
        sums = np.cumsum(boxes, axis=2)
        spread = np.sqrt(np.mean(np.square(boxes), axis=2))
        reach = sums.max(axis=2) - sums.min(axis=2)
        scaled = np.divide(reach, spread, out=np.zeros_like(reach), where=spread > 0)
        rescaled[:, column] = scaled.mean(axis=1) / _expected_range(int(length))
    return 0.5 + _log_slope(lengths, rescaled)


def _box_lengths(window: int) -> npt.NDArray[np.int64]:
    return np.unique(np.geomspace(SHORTEST_BOX, window // 4, BOXES).round().astype(np.int64))


def _boxes(x: Floats, length: int) -> Floats:
    count = x.shape[1] // length
    return x[:, : count * length].reshape(len(x), count, length)


def _log_slope(lengths: npt.NDArray[np.int64], values: Floats) -> Floats:
    """Least-squares slope of ln values `(n, lengths)` over ln lengths; of a value of 0 the smallest number there is."""
    axis = np.log(lengths)
    axis -= axis.mean()
    return np.asarray(np.log(np.maximum(values, np.finfo(np.float64).tiny)) @ axis / np.sum(axis**2))


def _expected_range(length: int) -> float:
    """E[R/S] of independent Gaussian values (Anis & Lloyd 1976)."""
    below = np.arange(1, length)
    factor = np.exp(gammaln((length - 1) / 2) - gammaln(length / 2)) / np.sqrt(np.pi)
    return float(factor * np.sum(np.sqrt((length - below) / below)))


def _few_pairs(condition: Condition) -> str | None:
    if condition.window > LONGEST_WINDOW:
        return f"a window of {condition.window} samples is too long for a cost of its square; {LONGEST_WINDOW} at most"
    return None


def _boxes_fit(condition: Condition) -> str | None:
    if condition.window < SMALLEST_WINDOW:
        return f"a window of {condition.window} samples is too short, {SMALLEST_WINDOW} are needed"
    return None


COMPLEXITY = (
    Feature("sample_entropy", "advanced", "1", sample_entropy, _few_pairs),
    Feature("dfa_exponent", "advanced", "1", dfa_exponent, _boxes_fit),
    Feature("hurst_exponent", "advanced", "1", hurst_exponent, _boxes_fit),
)
