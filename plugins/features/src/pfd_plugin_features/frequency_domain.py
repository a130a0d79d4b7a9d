"""Features of the power spectrum.  Below, P is the power of a bin under a Hann window and f its frequency.

Where the speed is known, ratios of shaft harmonics are taken at multiples of the rotation frequency: the largest peak
of a bearing's spectrum is seldom the shaft.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from pfd_plugin_features.batch import Floats, Windows, ratio
from pfd_plugin_features.condition import Condition
from pfd_plugin_features.feature import Feature

BANDS = 8
"""Equal bands between 0 Hz and half the sample rate, for the distribution of power."""

MIN_TURNS = 2.0
"""Turns a window must hold for 1×, 2× and 3× to be told apart: the Hann window's main lobe is 2 bins to each side."""


def dominant_frequency(w: Windows) -> Floats:
    """The frequency of the largest P, 0 Hz left out."""
    return np.asarray(w.frequencies[1 + np.argmax(w.power[:, 1:], axis=1)])


def spectral_power(w: Windows) -> Floats:
    """ΣP: the mean square of the signal under the Hann window (Parseval)."""
    return np.asarray(w.power.sum(axis=1))


def spectral_centroid(w: Windows) -> Floats:
    """ΣfP / ΣP (ISO/IEC 15938-4, spectrum centroid, on a linear axis)."""
    return ratio(w.power @ w.frequencies, w.power.sum(axis=1))


def spectral_spread(w: Windows) -> Floats:
    """√(Σ(f − centroid)²P / ΣP)."""
    deviation = (w.frequencies[None, :] - spectral_centroid(w)[:, None]) ** 2
    return np.asarray(np.sqrt(ratio(np.sum(deviation * w.power, axis=1), w.power.sum(axis=1))))


def spectral_entropy(w: Windows) -> Floats:
    """−Σp·log₂p / log₂(bins) with p = P/ΣP: 0 for one line, 1 for a flat spectrum (Inouye et al. 1991)."""
    p = ratio(w.power, w.power.sum(axis=1, keepdims=True))
    logarithm = np.log2(p, out=np.zeros_like(p), where=p > 0)
    return np.asarray(-np.sum(p * logarithm, axis=1) / np.log2(p.shape[1]))


def spectral_peakiness(w: Windows) -> Floats:
    """max P / mean P: the crest of the spectrum (ISO/IEC 15938-4, spectrum flatness and crest)."""
    return ratio(w.power.max(axis=1), w.power.mean(axis=1))


def band_power(w: Windows, band: int) -> Floats:
    """Share of ΣP in one of 8 equal bands between 0 Hz and half the sample rate."""
    edges = np.linspace(0, w.frequencies.size, BANDS + 1).astype(int)
    return ratio(w.power[:, edges[band] : edges[band + 1]].sum(axis=1), w.power.sum(axis=1))


def harmonic_amplitude(w: Windows, order: float) -> Floats:
    """Amplitude at a multiple of the rotation frequency, `(n,)`: the Fourier transform under a Hann window at just
    that frequency, so that no bin needs to lie there."""
    if w.condition.shaft_hz is None:
        raise ValueError("the speed is unknown")
    length = w.condition.window
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    turns = order * w.condition.shaft_hz * np.arange(length) / w.condition.sample_rate_hz
    return np.asarray(2 * np.abs(w.x @ (hann * np.exp(-2j * np.pi * turns))) / hann.sum())


def ratio_2x_1x(w: Windows) -> Floats:
    """Amplitude at 2× over that at 1× the rotation frequency: raised by misalignment (ISO 13373-3)."""
    return ratio(harmonic_amplitude(w, 2), harmonic_amplitude(w, 1))


def ratio_3x_1x(w: Windows) -> Floats:
    """Amplitude at 3× over that at 1× the rotation frequency (ISO 13373-3)."""
    return ratio(harmonic_amplitude(w, 3), harmonic_amplitude(w, 1))


def _needs_turns(order: float) -> Callable[[Condition], str | None]:
    def absence(condition: Condition) -> str | None:
        turns = condition.cycles(1.0)
        if condition.shaft_hz is None or turns is None:
            return condition.no_speed
        if turns < MIN_TURNS:
            return f"a window holds {turns:.1f} turns of the shaft, {MIN_TURNS:g} are needed to part its harmonics"
        if order * condition.shaft_hz >= condition.bandwidth_hz:
            return f"{order:g}× the rotation frequency lies above the signal's band"
        return None

    return absence


def _band(band: int) -> Callable[[Windows], Floats]:
    compute = partial(band_power, band=band)
    compute.__doc__ = band_power.__doc__
    return compute


FREQUENCY = (
    Feature("dominant_frequency", "frequency", "Hz", dominant_frequency),
    Feature("spectral_power", "frequency", "signal²", spectral_power),
    Feature("spectral_centroid", "frequency", "Hz", spectral_centroid),
    Feature("spectral_spread", "frequency", "Hz", spectral_spread),
    Feature("spectral_entropy", "frequency", "1", spectral_entropy),
    Feature("spectral_peakiness", "frequency", "1", spectral_peakiness),
    *(Feature(f"band_power_{band}", "frequency", "1", _band(band)) for band in range(BANDS)),
    Feature("ratio_2x_1x", "frequency", "1", ratio_2x_1x, _needs_turns(2), needs_speed=True),
    Feature("ratio_3x_1x", "frequency", "1", ratio_3x_1x, _needs_turns(3), needs_speed=True),
)
