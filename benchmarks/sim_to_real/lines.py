"""What a window is described by: how far the lines of each fault stand out in several envelope spectra."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from scipy import signal as sps

from pfd_plugin_data import fault_orders

RATE_HZ = 12_000.0
SAMPLES = 12_000
"""A window: one second at 12 kHz, to which all recordings are brought."""

FULL, BANDS = (500.0, 5500.0), ((500.0, 2000.0), (1500.0, 3500.0), (3000.0, 5500.0))
"""Bands that are demodulated, Hz: the whole behind whitening, and its parts as they are."""

SLIP = 0.015
"""Rolling elements slip 1 to 2 %, so a line is looked for that far to each side."""

SPIKES = 0.998
"""The share of an envelope that is kept as it is: what stands out of it is cut, so that no single knock is all."""

Floats = npt.NDArray[np.float64]


def _sections(band: tuple[float, float]) -> Floats:
    return np.asarray(sps.butter(4, band, "bandpass", fs=RATE_HZ, output="sos"))


_FULL, _BANDS = _sections(FULL), [_sections(band) for band in BANDS]
_FREQUENCIES = np.fft.rfftfreq(2 * SAMPLES, 1 / RATE_HZ)


def envelope_spectra(x: Floats) -> Floats:
    """Five amplitude spectra of the squared envelope of `x`, `(samples,)`: `(5, frequencies)`.

    Two of the whole band behind whitening (of each bin, which is cepstrum prewhitening: Sawalhi and Randall, 2011; and
    of the smoothed spectrum), three of its parts.
    """
    spectrum = np.fft.rfft(x - x.mean())
    size = np.abs(spectrum)
    smooth = np.convolve(size, np.full(51, 1 / 51), "same")
    tiny = 1e-12 * (size.max() + 1e-300)
    filtered = [sps.sosfiltfilt(_FULL, np.fft.irfft(spectrum / (by + tiny), len(x))) for by in (size, smooth)]
    filtered += [sps.sosfiltfilt(sections, x) for sections in _BANDS]
    found = []
    for band in filtered:
        envelope = np.abs(sps.hilbert(band)) ** 2
        envelope = np.minimum(envelope, np.quantile(envelope, SPIKES))
        envelope -= envelope.mean()
        found.append(np.abs(np.fft.rfft(envelope * np.hanning(len(x)), 2 * len(x))))
    return np.array(found)


def _families(geometry: Mapping[str, float]) -> list[list[float]]:
    """The orders of the lines of each fault: outer race, inner race and its sidebands, ball and its, and the others."""
    at = fault_orders(geometry)
    outer, inner, ball, cage = at["bpfo"], at["bpfi"], 2 * at["bsf"], at["ftf"]
    return [
        [k * outer for k in (1, 2, 3, 4)],
        [k * inner for k in (1, 2, 3)],
        [k * inner + side for k in (1, 2) for side in (-1.0, 1.0)],
        [k * ball for k in (1, 2, 3)],
        [k * ball + side for k in (1, 2) for side in (-cage, cage)],
        [ball / 2, cage, 2 * cage, 1.0, 2.0],
    ]


def _prominence(spectra: Floats, at_hz: float, shaft_hz: float) -> Floats:
    """Log of the largest value near a line over the median around it, in each spectrum."""
    reach = max(SLIP * at_hz, 1.0)
    off = np.abs(_FREQUENCIES - at_hz)
    around = (off <= max(0.6 * shaft_hz, 6 * reach)) & (off > reach + 1.5)
    return np.asarray(np.log(spectra[:, off <= reach].max(axis=1) / np.median(spectra[:, around], axis=1)))


def describe(x: Floats, rpm: float, geometry: Mapping[str, float]) -> Floats:
    """The features of a window `(samples,)`: each line's prominence, the largest and the mean of all spectra; the mean
    of each fault's lines, in the spectrum where it is largest and over all; and how these differ between faults."""
    spectra = envelope_spectra(x)
    shaft_hz = rpm / 60
    families = [
        np.array([_prominence(spectra, order * shaft_hz, shaft_hz) for order in orders])
        for orders in _families(geometry)
    ]
    lines = np.concatenate(families)
    means = np.array([family.mean(axis=0) for family in families[:5]])
    best, mean = means.max(axis=1), means.mean(axis=1)
    pairs = ((0, 1), (0, 3), (1, 3))
    differences = [kind[a] - kind[b] for kind in (best, mean) for a, b in pairs]
    kurtosis = np.log(np.mean((x - x.mean()) ** 4) / np.var(x) ** 2)
    return np.concatenate([lines.max(axis=1), lines.mean(axis=1), best, mean, differences, [kurtosis]])
