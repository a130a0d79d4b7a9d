"""Features of the waveform.  Below, x is the window about its mean, and N its length.

Shape, impulse, crest and clearance factor: Lei, He & Zi, Expert Systems with Applications 36 (2009), table 1.
"""

from __future__ import annotations

import numpy as np

from pfd_plugin_features.batch import Floats, Windows, ratio
from pfd_plugin_features.feature import Feature


def rms(w: Windows) -> Floats:
    """√(Σx²/N): the vibration's strength (ISO 20816-1)."""
    return w.rms


def peak(w: Windows) -> Floats:
    """max |x|."""
    return w.peak


def skewness(w: Windows) -> Floats:
    """Σx³/N / rms³: Fisher's third standardised moment, 0 for a symmetric waveform."""
    return ratio(np.mean(w.square * w.x, axis=1), w.rms**3)


def kurtosis(w: Windows) -> Floats:
    """Σx⁴/N / rms⁴: Pearson's fourth standardised moment, 3 for Gaussian noise, more with impacts (Dyer 1978)."""
    return ratio(np.mean(np.square(w.square), axis=1), w.rms**4)


def crest_factor(w: Windows) -> Floats:
    """max |x| / rms: √2 for a sine."""
    return ratio(w.peak, w.rms)


def shape_factor(w: Windows) -> Floats:
    """rms / (Σ|x|/N): π/(2√2) for a sine."""
    return ratio(w.rms, w.magnitude.mean(axis=1))


def impulse_factor(w: Windows) -> Floats:
    """max |x| / (Σ|x|/N): π/2 for a sine."""
    return ratio(w.peak, w.magnitude.mean(axis=1))


def clearance_factor(w: Windows) -> Floats:
    """max |x| / (Σ√|x|/N)²."""
    return ratio(w.peak, np.sqrt(w.magnitude).mean(axis=1) ** 2)


def zero_crossing_rate(w: Windows) -> Floats:
    """Sign changes a second: twice the frequency of a sine (Rice 1944 for noise)."""
    negative = np.signbit(w.x)
    changes = np.count_nonzero(negative[:, 1:] != negative[:, :-1], axis=1)
    return np.asarray(changes * (w.condition.sample_rate_hz / (w.condition.window - 1)))


TIME = (
    Feature("rms", "time", "signal", rms),
    Feature("peak", "time", "signal", peak),
    Feature("skewness", "time", "1", skewness),
    Feature("kurtosis", "time", "1", kurtosis),
    Feature("crest_factor", "time", "1", crest_factor),
    Feature("shape_factor", "time", "1", shape_factor),
    Feature("impulse_factor", "time", "1", impulse_factor),
    Feature("clearance_factor", "time", "1", clearance_factor),
    Feature("zero_crossing_rate", "time", "1/s", zero_crossing_rate),
)
