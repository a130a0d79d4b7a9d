"""Spectra of one signal, for looking at: power density, envelope spectrum, spectrogram."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import signal as sps

from pfd import DataError

Floats = npt.NDArray[np.float64]

BAND = (0.10, 0.45)
"""The band whose envelope is taken unless another is named, in parts of the sample rate: above the shaft's harmonics
and below the fall of the anti-alias filter."""


def power_density(x: Floats, rate_hz: float) -> tuple[Floats, Floats]:
    """Frequencies in Hz and the one-sided power spectral density, unit²/Hz (Welch, IEEE Trans. AU-15, 1967).

    Hann windows of 4096 samples or of the whole where it is shorter, half overlapping, the mean taken out.
    """
    frequencies, density = sps.welch(x, rate_hz, nperseg=min(4096, x.size))
    return np.asarray(frequencies, np.float64), np.asarray(density, np.float64)


def amplitude_spectrum(x: Floats, rate_hz: float, resolution_hz: float) -> tuple[Floats, Floats]:
    """Frequencies in Hz and the amplitudes of sines, in the unit of `x` (Welch, IEEE Trans. AU-15, 1967).

    Hann windows, half overlapping and the mean taken out, so long that lines lie `resolution_hz` apart or closer, or of
    the whole where it is shorter.
    """
    length = min(x.size, int(np.ceil(rate_hz / resolution_hz)))
    frequencies, power = sps.welch(x, rate_hz, nperseg=length, scaling="spectrum")
    return np.asarray(frequencies, np.float64), np.sqrt(2 * np.asarray(power, np.float64))


def default_band(rate_hz: float) -> tuple[float, float]:
    """`BAND` in Hz."""
    return BAND[0] * rate_hz, BAND[1] * rate_hz


def envelope_spectrum(x: Floats, rate_hz: float, band_hz: tuple[float, float]) -> tuple[Floats, Floats]:
    """Frequencies in Hz and amplitudes of the envelope of a band, without its mean (Randall and Antoni, MSSP 25, 2011).

    The band is cut out of the spectrum as an analytic signal, whose magnitude is the envelope.  Amplitudes are those of
    sines, in the unit of `x`; Hann window.

    Raises
    ------
    DataError : a band that does not lie between 0 and half the rate, or holds no line of so short a signal.
    """
    low, high = band_hz
    if not 0 <= low < high <= rate_hz / 2:
        raise DataError(f"a band from {low:g} to {high:g} Hz does not lie between 0 and {rate_hz / 2:g} Hz, in order")
    spectrum = np.fft.fft(x)
    lines = np.fft.fftfreq(x.size, 1 / rate_hz)
    # Never the line at 0: how far from zero a signal lies is no part of what goes up and down.
    inside = (lines >= low) & (lines <= high) & (lines > 0)
    if not inside.any():
        raise DataError(
            f"{x.size} samples are too few for a band from {low:g} to {high:g} Hz", hint="take a longer part"
        )
    envelope = np.abs(np.fft.ifft(np.where(inside, 2 * spectrum, 0)))
    window = sps.get_window("hann", x.size)
    amplitudes = 2 * np.abs(np.fft.rfft((envelope - envelope.mean()) * window)) / window.sum()
    return np.asarray(np.fft.rfftfreq(x.size, 1 / rate_hz), np.float64), np.asarray(amplitudes, np.float64)


def spectrogram(x: Floats, rate_hz: float) -> tuple[Floats, Floats, Floats]:
    """Frequencies in Hz, times in s and power density `(frequencies, times)`, unit²/Hz; about 400 times at most."""
    length = min(512, x.size)
    hop = max(length // 4, x.size // 400)
    frequencies, times, density = sps.spectrogram(x, rate_hz, "hann", length, max(0, length - hop))
    if hop > length:  # `spectrogram` knows no gaps between windows: leave windows out
        keep = slice(None, None, max(1, round(hop / length)))
        times, density = times[keep], density[:, keep]
    return frequencies, times, density
