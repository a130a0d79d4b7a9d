"""Windows of one recording, and what their features are computed from.

All features work on a batch `(n, window)` at once.  What several of them need (the spectrum, the envelope) is computed
once a batch, on first use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
from scipy import fft

Floats = npt.NDArray[np.floating[Any]]

T = TypeVar("T")

ENVELOPE_BAND_HZ = (500.0, 10_000.0)
"""Where impacts of rolling elements ring: the band of SKF's acceleration enveloper 3, for 250 to 5,000 rpm."""

HANN_BANDWIDTH = 1.5
"""Equivalent noise bandwidth of the Hann window in bins (Harris 1978, table 1)."""


@dataclass(frozen=True)
class Condition:
    """What is known of the recording that windows come from.

    Parameters
    ----------
    sample_rate_hz : of the windows, after resampling.
    window : samples a window.
    bandwidth_hz : upper end of what the signal holds; half the sample rate where no filter was applied.
    shaft_hz : rotation frequency; None where the speed is unknown.
    shaft_span_hz : the slowest and the fastest, where the speed changes within the recording; each window then has its
        own, and `shaft_hz` is the mean of all.
    no_speed : why the speed is unknown, where it is.
    orders : fault lines as multiples of the rotation frequency; empty where the geometry is unknown.
    """

    sample_rate_hz: float
    window: int
    bandwidth_hz: float
    shaft_hz: float | None = None
    shaft_span_hz: tuple[float, float] | None = None
    no_speed: str = "the speed is unknown"
    orders: Mapping[str, float] = field(default_factory=dict)

    @property
    def envelope_band_hz(self) -> tuple[float, float] | None:
        """The band whose envelope is taken, cut 10 % below the end of the signal's band; None where nothing is left."""
        low, high = ENVELOPE_BAND_HZ[0], min(ENVELOPE_BAND_HZ[1], 0.9 * self.bandwidth_hz)
        # Of a band narrower than 500 Hz the envelope could not follow the impacts.
        return (low, high) if high - low >= 500.0 else None

    @property
    def extremes(self) -> tuple[Condition, ...]:
        """The condition at the slowest and at the fastest speed; by itself where there is one speed or none."""
        return tuple(self.at(hz) for hz in self.shaft_span_hz) if self.shaft_span_hz else (self,)

    def at(self, shaft_hz: float) -> Condition:
        """The condition of a window at one speed."""
        return replace(self, shaft_hz=shaft_hz, shaft_span_hz=None)

    def cycles(self, order: float) -> float | None:
        """Periods of a shaft order in a window; None where the speed is unknown."""
        return None if self.shaft_hz is None else order * self.shaft_hz * self.window / self.sample_rate_hz


class Windows:
    """A batch of windows `(n, window)` of one recording, in the signal's own unit."""

    def __init__(self, x: Floats, condition: Condition) -> None:
        if x.ndim != 2 or x.shape[1] != condition.window:
            raise ValueError(f"windows have shape {x.shape}, expected (n, {condition.window})")
        self.condition = condition
        # An offset of the sensor is no vibration: it would swamp every moment and the low end of the spectrum.
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
