"""A simulator of rolling-element bearings: impacts that ring resonances, in coloured noise, on a turning shaft.

    x(t) = Σᵢ q(θᵢ) Aᵢ h(t - tᵢ) + shaft harmonics + noise

h is the response of two to four resonances, q the load zone that modulates what strikes within it, and tᵢ slips: the
deviations of the spacing add up, as those of a real cage do (McFadden and Smith, JSV 96, 1984; Antoni and Randall,
JVA 125, 2003).  A spall of some width strikes twice, where a ball enters and where it leaves (Sawalhi and Randall,
MSSP 25, 2011).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from pfd_plugin_data.kinematics import fault_line, fault_orders

SIZES_IN = (0.007, 0.014, 0.021, 0.028)
"""Widths of seeded spalls, inches: those of the CWRU tests."""

MM_PER_INCH = 25.4

Signal = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Bearing:
    """One physical bearing in its housing: what all recordings of it share.

    `resonances` are (frequency in Hz, damping ratio, weight); `slip` the standard deviation of an impact's spacing as
    a part of it; `load_zone` the load distribution factor ε; `size_in` the width of the defect in inches; `exit_gain`
    the second strike of a spall over the first; `noise_slope` the exponent of the noise's power spectrum;
    `harmonics` the amplitudes of 1×, 2×, … over the noise's r.m.s.; `gain` the sensor's r.m.s. of the noise, g.
    """

    geometry: Mapping[str, float]
    fault_type: str
    size_in: float
    resonances: tuple[tuple[float, float, float], ...]
    slip: float
    load_zone: float
    exit_gain: float
    noise_slope: float
    harmonics: tuple[float, ...]
    gain: float


@dataclass(frozen=True)
class Simulated:
    """One simulated recording and its parts: `signal` = `impacts` + `shaft` + `noise`, in g; `impact_times` in s."""

    signal: Signal
    impacts: Signal
    shaft: Signal
    noise: Signal
    impact_times: Signal


def draw_bearing(
    rng: np.random.Generator, fault_type: str, geometry: Mapping[str, float], sample_rate_hz: float
) -> Bearing:
    """Draw one bearing of a class; all that tells it from another one of that class is drawn here."""
    low, high = min(2000.0, 0.20 * sample_rate_hz), min(6000.0, 0.42 * sample_rate_hz)
    count = int(rng.integers(2, 5))
    # One resonance from each equal part of the band, so that two never fall together.
    edges = np.linspace(low, high, count + 1)
    frequencies = rng.uniform(edges[:-1], edges[1:])
    damping = rng.uniform(0.02, 0.08, count)
    weights = rng.uniform(0.3, 1.0, count)
    size = float(rng.choice(SIZES_IN))
    return Bearing(
        geometry=geometry,
        fault_type=fault_type,
        size_in=0.0 if fault_type == "normal" else size,
        resonances=tuple((float(f), float(z), float(w)) for f, z, w in zip(frequencies, damping, weights, strict=True)),
        slip=float(rng.uniform(0.01, 0.02)),
        load_zone=float(rng.uniform(0.6, 1.0)),
        exit_gain=float(rng.uniform(0.5, 1.0)),
        noise_slope=float(rng.uniform(-1.2, -0.2)),
        harmonics=tuple(float(rng.uniform(0.1, 0.4)) / order for order in range(1, int(rng.integers(3, 5)) + 1)),
        gain=float(0.05 * 10 ** rng.uniform(-0.15, 0.15)),
    )


def simulate(
    rng: np.random.Generator, bearing: Bearing, *, rpm: float, snr_db: float, duration_s: float, sample_rate_hz: float
) -> Simulated:
    """One recording of a bearing.

    `snr_db` is the power of the impacts over that of the noise, which holds exactly in every recording with impacts;
    the shaft's harmonics count for neither.  A healthy bearing has the same noise and no impacts.
    """
    n = round(duration_s * sample_rate_hz)
    shaft_hz = rpm / 60
    noise = bearing.gain * _coloured(rng, n, bearing.noise_slope)
    phases = rng.uniform(0, 2 * np.pi, len(bearing.harmonics))
    turns = 2 * np.pi * shaft_hz * np.arange(n) / sample_rate_hz
    shaft = np.zeros(n)
    for order, (amplitude, phase) in enumerate(zip(bearing.harmonics, phases, strict=True), start=1):
        shaft += bearing.gain * amplitude * np.sin(order * turns + phase)
    times, strengths = _strikes(rng, bearing, shaft_hz, duration_s)
    impacts = np.zeros(n)
    if times.size:
        delay = _crossing_time(bearing, shaft_hz)
        impacts = _ring(bearing, np.concatenate([times, times + delay]), _twice(bearing, strengths), n, sample_rate_hz)
        power = float(np.mean(impacts**2))
        if power > 0:
            impacts *= math.sqrt(float(np.mean(noise**2)) * 10 ** (snr_db / 10) / power)
    return Simulated(impacts + shaft + noise, impacts, shaft, noise, times)


def _strikes(rng: np.random.Generator, bearing: Bearing, shaft_hz: float, duration_s: float) -> tuple[Signal, Signal]:
    """When a defect is struck, s, and how hard."""
    order = fault_line(bearing.fault_type, bearing.geometry)
    if order is None:
        return np.zeros(0), np.zeros(0)
    spacing = 1 / (order * shaft_hz)
    count = math.ceil(1.2 * duration_s / spacing) + 8
    steps = spacing * (1 + bearing.slip * rng.standard_normal(count))
    # It has struck before the recording begins: the phase is anyone's.
    times = np.cumsum(steps) - spacing * (1 + rng.uniform())
    strengths = rng.uniform(0.8, 1.2, count)
    phase = rng.uniform(0, 2 * np.pi)
    if bearing.fault_type == "inner_race":
        strengths *= _load(2 * np.pi * shaft_hz * times + phase, bearing.load_zone)
    elif bearing.fault_type == "ball":
        cage_hz = fault_orders(bearing.geometry)["ftf"] * shaft_hz
        strengths *= _load(2 * np.pi * cage_hz * times + phase, bearing.load_zone)
    inside = (times >= 0) & (times < duration_s)
    return times[inside], strengths[inside]


def _load(angle: Signal, zone: float) -> Signal:
    """Load at an angle from the direction of the radial load, 0 to 1 (Stribeck; Harris, "Rolling Bearing Analysis").

    `zone` is ε: half the projected part of the race that carries load.
    """
    carried = 1 - (1 - np.cos(angle)) / (2 * zone)
    return np.asarray(np.maximum(carried, 0.0) ** 1.5)


def _crossing_time(bearing: Bearing, shaft_hz: float) -> float:
    """How long a ball takes to cross the spall, s: its width over the speed of the contact along the race."""
    pitch, ball = bearing.geometry["pitch_d_mm"], bearing.geometry["ball_d_mm"]
    return bearing.size_in * MM_PER_INCH * pitch / (np.pi * shaft_hz * (pitch**2 - ball**2))


def _twice(bearing: Bearing, strengths: Signal) -> Signal:
    return np.concatenate([strengths, bearing.exit_gain * strengths])


def _ring(bearing: Bearing, times: Signal, strengths: Signal, n: int, sample_rate_hz: float) -> Signal:
    """The sum of all resonances' responses to strikes at `times`, each exact between samples.

    A damped oscillation is the imaginary part of exp(s t), so the sum over all strikes is a recursion with one complex
    pole; a strike enters it at the next sample with the phase that it has reached by then.
    """
    at = np.ceil(times * sample_rate_hz).astype(np.int64)
    late = at / sample_rate_hz - times
    inside = at < n
    response = np.zeros(n)
    for frequency, damping, weight in bearing.resonances:
        omega = 2 * np.pi * frequency
        pole = omega * complex(-damping, math.sqrt(1 - damping**2))
        drive = np.zeros(n, np.complex128)
        np.add.at(drive, at[inside], strengths[inside] * np.exp(pole * late[inside]))
        response += weight * lfilter([1.0], [1.0, -np.exp(pole / sample_rate_hz)], drive).imag
    return response


def _coloured(rng: np.random.Generator, n: int, slope: float) -> Signal:
    """Gaussian noise of unit r.m.s. whose power spectrum falls as f to the power of `slope`."""
    spectrum = np.fft.rfft(rng.standard_normal(n))
    index = np.arange(len(spectrum), dtype=np.float64)
    index[0] = 1.0
    noise = np.fft.irfft(spectrum * index ** (slope / 2), n)
    return np.asarray(noise / math.sqrt(float(np.mean(noise**2))))
