"""A simulator of rolling-element bearings: impacts that ring resonances, in coloured noise, on a turning shaft.

    x(t) = Σᵢ q(θᵢ) Aᵢ h(t - tᵢ) + shaft harmonics + noise

h is the response of two to four resonances, q the load zone that modulates what strikes within it, and tᵢ slips: the
deviations of the spacing add up, as those of a real cage do (McFadden and Smith, JSV 96, 1984; Antoni and Randall,
JVA 125, 2003).  A spall of some width strikes twice, where a ball enters and where it leaves (Sawalhi and Randall,
MSSP 25, 2011).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from pfd_plugin_data.classes import JOINT
from pfd_plugin_data.kinematics import fault_line, fault_orders
from pfd_plugin_data.simulators import noise as noises
from pfd_plugin_data.simulators.speed import Shaft, Signal

SIZES_IN = {"incipient": 0.007, "mild": 0.014, "moderate": 0.021, "severe": 0.028}
"""Widths of spalls, inches: those seeded in the CWRU tests, and what they are called here."""

MM_PER_INCH = 25.4

RING_DOWN = math.log(1e3)
"""A response ends at a thousandth of its height; of its energy a millionth is cut off."""

HEARD = math.log(10)
"""The mask of an impact ends where its response has fallen to a tenth."""

PARTS = 64
"""Strikes lie on a grid of so many parts of a sample: far finer than their slip."""

BLOCK = 1 << 15
"""Samples of responses that are added at a time: as many as a processor's cache holds."""

Resonances = tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class Bearing:
    """One physical bearing in its housing: what all recordings of it share.

    `fault_type` is one name, or several joined by "+"; `size_in` the width of each defect in inches; `resonances` are
    (frequency in Hz, damping ratio, weight); `slip` the standard deviation of an impact's spacing as a part of it,
    which adds up where `slip_adds_up`; `load_zone` the load distribution factor ε; `exit_gain` the second strike of a
    spall over the first; `noise_slope` the exponent of the noise's power spectrum; `harmonics` the amplitudes of 1×,
    2×, … over the noise's r.m.s.; `gain` the sensor's r.m.s. of the noise, g.
    """

    geometry: Mapping[str, float]
    fault_type: str
    size_in: float
    resonances: Resonances
    slip: float
    load_zone: float
    exit_gain: float
    noise_slope: float
    harmonics: tuple[float, ...]
    gain: float
    slip_adds_up: bool = True

    @functools.cached_property
    def faults(self) -> tuple[str, ...]:
        return () if self.fault_type == "normal" else tuple(self.fault_type.split(JOINT))

    @functools.cached_property
    def decay(self) -> float:
        """How fast the slowest of the resonances falls, nepers a second."""
        return min(2 * math.pi * frequency * damping for frequency, damping, _ in self.resonances)

    def fault_lines(self) -> Signal:
        """The order at which each of `faults` shows in an envelope spectrum."""
        return np.array([fault_line(fault, self.geometry) for fault in self.faults], np.float64)


@dataclass(frozen=True)
class Strikes:
    """When defects are struck, s, in order; which of the bearing's `faults` each is, from 0; and how hard."""

    times: Signal
    which: npt.NDArray[np.uint8]
    strengths: Signal


@dataclass(frozen=True)
class Simulated:
    """One simulated recording and its parts, g, each `(samples,)`.

    `signal` = `impacts` + `shaft` + `noise`.  `strikes` are those within the recording; `mask` is 1 where one rings.
    """

    signal: Signal
    impacts: Signal
    shaft: Signal
    noise: Signal
    strikes: Strikes
    mask: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Setting:
    """What is asked of all bearings that are drawn; None leaves it to each."""

    sizes_in: Sequence[float] = tuple(SIZES_IN.values())
    load_zone: float | None = None
    slip: float | None = None
    slip_adds_up: bool = True
    resonances: Resonances | None = field(default=None)


def draw_bearing(
    rng: np.random.Generator,
    fault_type: str,
    geometry: Mapping[str, float],
    sample_rate_hz: float,
    setting: Setting | None = None,
) -> Bearing:
    """Draw one bearing of a class; all that tells it from another one of that class is drawn here.

    What `setting` fixes is drawn all the same, so that fixing one thing changes no other.
    """
    chosen = setting or Setting()
    low, high = min(2000.0, 0.20 * sample_rate_hz), min(6000.0, 0.42 * sample_rate_hz)
    count = int(rng.integers(2, 5))
    # One resonance from each equal part of the band, so that two never fall together.
    edges = np.linspace(low, high, count + 1)
    frequencies = rng.uniform(edges[:-1], edges[1:])
    damping = rng.uniform(0.02, 0.08, count)
    weights = rng.uniform(0.3, 1.0, count)
    size = chosen.sizes_in[int(rng.uniform() * len(chosen.sizes_in))]
    drawn = tuple((float(f), float(z), float(w)) for f, z, w in zip(frequencies, damping, weights, strict=True))
    slip, load_zone = float(rng.uniform(0.01, 0.02)), float(rng.uniform(0.6, 1.0))
    return Bearing(
        geometry=geometry,
        fault_type=fault_type,
        size_in=0.0 if fault_type == "normal" else size,
        resonances=drawn if chosen.resonances is None else chosen.resonances,
        slip=slip if chosen.slip is None else chosen.slip,
        load_zone=load_zone if chosen.load_zone is None else chosen.load_zone,
        exit_gain=float(rng.uniform(0.5, 1.0)),
        noise_slope=float(rng.uniform(-1.2, -0.2)),
        harmonics=tuple(float(rng.uniform(0.1, 0.4)) / order for order in range(1, int(rng.integers(3, 5)) + 1)),
        gain=float(0.05 * 10 ** rng.uniform(-0.15, 0.15)),
        slip_adds_up=chosen.slip_adds_up,
    )


def simulate(
    rng: np.random.Generator,
    bearing: Bearing,
    shaft: Shaft,
    *,
    snr_db: float,
    growth: float = 0.0,
    added: Signal | None = None,
) -> Simulated:
    """One recording of a bearing.

    Parameters
    ----------
    snr_db : the power of the impacts over that of all noise, which holds exactly in every recording with impacts; the
        shaft's harmonics count for neither.  A healthy bearing has the same noise and no impacts.
    growth : by how much the strikes grow over the recording, as a part of the last one's strength, 0 to below 1.
    added : further noise, `(samples,)`, over the r.m.s. of the bearing's own.
    """
    noise = noises.coloured(rng, shaft.n, bearing.noise_slope)
    if added is not None:
        noise += added
    noise *= bearing.gain
    turning = _harmonics(rng, bearing, shaft)
    strikes = _strikes(rng, bearing, shaft, growth)
    mask = np.zeros(shaft.n, np.uint8)
    impacts = np.zeros(shaft.n)
    if strikes.times.size:
        delay = crossing_time(bearing, shaft.hz)
        impacts = _ring(bearing, strikes.times, strikes.strengths, delay, shaft)
        strikes = _within(strikes, shaft.seconds)
        mask = _mask(bearing, strikes.times, delay, shaft)
        power = noises.energy(impacts)
        if power > 0:
            impacts *= math.sqrt(noises.energy(noise) * 10 ** (snr_db / 10) / power)
    signal = impacts + turning
    signal += noise
    return Simulated(signal, impacts, turning, noise, strikes, mask)


def crossing_time(bearing: Bearing, shaft_hz: float) -> float:
    """From a ball's entry into the spall to its strike at the exit, s: its centre has come halfway then.

    Width · D / (π fr (D² - d²)) (Sawalhi and Randall, MSSP 25, 2011).
    """
    pitch, ball = bearing.geometry["pitch_d_mm"], bearing.geometry["ball_d_mm"]
    return bearing.size_in * MM_PER_INCH * pitch / (np.pi * shaft_hz * (pitch**2 - ball**2))


def _harmonics(rng: np.random.Generator, bearing: Bearing, shaft: Shaft) -> Signal:
    """The lines of a shaft that is slightly out of balance and of line: 1×, 2×, …"""
    if not bearing.harmonics:
        return np.zeros(shaft.n)
    phases = rng.uniform(0, 2 * np.pi, len(bearing.harmonics))
    return shaft.harmonics(bearing.gain * np.array(bearing.harmonics) * np.exp(1j * phases))


def _strikes(rng: np.random.Generator, bearing: Bearing, shaft: Shaft, growth: float) -> Strikes:
    """All strikes of all defects whose responses reach into the recording, those before its begin included."""
    if not bearing.faults:
        return Strikes(np.zeros(0), np.zeros(0, np.uint8), np.zeros(0))
    lead = _duration(bearing, RING_DOWN)
    found = [_strikes_of(rng, bearing, fault, shaft, lead) for fault in bearing.faults]
    times = np.concatenate([times for times, _ in found])
    strengths = np.concatenate([strengths for _, strengths in found])
    which = np.repeat(np.arange(len(found), dtype=np.uint8), [len(times) for times, _ in found])
    if growth:
        strengths *= 1 - growth * (1 - np.clip(times / shaft.seconds, 0, 1))
    order = np.argsort(times)
    return Strikes(times[order], which[order], strengths[order])


def _strikes_of(
    rng: np.random.Generator, bearing: Bearing, fault: str, shaft: Shaft, lead: float
) -> tuple[Signal, Signal]:
    """When one defect is struck, s, from `lead` before the recording on, and how hard; only what bears load counts."""
    line = fault_line(fault, bearing.geometry)
    assert line is not None
    before = math.ceil(lead * shaft.hz * line) + 1
    # Slip is 1 to 2 %: a fifth more steps than on average is more than it ever takes.
    count = before + math.ceil(1.2 * shaft.total_turns * line) + 8
    deviations = bearing.slip * rng.standard_normal(count)
    steps = np.arange(count) + (np.cumsum(deviations) if bearing.slip_adds_up else deviations)
    # It has struck before the recording begins: the phase is anyone's.
    turns = (steps - steps[before] - rng.uniform()) / line
    strengths = rng.uniform(0.8, 1.2, count)
    phase = rng.uniform()
    if fault == "inner_race":
        strengths *= _load(turns + phase, bearing.load_zone)
    elif fault == "ball":
        strengths *= _load(turns * fault_orders(bearing.geometry)["ftf"] + phase, bearing.load_zone)
    grid = PARTS * shaft.rate
    times = np.rint(shaft.times(turns) * grid) / grid
    kept = (times >= -lead) & (times < shaft.seconds) & (strengths > 0)
    return times[kept], strengths[kept]


def _load(turns: Signal, zone: float) -> Signal:
    """Load at an angle from the direction of the radial load, 0 to 1 (Stribeck; Harris, "Rolling Bearing Analysis").

    `zone` is ε: half the projected part of the race that carries load.
    """
    with np.errstate(over="ignore"):  # where next to no part carries load, all others are infinitely far from it
        carried = 1 - (1 - np.cos(2 * np.pi * turns)) / (2 * zone)
    return np.asarray(np.maximum(carried, 0.0) ** 1.5)


def _within(strikes: Strikes, seconds: float) -> Strikes:
    first, last = np.searchsorted(strikes.times, [0.0, seconds])
    inside = slice(int(first), int(last))
    return Strikes(strikes.times[inside], strikes.which[inside], strikes.strengths[inside])


def _duration(bearing: Bearing, nepers: float) -> float:
    """How long the slowest of the resonances takes to fall by so much, s."""
    return nepers / bearing.decay


def _mask(bearing: Bearing, times: Signal, delay: float, shaft: Shaft) -> npt.NDArray[np.uint8]:
    """1 where a strike is heard: from its begin until the ringing of its exit has fallen to a tenth."""
    length = math.ceil((delay + _duration(bearing, HEARD)) * shaft.rate)
    begins = np.full(len(times) + 1, shaft.n)
    begins[:-1] = np.minimum(np.ceil(times * shaft.rate), shaft.n)
    gaps = begins[1:] - begins[:-1]
    heard = np.minimum(gaps, length)
    # Runs of zeros and ones: before the first strike none, then those heard and the silence after each.
    runs = np.empty(2 * len(times) + 1, np.int64)
    runs[0], runs[1::2], runs[2::2] = begins[0], heard, gaps - heard
    marks = np.zeros(len(runs), np.uint8)
    marks[1::2] = 1
    return np.repeat(marks, runs)


def _ring(bearing: Bearing, times: Signal, strengths: Signal, delay: float, shaft: Shaft) -> Signal:
    """The sum of all resonances' responses to strikes on the grid, and to the exits `delay` later."""
    n, rate = shaft.n, shaft.rate
    length = min(n, math.ceil(_duration(bearing, RING_DOWN) * rate))
    responses = _twice(bearing.resonances, rate, length, round(delay * rate * PARTS), bearing.exit_gain)
    length = responses.shape[1]
    places = np.rint(times * (rate * PARTS)).astype(np.int64)
    # The first sample at or after a strike, and how many parts of a sample later than it that is.
    at = -(-places // PARTS)
    late = at * PARTS - places
    # Shifted by a response, so that those that begin before the recording or end after it need no care.
    at += length
    inside = (at >= 0) & (at < n + length)
    at, late, strengths = at[inside], late[inside], strengths[inside, None]
    total = np.zeros(n + 2 * length)
    offsets = np.arange(length)
    block = max(1, BLOCK // length)
    for low in range(0, len(at), block):
        part = slice(low, low + block)
        first = at[low]
        values = responses[late[part]]
        values *= strengths[part]
        summed = np.bincount(((at[part] - first)[:, None] + offsets).ravel(), values.ravel())
        total[first : first + len(summed)] += summed
    return total[length : length + n]


@functools.lru_cache(maxsize=64)
def _twice(resonances: Resonances, rate: float, length: int, delay: int, exit_gain: float) -> Signal:
    """What is sampled after a strike and its exit `delay` parts of a sample later, for each of `PARTS` places of it.

    Row p is that of a strike which came p parts before the sample.
    """
    once = _once(resonances, rate, length)
    if not delay or not exit_gain:
        return once
    parts = np.arange(PARTS)
    behind = -((parts - delay) // PARTS)
    late = behind * PARTS - delay + parts
    both = np.zeros((PARTS, length + int(behind.max())))
    both[:, :length] = once
    for samples in {int(behind.min()), int(behind.max())}:
        rows = behind == samples
        both[rows, samples : samples + length] += exit_gain * once[late[rows]]
    return both


@functools.lru_cache(maxsize=64)
def _once(resonances: Resonances, rate: float, length: int) -> Signal:
    """What is sampled after one strike, as above.  A damped oscillation is the imaginary part of exp(s t).

    (einsum adds in one order on any number of threads, which a matrix product does not.)
    """
    poles = np.array([2 * np.pi * f * complex(-damping, math.sqrt(1 - damping**2)) for f, damping, _ in resonances])
    weights = np.array([weight for *_, weight in resonances])
    begun = weights * np.exp(np.outer(np.arange(PARTS) / (PARTS * rate), poles))
    decays = np.exp(np.outer(poles, np.arange(length) / rate))
    return np.asarray(np.einsum("pr,rk->pk", begun, decays).imag)
