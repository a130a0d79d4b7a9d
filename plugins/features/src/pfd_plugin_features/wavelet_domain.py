"""Features of the discrete wavelet transform (Daubechies 4, 5 levels), and of the cepstrum.

Level k of a signal at rate fs holds about fs/2ᵏ⁺¹ to fs/2ᵏ: d1 is the upper half of the band, a5 its lowest
32nd (Mallat, IEEE PAMI 11, 1989).  The filter has 4 vanishing moments, 8 taps: "db4" of PyWavelets.  Below, c are the
coefficients of one level.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pywt
from scipy import fft

from pfd_plugin_features.batch import Floats, Windows, ratio
from pfd_plugin_features.condition import Condition
from pfd_plugin_features.feature import Feature

WAVELET = "db4"
LEVELS = 5
DETAILS = tuple(f"d{level}" for level in range(LEVELS, 0, -1))
BANDS = (f"a{LEVELS}", *DETAILS)
"""Lowest band first, as `pywt.wavedec` gives them."""

FLOOR = 1e-12
"""Of the largest power of a spectrum, what smaller ones are raised to: the logarithm of 0 is not a cepstrum."""

FIRST_QUEFRENCY_BINS = 10
"""Quefrencies below hold the shape of the whole spectrum, not the distance of its lines."""


def wavelet_ratio(w: Windows, band: int) -> Floats:
    """Σc² of one band over that of all bands: how the energy is shared."""
    energies = w.once(_energies)
    return ratio(energies[:, band], energies.sum(axis=1))


def wavelet_energy(w: Windows, band: int) -> Floats:
    """Σc²/N of one band of detail: the part of the mean square that lies there."""
    return np.asarray(w.once(_energies)[:, band] / w.condition.window)


def wavelet_kurtosis(w: Windows, band: int) -> Floats:
    """Σc⁴/n / (Σc²/n)² of one band of detail: 3 for Gaussian noise, more with impacts whose ringing lies there."""
    square = np.square(w.once(_coefficients)[band])
    return ratio(np.mean(np.square(square), axis=1), np.mean(square, axis=1) ** 2)


def wavelet_entropy(w: Windows) -> Floats:
    """−Σp·ln p / ln 6 with p the share of each band: 0 where one band holds all (Rosso et al. 2001)."""
    energies = w.once(_energies)
    p = ratio(energies, energies.sum(axis=1, keepdims=True))
    logarithm = np.log(p, out=np.zeros_like(p), where=p > 0)
    return np.asarray(-np.sum(p * logarithm, axis=1) / np.log(len(BANDS)))


def cepstral_peak(w: Windows) -> Floats:
    """The largest |cepstrum| from the tenth quefrency on: high where lines of the spectrum stand at equal distances.

    The real cepstrum is the inverse Fourier transform of ln P, with P the power under a Hann window (Bogert, Healy &
    Tukey 1963; Randall 2017).
    """
    return np.asarray(w.once(_rahmonics).max(axis=1))


def cepstral_peak_quefrency(w: Windows) -> Floats:
    """The quefrency of that peak: one over the distance of the lines, as of harmonics and sidebands."""
    place = FIRST_QUEFRENCY_BINS + np.argmax(w.once(_rahmonics), axis=1)
    return np.asarray(place / w.condition.sample_rate_hz)


def quefrency_centroid(w: Windows) -> Floats:
    """Σq|c| / Σ|c| of the real cepstrum c over the quefrencies q from the tenth on."""
    rahmonics = w.once(_rahmonics)
    quefrency = (FIRST_QUEFRENCY_BINS + np.arange(rahmonics.shape[1])) / w.condition.sample_rate_hz
    return ratio(rahmonics @ quefrency, rahmonics.sum(axis=1))


def _coefficients(w: Windows) -> list[Floats]:
    # Periodic extension keeps the energy: the bands sum to that of the window, wherever an impact lies.
    return list(pywt.wavedec(w.x, WAVELET, mode="periodization", level=LEVELS, axis=1))


def _energies(w: Windows) -> Floats:
    """Σc² of each band, `(n, 6)`."""
    return np.stack([np.einsum("ij,ij->i", band, band) for band in w.once(_coefficients)], axis=1)


def _rahmonics(w: Windows) -> Floats:
    """|cepstrum| from the tenth quefrency to half the window, `(n, q)`."""
    power = np.maximum(w.power, FLOOR * w.power.max(axis=1, keepdims=True))
    # Windows that are 0 throughout have no logarithm; they are not usable, and must not warn either.
    logarithm = np.log(power, out=np.zeros_like(power), where=power > 0)
    cepstrum = fft.irfft(logarithm, w.condition.window, axis=1)
    return np.asarray(np.abs(cepstrum[:, FIRST_QUEFRENCY_BINS : w.condition.window // 2]))


def _of(function: Callable[[Windows, int], Floats], band: int) -> Callable[[Windows], Floats]:
    def compute(w: Windows) -> Floats:
        return function(w, band)

    compute.__doc__ = function.__doc__
    return compute


def _deep_enough(condition: Condition) -> str | None:
    reach = pywt.dwt_max_level(condition.window, pywt.Wavelet(WAVELET).dec_len)
    if reach < LEVELS:
        return (
            f"a window of {condition.window} samples is too short for {LEVELS} levels of {WAVELET}, it allows {reach}"
        )
    return None


WAVELETS = (
    *(
        Feature(f"wavelet_ratio_{name}", "wavelet", "1", _of(wavelet_ratio, band), _deep_enough)
        for band, name in enumerate(BANDS)
    ),
    *(
        Feature(f"wavelet_energy_{name}", "wavelet", "signal²", _of(wavelet_energy, 1 + band), _deep_enough)
        for band, name in enumerate(DETAILS)
    ),
    *(
        Feature(f"wavelet_kurtosis_{name}", "wavelet", "1", _of(wavelet_kurtosis, 1 + band), _deep_enough)
        for band, name in enumerate(DETAILS)
    ),
    Feature("wavelet_entropy", "wavelet", "1", wavelet_entropy, _deep_enough),
    Feature("cepstral_peak", "wavelet", "1", cepstral_peak),
    Feature("cepstral_peak_quefrency", "wavelet", "s", cepstral_peak_quefrency),
    Feature("quefrency_centroid", "wavelet", "s", quefrency_centroid),
)
