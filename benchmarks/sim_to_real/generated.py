"""Generated windows to learn from: bearings of many kinds, disturbed in ways that any machine may be."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from benchmarks.sim_to_real.lines import RATE_HZ, SAMPLES, Floats
from pfd_plugin_data import geometries as published
from pfd_plugin_data.simulators.rolling_element import draw_bearing, simulate
from pfd_plugin_data.simulators.speed import Shaft

FAULTS = ("inner_race", "outer_race", "ball")

GEOMETRIES: dict[str, Mapping[str, float]] = {
    name: {"n_balls": n, "ball_d_mm": ball, "pitch_d_mm": pitch, "contact_deg": contact}
    for name, (n, ball, pitch, contact, _) in published.GEOMETRIES.items()
}


def window(rng: np.random.Generator, fault: str) -> tuple[Floats, float, Mapping[str, float]]:
    """One window `(samples,)` of a bearing that was drawn for it, its speed in rev/min and its geometry."""
    geometry = GEOMETRIES[str(rng.choice(list(GEOMETRIES)))] if rng.random() < 0.7 else _any_geometry(rng)
    rpm = float(rng.uniform(900, 2400))
    bearing = draw_bearing(rng, fault, geometry, RATE_HZ)
    made = simulate(rng, bearing, Shaft(rpm / 60, RATE_HZ, SAMPLES), snr_db=float(rng.uniform(-15, 8)))
    x = made.impacts * _contact(rng, fault, rpm) + made.shaft + made.noise
    if rng.random() < 0.3:
        x += _loose_part(rng, rpm, float(made.noise.std()))
    return x, rpm, geometry


def _any_geometry(rng: np.random.Generator) -> Mapping[str, float]:
    n_balls, pitch = int(rng.integers(7, 13)), float(rng.uniform(33, 45))
    return {"n_balls": n_balls, "ball_d_mm": min(8.0, 0.95 * np.pi * pitch / n_balls), "pitch_d_mm": pitch} | {
        "contact_deg": 0.0
    }


def _contact(rng: np.random.Generator, fault: str, rpm: float) -> Floats:
    """How hard the defect is struck over the window, `(samples,)`.

    A ball turns about an axis of its own as well, so that its spall meets the races for part of the time only, which is
    why ball faults are seldom seen at 2 × BSF (Smith and Randall, MSSP 64, 2015).  The load of an outer race may have a
    part that turns with the shaft.
    """
    if fault == "ball":
        drift = _slow(rng, float(rng.uniform(1, 12))) - rng.uniform(-1.0, 1.5)
        return np.asarray(1 / (1 + np.exp(-4 * drift)))
    strength = np.exp(0.15 * _slow(rng, 3.0))
    if fault == "outer_race" and rng.random() < 0.5:
        turns = 2 * np.pi * rpm / 60 * np.arange(SAMPLES) / RATE_HZ
        strength *= 1 + rng.uniform(0, 0.6) * np.cos(turns + rng.uniform(0, 2 * np.pi))
    return np.asarray(strength)


def _slow(rng: np.random.Generator, hz: float) -> Floats:
    """A random course of about unit size with so many changes a second."""
    knots = int(SAMPLES / RATE_HZ * hz) + 4
    return np.asarray(np.interp(np.linspace(0, knots - 1, SAMPLES), np.arange(knots), rng.standard_normal(knots)))


def _loose_part(rng: np.random.Generator, rpm: float, noise_rms: float) -> Floats:
    """Something that knocks once a turn and rings."""
    spacing = RATE_HZ * 60 / rpm
    at = np.arange(rng.uniform(0, spacing), SAMPLES, spacing).astype(int)
    knocks = np.zeros(SAMPLES)
    knocks[at] = rng.uniform(0.5, 1.5, len(at))
    omega = 2 * np.pi * rng.uniform(800, 5000) / RATE_HZ
    wakeup = np.exp(-0.05 * omega * np.arange(400)) * np.sin(omega * np.arange(400))
    found = np.convolve(knocks, wakeup)[:SAMPLES]
    return np.asarray(found * noise_rms * 10 ** (rng.uniform(-15, 3) / 20) / found.std())
