"""Features that TSFEL has as well, and what makes the values equal.  Data only: TSFEL is needed by checks alone.

All values of TSFEL are meant for windows about their mean.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


def _same(value: float, rate: float, length: int) -> float:  # noqa: ARG001
    return value


@dataclass(frozen=True)
class TsfelReference:
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
    TsfelReference("rms", "rms"),
    TsfelReference("skewness", "skewness"),
    TsfelReference(
        "kurtosis", "kurtosis", "3 is added: theirs is the excess over Gaussian noise", convert=lambda v, *_: v + 3
    ),
    TsfelReference(
        "zero_crossing_rate",
        "zero_cross",
        "times the sample rate over N − 1: theirs is a count; a sample of exactly 0 counts as positive here, and as a "
        "crossing of its own there",
        convert=lambda value, rate, length: value * rate / (length - 1),
    ),
    TsfelReference("maximum", "calc_max"),
    TsfelReference("minimum", "calc_min"),
    TsfelReference("peak_to_peak", "pk_pk_distance"),
    TsfelReference("median", "calc_median"),
    TsfelReference("mean_absolute_deviation", "mean_abs_deviation"),
    TsfelReference("median_absolute_deviation", "median_abs_deviation"),
    TsfelReference("interquartile_range", "interq_range"),
    TsfelReference("percentile_20", "ecdf_percentile", "the first of its two values", part=0),
    TsfelReference("percentile_80", "ecdf_percentile", "the second of its two values", part=1),
    TsfelReference("distribution_slope", "ecdf_slope", "0 instead of infinity where both levels hold the same value"),
    TsfelReference("mean_absolute_difference", "mean_abs_diff"),
    TsfelReference("median_absolute_difference", "median_abs_diff"),
    TsfelReference("path_length", "distance"),
    TsfelReference("slope", "slope"),
    TsfelReference("area", "auc"),
    TsfelReference("temporal_centroid", "calc_centroid"),
    TsfelReference("local_maxima", "positive_turning"),
    TsfelReference("local_minima", "negative_turning"),
    TsfelReference("neighbourhood_peaks", "neighbourhood_peaks"),
    TsfelReference(
        "correlation_time", "autocorr", "the number of lags looked at instead of nothing where none is below 1/e"
    ),
    TsfelReference("petrosian_dimension", "petrosian_fractal_dimension"),
    TsfelReference("magnitude_centroid", "spectral_centroid"),
    TsfelReference("magnitude_spread", "spectral_spread"),
    TsfelReference("magnitude_skewness", "spectral_skewness"),
    TsfelReference("magnitude_kurtosis", "spectral_kurtosis"),
    TsfelReference("magnitude_decrease", "spectral_decrease"),
    TsfelReference("magnitude_slope", "spectral_slope"),
    TsfelReference("magnitude_variation", "spectral_variation"),
    TsfelReference("magnitude_distance", "spectral_distance"),
    TsfelReference("roll_on", "spectral_roll_on"),
    TsfelReference("median_frequency", "median_frequency"),
    TsfelReference("roll_off", "spectral_roll_off"),
    TsfelReference("fundamental_frequency", "fundamental_frequency", "a flat top of several bins is no peak here"),
    TsfelReference("power_bandwidth", "power_bandwidth"),
    TsfelReference("peak_density", "max_power_spectrum"),
)
"""Equal to 1e-6 of the value; a test holds it."""

UNLIKE_TSFEL = (
    TsfelReference(
        "peak", "calc_max", "theirs is the largest sample, ours the largest magnitude: an impact may go either way"
    ),
    TsfelReference(
        "dominant_frequency",
        "fundamental_frequency",
        "ours is the largest line under a Hann window; theirs the lowest of the lines above 30 % of the largest",
    ),
    TsfelReference(
        "spectral_centroid",
        "spectral_centroid",
        "ours weighs by power under a Hann window; theirs by magnitude without one, which leaks between bins",
    ),
    TsfelReference("spectral_spread", "spectral_spread", "as with spectral_centroid"),
    TsfelReference(
        "spectral_entropy",
        "spectral_entropy",
        "theirs is without a window function, and over the bins that are not exactly 0, which is a matter of rounding "
        "at 0 Hz; ours is over all bins, under a Hann window",
    ),
    TsfelReference(
        "spectral_power",
        "average_power",
        "ours is the mean square under the Hann window; theirs the sum of squares over the duration",
    ),
    TsfelReference(
        "dfa_exponent",
        "dfa",
        "theirs fits up to a plateau over every box length of N/10 at most; ours over lengths evenly spaced on the "
        "logarithmic axis, so that long boxes do not outweigh short ones",
    ),
    TsfelReference(
        "hurst_exponent",
        "hurst_exponent",
        "theirs fits the plain R/S statistic, which gives 0.55 to 0.6 for white noise of this length; ours is freed of "
        "that bias (Anis & Lloyd 1976)",
    ),
    TsfelReference(
        "sample_entropy",
        "mse",
        "theirs is the area under the entropy over scales, with m = 3; ours that of the signal itself, with m = 2",
    ),
    TsfelReference(
        "wavelet_energy_d1",
        "wavelet_energy",
        "theirs is of a continuous transform with the Mexican hat at nine scales, ours of the db4 filter bank; so are "
        "the other wavelet features",
    ),
)
"""Quantities of the same name or aim with other definitions, and why."""
