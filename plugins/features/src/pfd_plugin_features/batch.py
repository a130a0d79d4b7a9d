"""Windows of one recording, and what their features are computed from.

All features work on a batch `(n, window)` at once.  What several of them need (the spectrum, the envelope) is computed
once a batch, on first use.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
from scipy import fft

from pfd_plugin_features.condition import Condition

Floats = npt.NDArray[np.floating[Any]]

T = TypeVar("T")

HANN_BANDWIDTH = 1.5
"""Equivalent noise bandwidth of the Hann window in bins (Harris 1978, table 1)."""


class Windows:
    """A batch of windows `(n, window)` of one recording, in the signal's own unit."""

    def __init__(self, x: Floats, condition: Condition) -> None:
        if x.ndim != 2 or x.shape[1] != condition.window:
            raise ValueError(f"windows have shape {x.shape}, expected (n, {condition.window})")
        self.condition = condition
        # An offset of the sensor is not vibration: it would swamp every moment and the low end of the spectrum.
        self.given = x
        self.x = x.astype(np.float64)
        self.offset = self.x.mean(axis=1, keepdims=True)
        self.x -= self.offset
        self._made: dict[Callable[[Windows], Any], Any] = {}

    def once(self, make: Callable[[Windows], T]) -> T:
        """What `make` gives for this batch, computed on first use: for what several features of one domain share."""
        if make not in self._made:
            self._made[make] = make(self)
        return cast("T", self._made[make])

    @cached_property
    def square(self) -> Floats:
        """x², `(n, window)`."""
        return np.square(self.x)

    @cached_property
    def magnitude(self) -> Floats:
        """|x|, `(n, window)`."""
        return np.abs(self.x)

    @cached_property
    def peak(self) -> Floats:
        """max |x|, `(n,)`."""
        return np.asarray(self.magnitude.max(axis=1))

    @cached_property
    def rms(self) -> Floats:
        """√(mean x²), `(n,)`."""
        return np.asarray(np.sqrt(np.mean(self.square, axis=1)))

    @cached_property
    def frequencies(self) -> Floats:
        """Frequencies of the spectrum in Hz, `(window // 2 + 1,)`."""
        return np.asarray(fft.rfftfreq(self.condition.window, 1 / self.condition.sample_rate_hz))

    @cached_property
    def power(self) -> Floats:
        """One-sided power of each bin under a Hann window, `(n, bins)`; its sum is the mean square of the signal.

        The periodogram of Welch's method with one segment, times the width of a bin (`scipy.signal.periodogram`,
        `window="hann"`, `scaling="density"`).
        """
        return _power(self.x)

    @cached_property
    def analytic_magnitude(self) -> Floats:
        """Envelope of the band `Condition.envelope_band_hz`, `(n, window)`: the magnitude of its analytic signal.

        The band is cut in the frequency domain, so that filter and Hilbert transform are one step (Randall & Antoni,
        Rolling element bearing diagnostics: a tutorial, MSSP 25, 2011, section 4.2).
        """
        band = self.condition.envelope_band_hz
        if band is None:
            raise ValueError("the signal's band leaves no room for an envelope")
        length = self.condition.window
        frequencies = fft.fftfreq(length, 1 / self.condition.sample_rate_hz)
        gain = np.where((frequencies >= band[0]) & (frequencies <= band[1]), 2.0, 0.0)
        return np.asarray(np.abs(fft.ifft(fft.fft(self.x, axis=1) * gain, axis=1)))

    @cached_property
    def envelope(self) -> Floats:
        """The envelope about its mean, `(n, window)`."""
        magnitude = self.analytic_magnitude
        return np.asarray(magnitude - magnitude.mean(axis=1, keepdims=True))

    @cached_property
    def envelope_power(self) -> Floats:
        """Power of each bin of the envelope spectrum, `(n, bins)`, as in `power`."""
        return _power(self.envelope)


def _power(x: Floats) -> Floats:
    length = x.shape[1]
    # The periodic Hann window, as scipy's periodogram uses.
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    spectrum = fft.rfft(x * hann, axis=1)
    power = spectrum.real**2
    power += spectrum.imag**2
    power *= 2.0 / (length * np.sum(hann**2))
    power[:, 0] /= 2.0
    if length % 2 == 0:
        power[:, -1] /= 2.0
    return np.asarray(power)


def ratio(above: Floats, below: Floats) -> Floats:
    """above / below; 0 where `below` is 0, so that a window without that component has a defined value."""
    return np.divide(above, below, out=np.zeros(np.broadcast_shapes(above.shape, below.shape)), where=below > 0)
