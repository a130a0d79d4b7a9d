"""Filters for changing the sample rate and for a common band, which move nothing in time."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import signal as sps

from pfd import DataError, Hint

TAPS = 32
"""Half length of the anti-alias filter, in samples at the lower rate."""

KAISER_BETA = 8.6
"""Ripple and stop band of 90 dB (Kaiser)."""

FLAT_SHARE = 0.82
"""Of the band below half the new rate, what the anti-alias filter leaves untouched."""

CUT = (1 + FLAT_SHARE) / 2
"""Where the anti-alias filter cuts, in parts of half the new rate: the middle of its transition."""

MAX_FACTOR = 10_000

ORDER = 8
"""Of the low-pass filter, which is run forwards and backwards."""


def rate_ratio(rate_hz: float, new_rate_hz: float) -> Fraction:
    """The new rate over the old one, as a fraction whose denominator is at most `MAX_FACTOR`.

    Raises
    ------
    DataError : the new rate is higher, or lower by more than `MAX_FACTOR`.
    """
    if not 0 < new_rate_hz <= rate_hz:
        raise DataError(
            f"a recording at {rate_hz:g} Hz cannot be brought to {new_rate_hz:g} Hz",
            hint=f"choose {Hint.parameter('sample_rate_hz', rate_hz)} or less",
        )
    ratio = (Fraction(new_rate_hz) / Fraction(rate_hz)).limit_denominator(MAX_FACTOR)
    if ratio == 0:
        raise DataError(f"{rate_hz:g} Hz is more than {MAX_FACTOR} times {new_rate_hz:g} Hz")
    return ratio


def extended(x: npt.NDArray[np.float32], before: int, after: int) -> npt.NDArray[np.float32]:
    """A signal `(samples,)` with so many samples more at its ends, turned about its first and its last one.

    What is added goes on at the level and the slope at which the signal ends.  Silence there would be a step, as large
    as what the signal lies beside zero: an edge that a filter rings at, and by which those that were filtered are told
    from others.
    """
    if not (before or after) or x.size == 0:
        return x
    return np.pad(x, (before, after), mode="reflect", reflect_type="odd")


def polyphase(x: npt.NDArray[np.float32], ratio: Fraction) -> npt.NDArray[np.float32]:
    """`x`, float32 `(samples,)`, resampled by a ratio of at most 1 behind the anti-alias filter."""
    up, down = ratio.numerator, ratio.denominator
    return np.asarray(sps.resample_poly(x, up, down, window=_anti_alias(down)), np.float32)


def low_pass(x: npt.NDArray[np.float32], rate_hz: float, edge_hz: float) -> npt.NDArray[np.float32]:
    """`x`, float32 `(samples,)`, behind a zero-phase Butterworth low-pass (order 8, forwards and backwards)."""
    sections = _butterworth(rate_hz, edge_hz)
    return np.asarray(sps.sosfiltfilt(sections, x, padlen=min(3 * 2 * len(sections), len(x) - 1)), np.float32)


def settling(rate_hz: float, edge_hz: float, share: float) -> int:
    """Samples after which the transient of `low_pass` has fallen to `share`: set by the filter's slowest pole."""
    _require_edge(rate_hz, edge_hz)
    # Not out of its sections, whose coefficients at a low edge are smaller than what counts as zero.
    _, poles, _ = sps.butter(ORDER, edge_hz, fs=rate_hz, output="zpk")
    return math.ceil(math.log(share) / math.log(float(np.abs(poles).max())))


@lru_cache(maxsize=8)
def _butterworth(rate_hz: float, edge_hz: float) -> npt.NDArray[np.float64]:
    _require_edge(rate_hz, edge_hz)
    return np.asarray(sps.butter(ORDER, edge_hz, fs=rate_hz, output="sos"), np.float64)


def _require_edge(rate_hz: float, edge_hz: float) -> None:
    lowest = rate_hz / MAX_FACTOR
    if not lowest <= edge_hz < rate_hz / 2:
        raise DataError(f"lowpass_hz={edge_hz:g} must lie between {lowest:g} and half the rate, {rate_hz / 2:g} Hz")


@lru_cache(maxsize=8)
def _anti_alias(down: int) -> npt.NDArray[np.float32]:
    # The Kaiser window's transition is 0.18 of the new Nyquist frequency wide.
    taps = sps.firwin(2 * TAPS * down + 1, CUT / down, window=("kaiser", KAISER_BETA))
    return np.asarray(taps, np.float32)
