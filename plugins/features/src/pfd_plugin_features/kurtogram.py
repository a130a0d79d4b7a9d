"""Spectral kurtosis and the kurtogram: in which band impacts stand out most.

The kurtosis of a complex band signal y is mean |y|⁴ / (mean |y|²)² − 2: 0 for Gaussian noise, −1 for a tone, large for
impacts (Antoni, MSSP 20, 2006).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft

from pfd_plugin_features.batch import Floats, Windows, ratio
from pfd_plugin_features.condition import Condition
from pfd_plugin_features.feature import Feature

SEGMENT = 64
"""Samples of a segment of the spectral kurtosis: about the ringing of an impact, far less than the time between two."""

DEEPEST = 5
"""Halvings of the band; between two of them it is also cut in three (Antoni 2007)."""

FEWEST = 32
"""Samples a band signal must hold: the kurtosis of fewer says nothing."""

SMALLEST_WINDOW = 512

EDGE = 0.9
"""Of the band that a filter leaves, what lies clear of its edge."""


def spectral_kurtosis_peak(w: Windows) -> Floats:
    """Largest kurtosis over the frequencies of a short-time Fourier transform (64 samples, Hann, overlap 3/4)."""
    return np.asarray(w.once(_by_frequency).max(axis=1))


def spectral_kurtosis_mean(w: Windows) -> Floats:
    """Mean of that kurtosis over the frequencies."""
    return np.asarray(w.once(_by_frequency).mean(axis=1))


def spectral_kurtosis_frequency(w: Windows) -> Floats:
    """The frequency of its largest value."""
    first = 1 + np.argmax(w.once(_by_frequency), axis=1)
    return np.asarray(first * w.condition.sample_rate_hz / SEGMENT)


def kurtogram_peak(w: Windows) -> Floats:
    """Largest kurtosis over the bands of the fast kurtogram (Antoni, MSSP 21, 2007).

    The band up to half the sample rate, cut in 2, 3, 4, 6, 8, 12, … equal bands.  They are cut in the frequency domain,
    where the published filter bank has short filters: steeper edges, no part of a neighbour's impacts.
    """
    return w.once(_kurtogram).kurtosis


def kurtogram_frequency(w: Windows) -> Floats:
    """The middle of the band with that kurtosis: where to demodulate."""
    return w.once(_kurtogram).middle


def kurtogram_bandwidth(w: Windows) -> Floats:
    """The width of that band."""
    return w.once(_kurtogram).width


@dataclass(frozen=True)
class _Band:
    """The best band of each window, `(n,)` each; frequencies in Hz."""

    kurtosis: Floats
    middle: Floats
    width: Floats


def _by_frequency(w: Windows) -> Floats:
    """Kurtosis at each frequency between 0 Hz and the end of the band, half the sample rate at most, `(n, ≤ 31)`.

    At both ends the spectrum is real, and its kurtosis another one.
    """
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(SEGMENT) / SEGMENT)
    segments = np.lib.stride_tricks.sliding_window_view(w.x, SEGMENT, axis=1)[:, :: SEGMENT // 4]
    top = int(_reach(w.condition) / w.condition.sample_rate_hz * SEGMENT)
    spectra = fft.rfft(segments * hann, axis=2)[:, :, 1 : min(top + 1, SEGMENT // 2)]
    return _kurtosis(spectra.real**2 + spectra.imag**2, axis=1)


def _kurtosis(power: Floats, axis: int) -> Floats:
    return ratio(np.mean(np.square(power), axis=axis), np.mean(power, axis=axis) ** 2) - 2.0


def _kurtogram(w: Windows) -> _Band:
    half = w.condition.window // 2
    spectrum = fft.fft(w.x, axis=1)[:, :half]
    count = len(w.x)
    best = np.full(count, -np.inf)
    middle, width = np.zeros(count), np.zeros(count)
    step = w.condition.sample_rate_hz / w.condition.window
    for parts in _cuts(half):
        bins = half // parts
        # A band moved to 0 Hz is its complex envelope, at the rate that its width allows.
        bands = fft.ifft(spectrum[:, : parts * bins].reshape(count, parts, bins), axis=2)
        kurtosis = _kurtosis(bands.real**2 + bands.imag**2, axis=2)
        kurtosis[:, (np.arange(parts) + 1) * bins * step > _reach(w.condition)] = -np.inf
        place = np.argmax(kurtosis, axis=1)
        found = kurtosis[np.arange(count), place]
        better = found > best
        best = np.where(better, found, best)
        middle = np.where(better, (place + 0.5) * bins * step, middle)
        width = np.where(better, bins * step, width)
    return _Band(best, middle, width)


def _reach(condition: Condition) -> float:
    """How far up bands are looked at, Hz.

    Beyond a filter's edge nothing is left but what leaks at the ends of a window, which looks like an impact.
    """
    whole = condition.sample_rate_hz / 2
    return whole if condition.bandwidth_hz >= whole else EDGE * condition.bandwidth_hz


def _cuts(half: int) -> list[int]:
    """Into how many bands: 1, 2, 3, 4, 6, 8, 12, …, as long as they hold enough samples."""
    numbers = sorted({2**level for level in range(DEEPEST + 1)} | {3 * 2**level for level in range(DEEPEST - 1)})
    return [number for number in numbers if half // number >= FEWEST]


def _long_enough(condition: Condition) -> str | None:
    if condition.window < SMALLEST_WINDOW:
        return f"a window of {condition.window} samples is too short, {SMALLEST_WINDOW} are needed"
    narrowest = condition.sample_rate_hz / 2 / max(_cuts(condition.window // 2))
    if max(narrowest, condition.sample_rate_hz / SEGMENT) > _reach(condition):
        return f"a signal up to {condition.bandwidth_hz:g} Hz holds no band of {narrowest:g} Hz"
    return None


KURTOGRAM = (
    Feature("spectral_kurtosis_peak", "advanced", "1", spectral_kurtosis_peak, _long_enough),
    Feature("spectral_kurtosis_mean", "advanced", "1", spectral_kurtosis_mean, _long_enough),
    Feature("spectral_kurtosis_frequency", "advanced", "Hz", spectral_kurtosis_frequency, _long_enough),
    Feature("kurtogram_peak", "advanced", "1", kurtogram_peak, _long_enough),
    Feature("kurtogram_frequency", "advanced", "Hz", kurtogram_frequency, _long_enough),
    Feature("kurtogram_bandwidth", "advanced", "Hz", kurtogram_bandwidth, _long_enough),
)
