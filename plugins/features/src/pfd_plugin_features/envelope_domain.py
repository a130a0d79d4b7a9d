"""Features of the envelope: how strongly, and how often, the bearing's resonances are struck.

Where speed and geometry are known, the envelope spectrum is read at the fault lines that kinematics predicts (Randall &
Antoni, MSSP 25, 2011).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from pfd_plugin_features.batch import Floats, Windows, ratio
from pfd_plugin_features.condition import Condition
from pfd_plugin_features.feature import Feature

LINES = ("bpfo", "bpfi", "2bsf", "ftf")
"""Fault lines by name; a spall on a rolling element meets both races, so it shows at twice BSF."""

MIN_CYCLES = 3.0
"""Periods of a line that a window must hold: nearer to 0 Hz it runs into what the envelope's mean leaves behind."""

SLIP = 0.02
"""Rolling elements slip 1 to 2 %, so a line is looked for that far to each side."""


def line_orders(fault_orders: Mapping[str, float]) -> dict[str, float]:
    """The lines of `LINES` from the characteristic orders `bpfo`, `bpfi`, `bsf` and `ftf`."""
    return {
        "bpfo": fault_orders["bpfo"],
        "bpfi": fault_orders["bpfi"],
        "2bsf": 2 * fault_orders["bsf"],
        "ftf": fault_orders["ftf"],
    }


def envelope_rms(w: Windows) -> Floats:
    """√(Σa²/N) of the envelope a of the band: its strength, mean included."""
    return np.asarray(np.sqrt(np.mean(w.analytic_magnitude**2, axis=1)))


def envelope_kurtosis(w: Windows) -> Floats:
    """Σe⁴/N / (Σe²/N)² of the envelope e about its mean: large where single impacts stand out."""
    square = np.square(w.envelope)
    return ratio(np.mean(np.square(square), axis=1), np.mean(square, axis=1) ** 2)


def envelope_peak(w: Windows) -> Floats:
    """max a."""
    return np.asarray(w.analytic_magnitude.max(axis=1))


def envelope_depth(w: Windows) -> Floats:
    """√(Σe²/N) / mean a: how deeply the band is modulated; 0.523 for Gaussian noise, whose envelope is Rayleigh's."""
    return ratio(np.sqrt(np.mean(w.envelope**2, axis=1)), w.analytic_magnitude.mean(axis=1))


def envelope_modulation_frequency(w: Windows) -> Floats:
    """The frequency of the largest line of the envelope spectrum, of those with 3 periods or more in a window."""
    first = int(MIN_CYCLES)
    return np.asarray(w.frequencies[first + np.argmax(w.envelope_power[:, first:], axis=1)])


def line_prominence(w: Windows, order: float) -> Floats:
    """Largest amplitude of the envelope spectrum within 2 % (or one bin) of a fault line, over the median around it:
    large where the bearing has that fault.

    The median runs from half to one and a half times the line's frequency (8 bins to each side at least).  It is the
    floor that the line stands on, so a strong signal alone does not raise the value.
    """
    shaft_hz = w.condition.shaft_hz
    if shaft_hz is None:
        raise ValueError("the speed is unknown")
    line = order * shaft_hz * w.condition.window / w.condition.sample_rate_hz  # in bins
    reach = max(SLIP * line, 1.0)
    bins = np.arange(w.frequencies.size)
    near = np.abs(bins - line) <= reach
    floor = (np.abs(bins - line) <= max(line / 2, 8.0)) & (bins >= 2) & ~near
    amplitude = np.sqrt(w.envelope_power)
    return ratio(amplitude[:, near].max(axis=1), np.median(amplitude[:, floor], axis=1))


def _prominence_of(name: str) -> Callable[[Windows], Floats]:
    def compute(w: Windows) -> Floats:
        return line_prominence(w, w.condition.orders[name])

    compute.__doc__ = line_prominence.__doc__
    return compute


def _band_left(condition: Condition) -> str | None:
    if condition.envelope_band_hz is None:
        return f"a signal up to {condition.bandwidth_hz:g} Hz leaves no band whose envelope could show impacts"
    return None


def _line_resolved(condition: Condition, name: str) -> str | None:
    if (reason := _band_left(condition)) is not None:
        return reason
    if condition.shaft_hz is None:
        return condition.no_speed
    if name not in condition.orders:
        return "the bearing's geometry is unknown"
    cycles = condition.cycles(condition.orders[name])
    if cycles is None or cycles < MIN_CYCLES:
        return f"a window holds {cycles or 0:.1f} periods of the line, {MIN_CYCLES:g} are needed"
    if 1.5 * condition.orders[name] * condition.shaft_hz >= condition.sample_rate_hz / 2:
        return "the line lies too near to half the sample rate"
    return None


ENVELOPE = (
    Feature("envelope_rms", "envelope", "signal", envelope_rms, _band_left),
    Feature("envelope_kurtosis", "envelope", "1", envelope_kurtosis, _band_left),
    Feature("envelope_peak", "envelope", "signal", envelope_peak, _band_left),
    Feature("envelope_depth", "envelope", "1", envelope_depth, _band_left),
    Feature("envelope_modulation_frequency", "envelope", "Hz", envelope_modulation_frequency, _band_left),
    *(
        Feature(
            f"envelope_{name}",
            "envelope",
            "1",
            _prominence_of(name),
            partial(_line_resolved, name=name),
            needs_speed=True,
        )
        for name in LINES
    ),
)
