"""Features that TSFEL has as well, and what makes the values equal.  Data only: TSFEL is needed by checks alone.

All values of TSFEL are meant for windows about their mean.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


def _same(value: float, rate: float, length: int) -> float:  # noqa: ARG001
    return value


@dataclass(frozen=True)
class Peer:
    """The same quantity in TSFEL 0.2.

    Parameters
    ----------
    feature : of ours.
    function : of `tsfel.feature_extraction.features`.
    note : what has to be done to its value, or how the definitions differ.
    part : which of the several values that it gives.
    convert : its value, the sample rate and the window's length in; ours out.
    """

    feature: str
    function: str
    note: str = ""
    part: int | None = None
    convert: Callable[[float, float, int], float] = _same


EQUAL_TO_TSFEL = (
    Peer("rms", "rms"),
    Peer("skewness", "skewness"),
    Peer("kurtosis", "kurtosis", "3 is added: theirs is the excess over Gaussian noise", convert=lambda v, *_: v + 3),
    Peer(
        "zero_crossing_rate",
        "zero_cross",
        "times the sample rate over N − 1: theirs is a count; a sample of exactly 0 counts as positive here, and as a "
        "crossing of its own there",
        convert=lambda value, rate, length: value * rate / (length - 1),
    ),
    Peer("maximum", "calc_max"),
    Peer("minimum", "calc_min"),
    Peer("peak_to_peak", "pk_pk_distance"),
    Peer("median", "calc_median"),
    Peer("mean_absolute_deviation", "mean_abs_deviation"),
    Peer("median_absolute_deviation", "median_abs_deviation"),
    Peer("interquartile_range", "interq_range"),
    Peer("percentile_20", "ecdf_percentile", "the first of its two values", part=0),
    Peer("percentile_80", "ecdf_percentile", "the second of its two values", part=1),
    Peer("distribution_slope", "ecdf_slope", "0 instead of infinity where both levels hold the same value"),
    Peer("mean_absolute_difference", "mean_abs_diff"),
    Peer("median_absolute_difference", "median_abs_diff"),
    Peer("path_length", "distance"),
    Peer("slope", "slope"),
    Peer("area", "auc"),
    Peer("temporal_centroid", "calc_centroid"),
    Peer("local_maxima", "positive_turning"),
    Peer("local_minima", "negative_turning"),
    Peer("neighbourhood_peaks", "neighbourhood_peaks"),
    Peer("correlation_time", "autocorr", "the number of lags looked at instead of nothing where none is below 1/e"),
    Peer("petrosian_dimension", "petrosian_fractal_dimension"),
    Peer("magnitude_centroid", "spectral_centroid"),
    Peer("magnitude_spread", "spectral_spread"),
    Peer("magnitude_skewness", "spectral_skewness"),
    Peer("magnitude_kurtosis", "spectral_kurtosis"),
    Peer("magnitude_decrease", "spectral_decrease"),
    Peer("magnitude_slope", "spectral_slope"),
    Peer("magnitude_variation", "spectral_variation"),
    Peer("magnitude_distance", "spectral_distance"),
    Peer("roll_on", "spectral_roll_on"),
    Peer("median_frequency", "median_frequency"),
    Peer("roll_off", "spectral_roll_off"),
    Peer("fundamental_frequency", "fundamental_frequency", "a flat top of several bins is no maximum here"),
    Peer("power_bandwidth", "power_bandwidth"),
    Peer("peak_density", "max_power_spectrum"),
)
"""Equal to 1e-6 of the value; a test holds it."""

UNLIKE_TSFEL = (
    Peer("peak", "calc_max", "theirs is the largest sample, ours the largest magnitude: an impact may go either way"),
    Peer(
        "dominant_frequency",
        "fundamental_frequency",
        "ours is the largest line under a Hann window; theirs the lowest of the lines above 30 % of the largest",
    ),
    Peer(
        "spectral_centroid",
        "spectral_centroid",
        "ours weighs by power under a Hann window; theirs by magnitude without one, which leaks between bins",
    ),
    Peer("spectral_spread", "spectral_spread", "as with spectral_centroid"),
    Peer(
        "spectral_entropy",
        "spectral_entropy",
        "theirs is without a window function, and over the bins that are not exactly 0, which is a matter of rounding "
        "at 0 Hz; ours is over all bins, under a Hann window",
    ),
    Peer(
        "spectral_power",
        "average_power",
        "ours is the mean square under the Hann window; theirs the sum of squares over the duration",
    ),
    Peer(
        "dfa_exponent",
        "dfa",
        "theirs fits up to a plateau over every box length of N/10 at most; ours over lengths evenly spaced on the "
        "logarithmic axis, so that long boxes do not outweigh short ones",
    ),
    Peer(
        "hurst_exponent",
        "hurst_exponent",
        "theirs fits the plain R/S statistic, which gives 0.55 to 0.6 for white noise of this length; ours is freed of "
        "that bias (Anis & Lloyd 1976)",
    ),
    Peer(
        "sample_entropy",
        "mse",
        "theirs is the area under the entropy over scales, with m = 3; ours that of the signal itself, with m = 2",
    ),
    Peer(
        "wavelet_energy_d1",
        "wavelet_energy",
        "theirs is of a continuous transform with the Mexican hat at nine scales, ours of the db4 filter bank; so are "
        "the other wavelet features",
    ),
)
"""Quantities of the same name or aim with other definitions, and why."""
