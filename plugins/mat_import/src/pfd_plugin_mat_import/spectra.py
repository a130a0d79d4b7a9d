"""The spectra of one channel of a recording, of its first seconds, so that an import costs little more than reading
and hashing."""

from __future__ import annotations

import functools
import math

import numpy as np
import numpy.typing as npt
import scipy.fft

Array = npt.NDArray[np.float32]
Spectrum = npt.NDArray[np.complex64]

_MOST = 2**16
_LOW_RATE = 24_000.0

FLOOR = 1e-3
"""The band of a signal ends where its power density has fallen to this share (-30 dB) of its median."""

_BANDS = 512

_TAPS = (0.35875, -0.244145, 0.07064, -0.00584)
"""A four-term Blackman-Harris window as it acts on a spectrum: what goes to a bin from itself and from its neighbours
(Harris, "On the use of windows for harmonic analysis with the discrete Fourier transform", Proc. IEEE 66, 1978).  Side
lobes are 92 dB down, so that none of a strong line is taken for a weak one."""


class ChannelSpectra:
    """Spectra of a channel `row`, float32 `(samples,)`, whose largest magnitude is `peak`; each is computed when it is
    first asked for."""

    def __init__(self, name: str, row: Array, peak: np.float32, rate_hz: float) -> None:
        self.name = name
        # Twice the samples at twice the rate: the resolution is to be that of a few seconds.
        most = min(2 ** math.ceil(math.log2(max(1.0, rate_hz / _LOW_RATE))), 64) * _MOST
        self.n = int(scipy.fft.prev_fast_len(min(row.size, most), real=True))
        self._row, self._peak = row, peak
        self._rate_hz = rate_hz

    @property
    def resolution_hz(self) -> float:
        return self._rate_hz / self.n

    @functools.cached_property
    def _spectrum(self) -> Spectrum:
        return self._of(self._row[: self.n])

    @functools.cached_property
    def _magnitude(self) -> Array:
        return np.abs(self._spectrum)

    def _of(self, row: Array) -> Spectrum:
        # Brought to one size: the square of a large number is infinite, and that of a small one nothing.
        row = row / self._peak
        row -= row.mean()
        found: Spectrum = scipy.fft.rfft(row)
        return found

    def signal(self, most_hz: float) -> Array:
        """Magnitudes of the signal's spectrum up to `most_hz`, or to three bins below half the rate."""
        return np.abs(_windowed(self._spectrum, self._bins(most_hz)))

    def power(self, most_hz: float) -> Array:
        """Power of the signal's spectrum, up to where `signal` goes, the mean of its first and its last seconds."""
        bins = self._bins(most_hz)
        power = np.abs(_windowed(self._spectrum, bins)) ** 2
        if self._row.size >= 1.5 * self.n:
            power = (power + np.abs(_windowed(self._of(self._row[-self.n :]), bins)) ** 2) / 2
        return power

    def envelope(self, most_hz: float) -> Array:
        """Magnitudes of the squared envelope spectrum up to `most_hz`, after cepstrum prewhitening, which
        sets all lines of the signal's own spectrum to one height and so needs no choice of a band (Borghesani et al.,
        "Application of cepstrum pre-whitening for the diagnosis of bearing faults under variable speed conditions",
        MSSP 36, 2013).

        The squared envelope's spectrum is the autocorrelation of the one-sided spectrum.  Of that only small lags are
        asked for, which a transform gives that is longer than the one-sided spectrum by as many bins.
        """
        bins = self._bins(most_hz)
        white = self._spectrum / np.maximum(self._magnitude, np.finfo(np.float32).tiny)
        white[[0, -1]] = 0  # the mean, and what is its own mirror image
        analytic = scipy.fft.ifft(white, scipy.fft.next_fast_len(white.size + bins), overwrite_x=True)
        power = analytic.real**2 + analytic.imag**2
        return np.abs(_windowed(scipy.fft.rfft(power - power.mean()), bins))

    def bandwidth_hz(self) -> float | None:
        """The frequency above which the power density stays below `FLOOR` of its median; None where it has none."""
        power = self._magnitude**2
        width = max(1, power.size // _BANDS)
        bands = power[: power.size // width * width].reshape(-1, width).mean(axis=1)
        above = np.flatnonzero(bands > FLOOR * np.median(bands))
        return float((above[-1] + 1) * width * self.resolution_hz) if above.size else None

    def _bins(self, most_hz: float) -> int:
        return min(math.ceil(most_hz / self.resolution_hz) + 1, self.n // 2 + 1)


def _windowed(spectrum: Spectrum, bins: int) -> Spectrum:
    """The first bins of a real signal's spectrum, as they would be had the signal been weighted by the window."""
    reach = len(_TAPS) - 1
    # Below zero, the spectrum of a real signal is its own mirror image; the last bins of all are of no interest.
    around = np.concatenate([spectrum[reach:0:-1].conj(), spectrum[: bins + reach]])
    bins = around.size - 2 * reach
    found: Spectrum = np.asarray(_TAPS[0] * around[reach : reach + bins], np.complex64)
    for distance, tap in enumerate(_TAPS[1:], start=1):
        found += tap * (
            around[reach - distance : reach - distance + bins] + around[reach + distance : reach + distance + bins]
        )
    return found
