"""Features of the bispectrum: components at f1, f2 and f1 + f2 whose phases belong together.

A linear machine that is driven by noise has none; a loose or rubbing one couples them.  Direct estimate (Nikias &
Petropulu, Higher-order spectra analysis, 1993, 4.3): segments of a window, overlapping by half, under a Hann window,
B(f1, f2) = mean over segments of X(f1)·X(f2)·X*(f1 + f2), on the triangle 0 < f2 ≤ f1, f1 + f2 ≤ half the sample rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft

from pfd_plugin_features.batch import Floats, Windows, ratio
from pfd_plugin_features.condition import Condition
from pfd_plugin_features.feature import Feature

SEGMENT = 128
"""Samples a segment: its 1,024 pairs of frequencies from 31 segments of a 2,048-sample window."""

FEWEST_SEGMENTS = 8
"""The bicoherence of noise is about one over their number, so of fewer nothing could be told."""


def bispectrum_peak(w: Windows) -> Floats:
    """max |B|."""
    return np.asarray(w.once(_estimate).magnitude.max(axis=1))


def bispectrum_mean(w: Windows) -> Floats:
    """Mean |B| over the triangle."""
    return np.asarray(w.once(_estimate).magnitude.mean(axis=1))


def bispectrum_entropy(w: Windows) -> Floats:
    """−Σp·ln p / ln(pairs) with p = |B|/Σ|B|: low where few pairs are coupled (Chua et al. 2010)."""
    magnitude = w.once(_estimate).magnitude
    p = ratio(magnitude, magnitude.sum(axis=1, keepdims=True))
    logarithm = np.log(p, out=np.zeros_like(p), where=p > 0)
    return np.asarray(-np.sum(p * logarithm, axis=1) / np.log(p.shape[1]))


def phase_coupling(w: Windows) -> Floats:
    """Largest squared bicoherence |B|² / (mean |X(f1)X(f2)|² · mean |X(f1 + f2)|²) (Kim & Powers 1979).

    1 where the phases belong together in all segments.
    """
    return np.asarray(w.once(_estimate).bicoherence.max(axis=1))


def nonlinearity(w: Windows) -> Floats:
    """Σ|B|² / Σ(mean |X(f1)X(f2)|² · mean |X(f1 + f2)|²) over the triangle: the bicoherence weighted by energy.

    About one over the number of segments for Gaussian noise, whatever its spectrum, as for any linear process with
    Gaussian input (Hinich 1982); towards 1 where the strong components are coupled.
    """
    return w.once(_estimate).weighted


@dataclass(frozen=True)
class _Bispectrum:
    """`magnitude` |B| and squared `bicoherence`, `(n, pairs)` each; the bicoherence `weighted` by energy, `(n,)`."""

    magnitude: Floats
    bicoherence: Floats
    weighted: Floats


@cache
def _pairs() -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Bins f1 and f2 of the triangle; 0 Hz is left out, where a segment's own mean would lie."""
    first, second = np.triu_indices(SEGMENT // 2 + 1)
    inside = (first > 0) & (first + second <= SEGMENT // 2)
    return second[inside], first[inside]


def _estimate(w: Windows) -> _Bispectrum:
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(SEGMENT) / SEGMENT)
    segments = np.lib.stride_tricks.sliding_window_view(w.x, SEGMENT, axis=1)[:, :: SEGMENT // 2]
    spectra = fft.rfft(segments * hann, axis=2) * (2 / hann.sum())
    high, low = _pairs()
    total = np.zeros((len(w.x), high.size), dtype=np.complex128)
    of_pair = np.zeros((len(w.x), high.size))
    of_sum = np.zeros((len(w.x), high.size))
    # Over segments, never over windows: all pairs of all segments at once would not fit the cache.
    for index in range(spectra.shape[1]):
        one: npt.NDArray[np.complexfloating[Any, Any]] = spectra[:, index]
        power = one.real**2 + one.imag**2
        total += one[:, high] * one[:, low] * one.conj()[:, high + low]
        of_pair += power[:, high] * power[:, low]
        of_sum += power[:, high + low]
    square = total.real**2 + total.imag**2
    scale = of_pair * of_sum
    return _Bispectrum(
        magnitude=np.sqrt(square) / spectra.shape[1],
        bicoherence=ratio(square, scale),
        weighted=ratio(square.sum(axis=1), scale.sum(axis=1)),
    )


def _enough(condition: Condition) -> str | None:
    shortest = SEGMENT * (FEWEST_SEGMENTS + 1) // 2
    if condition.window < shortest:
        return f"a window of {condition.window} samples is too short for a bispectrum, {shortest} are needed"
    return None


BISPECTRUM = (
    Feature("bispectrum_peak", "bispectrum", "signal³", bispectrum_peak, _enough),
    Feature("bispectrum_mean", "bispectrum", "signal³", bispectrum_mean, _enough),
    Feature("bispectrum_entropy", "bispectrum", "1", bispectrum_entropy, _enough),
    Feature("phase_coupling", "bispectrum", "1", phase_coupling, _enough),
    Feature("nonlinearity", "bispectrum", "1", nonlinearity, _enough),
)
