"""How a shaft turns during a recording."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pfd import DataError

Signal = npt.NDArray[np.float64]

WANDER_HZ = 2.0
"""Highest rate at which a speed wanders at random."""

_TONES = 8

PIECE = 200_000
"""Products in one piece of a matrix product."""


@dataclass(frozen=True)
class Shaft:
    """The turning of a shaft: `turns`, revolutions at each sample, or None where `hz` is constant.

    `hz` is the mean frequency, `rate` the sample rate in Hz, `n` the number of samples.
    """

    hz: float
    rate: float
    n: int
    turns: Signal | None = None

    @property
    def seconds(self) -> float:
        return self.n / self.rate

    @property
    def total_turns(self) -> float:
        return self.hz * self.seconds

    def times(self, turns: Signal) -> Signal:
        """When the shaft has turned so far, s.  Before the recording and after it, its speed is that of the end."""
        if self.turns is None:
            return turns / self.hz
        last = len(self.turns) - 1
        at = np.interp(turns, self.turns, np.arange(last + 1, dtype=np.float64))
        early, late = turns < 0, turns > self.turns[last]
        at[early] = turns[early] / (self.turns[1] - self.turns[0])
        at[late] = last + (turns[late] - self.turns[last]) / (self.turns[last] - self.turns[last - 1])
        return np.asarray(at / self.rate)

    def frequency(self) -> Signal:
        """Frequency of the shaft at each sample, Hz."""
        if self.turns is None:
            return np.full(self.n, self.hz)
        return np.asarray(np.gradient(self.turns) * self.rate)

    def harmonics(self, weights: npt.NDArray[np.complex128]) -> Signal:
        """Σ Im(wₖ exp(2πi k turns)) over the orders k = 1, 2, …, at each sample."""
        if self.turns is None:
            return tones(weights, [order * self.hz / self.rate for order in range(1, len(weights) + 1)], self.n)
        angle = 2 * np.pi * self.turns
        once = np.empty(self.n, np.complex128)
        np.cos(angle, out=once.real)
        np.sin(angle, out=once.imag)
        # Horner's scheme: powers of one phasor are the harmonics.
        total = weights[-1] * once
        for weight in weights[-2::-1]:
            total += weight
            total *= once
        return np.asarray(total.imag)


def tones(weights: npt.NDArray[np.complex128], cycles_per_sample: Sequence[float], n: int) -> Signal:
    """Σ Im(w exp(2πi f k)) over the tones (w, f), for k below n.

    With k = i m + j the exponential is a product, so the sum is a product of two small matrices: some hundred
    exponentials instead of ten thousand.  Done in pieces that no BLAS gives to several threads, which would wait for
    each other longer than they work.
    """
    coarse, fine = _exponentials(tuple(cycles_per_sample), n)
    steps = weights * coarse
    left = np.concatenate((steps.imag, steps.real), axis=1)
    rows = max(1, PIECE // fine.size)
    total = np.empty((len(left), fine.shape[1]))
    for row in range(0, len(left), rows):
        np.matmul(left[row : row + rows], fine, out=total[row : row + rows])
    return total.reshape(-1)[:n]


@functools.lru_cache(maxsize=16)
def _exponentials(cycles_per_sample: tuple[float, ...], n: int) -> tuple[npt.NDArray[np.complex128], Signal]:
    """exp(2πi f i m), `(⌈n/m⌉, tones)`, and below each other the real and the imaginary parts of exp(2πi f j),
    `(2 · tones, m)`: a constant speed and the mains come again in each recording."""
    width = math.isqrt(n) + 1
    steps = 2j * np.pi * np.array(cycles_per_sample)
    coarse = np.exp(np.outer(np.arange(-(-n // width)), width * steps))
    fine = np.exp(np.outer(steps, np.arange(width)))
    parts = np.concatenate([fine.real, fine.imag])
    for kept in (coarse, parts):  # the same for all who ask
        kept.setflags(write=False)
    return coarse, parts


def turn(rng: np.random.Generator, profile: str, hz: float, variation: float, n: int, rate: float) -> Shaft:
    """A shaft that turns about `hz` times a second.

    Parameters
    ----------
    profile : `"constant"`: one speed, drawn within ± `variation` of `hz`; `"ramp"`: from one end of that band to the
        other, up or down; `"random"`: wandering within it, slower than `WANDER_HZ`.
    variation : the largest deviation, as a part of `hz`.

    Raises
    ------
    DataError : an unknown profile.
    """
    if profile == "constant":
        return Shaft(hz * (1 + variation * rng.uniform(-1, 1)) if variation else hz, rate, n)
    t = np.arange(n) / rate
    seconds = n / rate
    if profile == "ramp":
        slope = variation * (1 if rng.uniform() < 0.5 else -1)
        turns = hz * ((1 - slope) * t + slope * t**2 / seconds)
    elif profile == "random":
        # A speed made of slow tones; its integral is known, and so exact.
        frequencies = rng.uniform(0.1, 1.0, _TONES) * min(WANDER_HZ, 2 / seconds * _TONES)
        phases = rng.uniform(0, 2 * np.pi, _TONES)
        angles = 2 * np.pi * np.outer(frequencies, t) + phases[:, None]
        deviation = np.cos(angles).sum(axis=0)
        peak = float(np.abs(deviation).max())
        wandered = (np.sin(angles) - np.sin(phases)[:, None]) / (2 * np.pi * frequencies[:, None])
        turns = hz * (t + variation / peak * wandered.sum(axis=0))
    else:
        raise DataError(f"unknown speed profile {profile!r}", hint="choose one of constant, ramp, random")
    return Shaft(float(turns[-1]) / (seconds - 1 / rate), rate, n, turns)
