"""Features of any time series, as general libraries define them: for comparison with work that used those.

Each has the definition of TSFEL 0.2 (Barandas et al., SoftwareX 11, 2020) for a window about its mean, so that what was
learnt with its values holds here.  Below, x is that window, N its length, d its differences, m the magnitude of its
Fourier transform without a window function, F the running sum of m and f the frequency.
"""

from __future__ import annotations

import numpy as np
from scipy import fft

from pfd_plugin_features.batch import Floats, Windows, ratio
from pfd_plugin_features.condition import Condition
from pfd_plugin_features.feature import Feature

NEIGHBOURS = 10
"""Samples to each side that a neighbourhood peak rises above."""

SMALLEST_WINDOW = 4 * NEIGHBOURS
"""Samples below which a window has no sample with that many neighbours to speak of."""


def maximum(w: Windows) -> Floats:
    """max x."""
    return np.asarray(w.x.max(axis=1))


def minimum(w: Windows) -> Floats:
    """min x."""
    return np.asarray(w.x.min(axis=1))


def peak_to_peak(w: Windows) -> Floats:
    """max x − min x."""
    return np.asarray(maximum(w) - minimum(w))


def median(w: Windows) -> Floats:
    """The median of x about its mean: away from 0 where the waveform is lopsided."""
    return _median(w.once(_ordered))


def mean_absolute_deviation(w: Windows) -> Floats:
    """Σ|x|/N: the rectified mean."""
    return np.asarray(w.magnitude.mean(axis=1))


def median_absolute_deviation(w: Windows) -> Floats:
    """Median of |x − median x|: a spread that impacts do not raise (Hampel 1974)."""
    ordered, middle = w.once(_ordered), median(w)
    length = ordered.shape[1]
    places = sorted({(length + 1) // 2, length // 2 + 1})
    return np.asarray(np.mean([_nth_distance(ordered, middle, place) for place in places], axis=0))


def interquartile_range(w: Windows) -> Floats:
    """75th less 25th percentile of x, interpolated linearly."""
    ordered = w.once(_ordered)
    return np.asarray(_percentile(ordered, 0.75) - _percentile(ordered, 0.25))


def percentile_20(w: Windows) -> Floats:
    """The largest x that at most 20 % of the samples do not exceed."""
    return _reached(w, 0.2)


def percentile_80(w: Windows) -> Floats:
    """The largest x that at most 80 % of the samples do not exceed."""
    return _reached(w, 0.8)


def distribution_slope(w: Windows) -> Floats:
    """0.25 / (x of 75 % − x of 50 %) of the empirical distribution: the density of its upper half."""
    return ratio(np.full(len(w.x), 0.25), _reached(w, 0.75) - _reached(w, 0.5))


def mean_absolute_difference(w: Windows) -> Floats:
    """Σ|d|/(N − 1)."""
    return np.asarray(w.once(_steps).mean(axis=1))


def median_absolute_difference(w: Windows) -> Floats:
    """Median of |d|."""
    return _quick_median(w.once(_steps))


def path_length(w: Windows) -> Floats:
    """Σ√(1 + d²): the length of the curve of one unit a sample."""
    return np.asarray(np.sqrt(1.0 + np.square(w.once(_steps))).sum(axis=1))


def slope(w: Windows) -> Floats:
    """Slope of the straight line nearest to x (least squares), a sample."""
    time = np.arange(w.condition.window) - (w.condition.window - 1) / 2
    return np.asarray(w.x @ time / np.sum(time**2))


def area(w: Windows) -> Floats:
    """Σ|xᵢ + xᵢ₊₁|/2 over the sample rate: the area between the curve and its mean."""
    return np.asarray(np.abs(w.x[:, 1:] + w.x[:, :-1]).sum(axis=1) / (2 * w.condition.sample_rate_hz))


def temporal_centroid(w: Windows) -> Floats:
    """Σt·x² / Σx²: when in the window the energy is."""
    time = np.arange(w.condition.window) / w.condition.sample_rate_hz
    return ratio(w.square @ time, w.square.sum(axis=1))


def local_maxima(w: Windows) -> Floats:
    """How many samples lie above both their neighbours."""
    rises, falls = w.once(_turns)
    return np.asarray(np.count_nonzero(rises[:, :-1] & falls[:, 1:], axis=1), np.float64)


def local_minima(w: Windows) -> Floats:
    """How many samples lie below both their neighbours."""
    rises, falls = w.once(_turns)
    return np.asarray(np.count_nonzero(falls[:, :-1] & rises[:, 1:], axis=1), np.float64)


def neighbourhood_peaks(w: Windows) -> Floats:
    """How many samples lie above all 10 before and all 10 after them."""
    # The largest of 10 in a row, from those of 2, 4 and 8.
    largest = np.maximum(w.x[:, 1:], w.x[:, :-1])
    for reach in (2, 4):
        largest = np.maximum(largest[:, reach:], largest[:, :-reach])
    largest = np.maximum(largest[:, 2:], largest[:, :-2])
    inner = w.x[:, NEIGHBOURS:-NEIGHBOURS]
    peaks = inner > largest[:, : inner.shape[1]]
    peaks &= inner > largest[:, NEIGHBOURS + 1 :]
    return np.asarray(np.count_nonzero(peaks, axis=1), np.float64)


def correlation_time(w: Windows) -> Floats:
    """The first of N/3 lags at which the autocorrelation, a mean over as many products as there are, is below 1/e."""
    length = w.condition.window
    lags = length // 3
    spectrum = fft.rfft(w.x, fft.next_fast_len(length + lags, real=True), axis=1)
    power = spectrum.real**2
    power += spectrum.imag**2
    correlation = fft.irfft(power, axis=1)[:, : lags + 1]
    below = correlation[:, 1:] < np.exp(-1) * correlation[:, :1] / length * (length - np.arange(1, lags + 1))
    return np.where(below.any(axis=1), 1.0 + np.argmax(below, axis=1), float(lags))


def petrosian_dimension(w: Windows) -> Floats:
    """lg N / (lg N + lg(N / (N + 0.4·turns))) with the turns of the curve (Petrosian 1995)."""
    rises, falls = w.once(_turns)
    direction = rises.astype(np.int8) - falls.astype(np.int8)
    turns = np.count_nonzero(direction[:, 1:] != direction[:, :-1], axis=1)
    length = w.condition.window
    return np.asarray(np.log10(length) / (np.log10(length) + np.log10(length / (length + 0.4 * turns))))


def magnitude_centroid(w: Windows) -> Floats:
    """Σfm / Σm: the spectrum's centre by amplitude, which small high components move more than by power."""
    return ratio(w.once(_magnitude) @ w.frequencies, w.once(_running)[:, -1])


def magnitude_spread(w: Windows) -> Floats:
    """√(Σ(f − centroid)²m / Σm)."""
    return np.asarray(np.sqrt(w.once(_moments)[0]))


def magnitude_skewness(w: Windows) -> Floats:
    """Σ(f − centroid)³m / Σm / spread³ (Peeters 2004, 6.1.3)."""
    second, third, _ = w.once(_moments)
    return ratio(third, second**1.5)


def magnitude_kurtosis(w: Windows) -> Floats:
    """Σ(f − centroid)⁴m / Σm / spread⁴ (Peeters 2004, 6.1.4)."""
    second, _, fourth = w.once(_moments)
    return ratio(fourth, second**2)


def magnitude_decrease(w: Windows) -> Floats:
    """Σₖ(mₖ − m₀)/k / Σₖmₖ over k = 1, 2, … (Peeters 2004, 6.1.6): how the spectrum falls from its lower end."""
    m = w.once(_magnitude)
    weights = 1.0 / np.arange(1, m.shape[1])
    return ratio(m[:, 1:] @ weights - m[:, 0] * weights.sum(), m[:, 1:].sum(axis=1))


def magnitude_slope(w: Windows) -> Floats:
    """Slope of the straight line nearest to m/Σm over f (Peeters 2004, 6.1.5)."""
    f = w.frequencies
    return ratio(w.once(_magnitude) @ (f - f.mean()), w.once(_running)[:, -1] * np.sum((f - f.mean()) ** 2))


def magnitude_variation(w: Windows) -> Floats:
    """1 − Σmₖmₖ₊₁ / √(Σmₖ²·Σmₖ₊₁²): 0 for a smooth spectrum (Peeters 2004, 6.1.8, between bins)."""
    m = w.once(_magnitude)
    square = np.square(m).sum(axis=1)
    neighbours = np.einsum("ij,ij->i", m[:, 1:], m[:, :-1])
    return np.asarray(1 - ratio(neighbours, np.sqrt((square - m[:, 0] ** 2) * (square - m[:, -1] ** 2))))


def magnitude_distance(w: Windows) -> Floats:
    """Σ(line − F) with the straight line from 0 to the end of F: how far the spectrum is from flat."""
    running = w.once(_running)
    return np.asarray(running.shape[1] * running[:, -1] / 2 - running.sum(axis=1))


def roll_on(w: Windows) -> Floats:
    """The lowest f by which F has reached 5 % of its end."""
    running = w.once(_running)
    return np.asarray(w.frequencies[np.argmax(running >= 0.05 * running[:, -1:], axis=1)])


def median_frequency(w: Windows) -> Floats:
    """The lowest f by which F has passed half of its end."""
    running = w.once(_running)
    return np.asarray(w.frequencies[np.argmax(running > 0.5 * running[:, -1:], axis=1)])


def roll_off(w: Windows) -> Floats:
    """The lowest f by which F has reached 95 % of its end (Scheirer & Slaney 1997, with 95 %)."""
    running = w.once(_running)
    return np.asarray(w.frequencies[np.argmax(running >= 0.95 * running[:, -1:], axis=1)])


def fundamental_frequency(w: Windows) -> Floats:
    """The lowest f where m has a local maximum of at least 30 % of its largest; 0 where there is none."""
    m = w.once(_magnitude)
    inner = m[:, 1:-1]
    lines = inner >= 0.3 * m.max(axis=1, keepdims=True)
    lines &= inner > m[:, :-2]
    lines &= inner > m[:, 2:]
    return np.where(lines.any(axis=1), w.frequencies[1 + np.argmax(lines, axis=1)], 0.0)


def power_bandwidth(w: Windows) -> Floats:
    """f by which 95 % of the power under a Hann window is reached from below, less that from above: their distance."""
    running = np.cumsum(w.power, axis=1)
    total = running[:, -1:]
    lower = np.argmax(running >= 0.95 * total, axis=1)
    # The last bin from which on there are 95 %: the first by which more than 5 % have been passed.
    upper = np.argmax(total - running < 0.95 * total, axis=1)
    return np.asarray(np.abs(w.frequencies[upper] - w.frequencies[lower]))


def peak_density(w: Windows) -> Floats:
    """The largest power density under a Hann window, over the mean square: how much of the signal one line is."""
    return ratio(w.power.max(axis=1), np.square(w.rms) * w.condition.sample_rate_hz / w.condition.window)


def _ordered(w: Windows) -> Floats:
    # Samples are sorted as they were given: those of a recording have 4 bytes, and sort twice as fast.
    return np.asarray(np.sort(w.given, axis=1).astype(np.float64) - w.offset)


def _nth_distance(ordered: Floats, middle: Floats, place: int) -> Floats:
    """The `place`-th smallest |x − middle|, `(n,)`, of rows in order.

    So many nearest samples are neighbours in the order; where they begin is found by halving.
    """
    rows = np.arange(len(ordered))
    low = np.zeros(len(ordered), dtype=np.intp)
    high = np.full(len(ordered), ordered.shape[1] - place)
    while (low < high).any():
        half = (low + high) // 2
        later = np.minimum(half + place, ordered.shape[1] - 1)
        nearer = (middle - ordered[rows, half] > ordered[rows, later] - middle) & (low < high)
        low = np.where(nearer, half + 1, low)
        high = np.where(nearer, high, np.minimum(half, high))
    return np.maximum(middle - ordered[rows, low], ordered[rows, low + place - 1] - middle)


def _steps(w: Windows) -> Floats:
    """|d|, `(n, window − 1)`."""
    steps = np.subtract(w.x[:, 1:], w.x[:, :-1])
    return np.asarray(np.abs(steps, out=steps))


def _turns(w: Windows) -> tuple[np.ndarray, np.ndarray]:
    """Where the curve rises, and where it falls, `(n, window − 1)` each."""
    return w.x[:, 1:] > w.x[:, :-1], w.x[:, 1:] < w.x[:, :-1]


def _magnitude(w: Windows) -> Floats:
    spectrum = fft.rfft(w.x, axis=1)
    square = spectrum.real**2
    square += spectrum.imag**2
    return np.asarray(np.sqrt(square, out=square))


def _running(w: Windows) -> Floats:
    return np.cumsum(w.once(_magnitude), axis=1)


def _moments(w: Windows) -> tuple[Floats, Floats, Floats]:
    """Central moments of order 2, 3 and 4 of m over f, `(n,)` each.

    From moments about the middle of the axis: a product of matrices instead of a deviation for each bin and window.
    """
    half = w.condition.sample_rate_hz / 4  # the unit of the axis, so that its powers stay near 1
    axis = w.frequencies / half - 1
    raw = w.once(_magnitude) @ np.stack([axis**order for order in range(5)], axis=1)
    zeroth, first, second, third, fourth = ratio(raw, raw[:, :1]).T
    del zeroth
    return (
        np.maximum(second - first**2, 0.0) * half**2,
        (third - 3 * first * second + 2 * first**3) * half**3,
        (fourth - 4 * first * third + 6 * first**2 * second - 3 * first**4) * half**4,
    )


def _median(ordered: Floats) -> Floats:
    middle = ordered.shape[1] // 2
    return np.asarray((ordered[:, middle] + ordered[:, -middle - 1]) / 2)


def _quick_median(values: Floats) -> Floats:
    length = values.shape[1]
    middle = sorted({(length - 1) // 2, length // 2})
    return np.asarray(np.partition(values, middle, axis=1)[:, middle].mean(axis=1))


def _percentile(ordered: Floats, share: float) -> Floats:
    place = share * (ordered.shape[1] - 1)
    below = int(place)
    above = min(below + 1, ordered.shape[1] - 1)
    return np.asarray(ordered[:, below] + (place - below) * (ordered[:, above] - ordered[:, below]))


def _reached(w: Windows, share: float) -> Floats:
    """The largest sample that a share of the samples, at most, does not exceed."""
    shares = np.arange(1, w.condition.window + 1) / w.condition.window
    return np.asarray(w.once(_ordered)[:, np.count_nonzero(shares <= share) - 1])


def _long_enough(condition: Condition) -> str | None:
    if condition.window < SMALLEST_WINDOW:
        return f"a window of {condition.window} samples is too short, {SMALLEST_WINDOW} are needed"
    return None


GENERAL = (
    Feature("maximum", "general", "signal", maximum),
    Feature("minimum", "general", "signal", minimum),
    Feature("peak_to_peak", "general", "signal", peak_to_peak),
    Feature("median", "general", "signal", median),
    Feature("mean_absolute_deviation", "general", "signal", mean_absolute_deviation),
    Feature("median_absolute_deviation", "general", "signal", median_absolute_deviation),
    Feature("interquartile_range", "general", "signal", interquartile_range),
    Feature("percentile_20", "general", "signal", percentile_20),
    Feature("percentile_80", "general", "signal", percentile_80),
    Feature("distribution_slope", "general", "1/signal", distribution_slope),
    Feature("mean_absolute_difference", "general", "signal", mean_absolute_difference),
    Feature("median_absolute_difference", "general", "signal", median_absolute_difference),
    Feature("path_length", "general", "1", path_length),
    Feature("slope", "general", "signal", slope),
    Feature("area", "general", "signal·s", area),
    Feature("temporal_centroid", "general", "s", temporal_centroid),
    Feature("local_maxima", "general", "1", local_maxima),
    Feature("local_minima", "general", "1", local_minima),
    Feature("neighbourhood_peaks", "general", "1", neighbourhood_peaks, _long_enough),
    Feature("correlation_time", "general", "samples", correlation_time),
    Feature("petrosian_dimension", "general", "1", petrosian_dimension),
    Feature("magnitude_centroid", "general", "Hz", magnitude_centroid),
    Feature("magnitude_spread", "general", "Hz", magnitude_spread),
    Feature("magnitude_skewness", "general", "1", magnitude_skewness),
    Feature("magnitude_kurtosis", "general", "1", magnitude_kurtosis),
    Feature("magnitude_decrease", "general", "1", magnitude_decrease),
    Feature("magnitude_slope", "general", "1/Hz", magnitude_slope),
    Feature("magnitude_variation", "general", "1", magnitude_variation),
    Feature("magnitude_distance", "general", "signal", magnitude_distance),
    Feature("roll_on", "general", "Hz", roll_on),
    Feature("median_frequency", "general", "Hz", median_frequency),
    Feature("roll_off", "general", "Hz", roll_off),
    Feature("fundamental_frequency", "general", "Hz", fundamental_frequency),
    Feature("power_bandwidth", "general", "Hz", power_bandwidth),
    Feature("peak_density", "general", "1/Hz", peak_density),
)
