"""What is known of the recording that windows come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

ENVELOPE_BAND_HZ = (500.0, 10_000.0)
"""Where impacts of rolling elements ring: the band of SKF's acceleration enveloper 3, for 250 to 5,000 rpm."""


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
