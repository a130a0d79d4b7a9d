"""Order tracking: the window at equal angles of the shaft, and its spectrum over orders.

A window's speed is one number, so the angle grows evenly with time (computed order tracking, Fyfe & Munck 1997, at
constant speed): that of its recording or, where this changes, its own mean.  What changes within a window smears its
orders.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from pfd_plugin_features.batch import Floats, Windows, ratio
from pfd_plugin_features.condition import Condition
from pfd_plugin_features.feature import Feature
from pfd_plugin_features.frequency_domain import harmonic_amplitude

MIN_TURNS = 4
"""Whole turns in a window: the average over fewer leaves too much of what does not turn with the shaft."""

ORDERS = {"half": 0.5, "1x": 1.0, "2x": 2.0, "3x": 3.0}
"""Half orders tell of looseness, 1× of imbalance, 2× and 3× of misalignment (ISO 13373-3)."""


def order_amplitude(w: Windows, order: float) -> Floats:
    """Amplitude at a multiple of the rotation frequency: the Fourier transform at just that order, under Hann."""
    return harmonic_amplitude(w, order)


def order_synchronous_share(w: Windows) -> Floats:
    """Power of the synchronous average over that of the signal, less what noise leaves in an average of so many turns.

    1 where all turns are alike, about 0 for what has nothing to do with the shaft (McFadden 1987 for the average).
    """
    turns = w.once(_turns)
    count = turns.shape[1]
    average = np.mean(np.square(turns.mean(axis=1)), axis=1)
    total = np.mean(np.square(turns), axis=(1, 2))
    # Noise of power P leaves P/count in the average.
    return np.asarray((count * ratio(average, total) - 1) / (count - 1))


def order_dominant(w: Windows) -> Floats:
    """The order of the largest line of the order spectrum, of those from half an order on."""
    turns = w.once(_turns)
    count, points = turns.shape[1:]
    signal = turns.reshape(len(turns), count * points)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(signal.shape[1]) / signal.shape[1])
    magnitude = np.abs(np.fft.rfft((signal - signal.mean(axis=1, keepdims=True)) * hann, axis=1))
    # Bins are 1/count orders apart.
    first = -(-count // 2)
    return np.asarray((first + np.argmax(magnitude[:, first:], axis=1)) / count)


def at_angles(x: Floats, places: Floats) -> Floats:
    """Windows `(n, window)` at fractional sample numbers `places`, `(n, places)`: the cubic of the 4 samples around.

    Keys, IEEE Trans. ASSP 29 (1981), a = −1/2: the error grows with the third power of frequency over the sample rate.
    """
    below = np.clip(np.floor(places).astype(np.intp), 1, x.shape[1] - 3)
    t = places - below
    return np.asarray(
        x[:, below - 1] * (-0.5 * t + t**2 - 0.5 * t**3)
        + x[:, below] * (1 - 2.5 * t**2 + 1.5 * t**3)
        + x[:, below + 1] * (0.5 * t + 2 * t**2 - 1.5 * t**3)
        + x[:, below + 2] * (-0.5 * t**2 + 0.5 * t**3)
    )


def _turns(w: Windows) -> Floats:
    """The window's whole turns at equal angles, `(n, turns, points)`, at no lower rate than it was sampled at."""
    shaft_hz = w.condition.shaft_hz
    if shaft_hz is None:
        raise ValueError("the speed is unknown")
    samples = w.condition.sample_rate_hz / shaft_hz
    points = int(np.ceil(samples))
    # The cubic needs a sample before and two after.
    count = int((w.condition.window - 3) / samples)
    places = 1.0 + np.arange(count * points) * (samples / points)
    return at_angles(w.x, places).reshape(len(w.x), count, points)


def _of(order: float) -> Callable[[Windows], Floats]:
    compute = partial(order_amplitude, order=order)
    compute.__doc__ = order_amplitude.__doc__
    return compute


def _turns_enough(condition: Condition, order: float = 0.0) -> str | None:
    turns = condition.cycles(1.0)
    if condition.shaft_hz is None or turns is None:
        return condition.no_speed
    held = (condition.window - 3) / condition.window * turns
    if held < MIN_TURNS:
        return f"a window holds {held:.1f} turns of the shaft, {MIN_TURNS} are needed for its orders"
    if order * condition.shaft_hz >= condition.bandwidth_hz:
        return f"{order:g}× the rotation frequency lies above the signal's band"
    return None


ORDER_TRACKING = (
    *(
        Feature(
            f"order_{name}", "advanced", "signal", _of(order), partial(_turns_enough, order=order), needs_speed=True
        )
        for name, order in ORDERS.items()
    ),
    Feature("order_synchronous_share", "advanced", "1", order_synchronous_share, _turns_enough, needs_speed=True),
    Feature("order_dominant", "advanced", "1", order_dominant, _turns_enough, needs_speed=True),
)
