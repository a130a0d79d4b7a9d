"""The eight kinds of noise of a measurement, and noise of any colour."""

from __future__ import annotations

import cmath
import functools
import math
from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
from scipy import fft

from pfd_plugin_data.simulators.speed import Signal, tones

SLOPES = {"white": 0.0, "pink": -1.0, "brown": -2.0}
"""Exponents of the power spectra.  (A cumulative sum of white noise is brown, not pink.)"""

LAYERS = ("white", "pink", "brown", "mains", "drift", "impulses", "alias", "quantization")
"""The kinds of noise; the last one is not added to a signal but done to it."""

BITS = 16
"""Of the converter whose steps are the quantization."""

ABOVE_NYQUIST = 1.06
"""Where the tone that folds back stands, over the Nyquist frequency: a filter's skirt lets some of it through."""


def energy(signal: Signal) -> float:
    """The sum of the squares, always added in the same order, which BLAS on several threads does not promise."""
    return float(np.einsum("i,i", signal, signal))


def coloured(rng: np.random.Generator, n: int, slope: float) -> Signal:
    """Gaussian noise of unit r.m.s. and no mean, whose power spectrum falls as f to the power of `slope`.

    Drawn where the shape is known, in the spectrum, and transformed once.  The lines of Gaussian noise have powers of
    an exponential distribution and any phase (Box and Muller, Ann. Math. Stat. 29, 1958), which take half the time of
    as many normal deviates.
    """
    length = fft.next_fast_len(n, real=True)
    # In single precision, as recordings are stored: the transform takes three quarters of the time.
    height, phase = rng.random((2, length // 2 + 1), dtype=np.float32)
    np.subtract(1, height, out=height)  # of 0 there is no logarithm
    np.log(height, out=height)
    np.sqrt(np.negative(height, out=height), out=height)
    if slope:
        height *= np.exp(np.float32(slope / 2) * _log_index(length))
    phase *= np.float32(2 * np.pi)
    spectrum = np.empty(length // 2 + 1, np.complex64)
    np.multiply(height, np.cos(phase), out=spectrum.real)
    np.multiply(height, np.sin(phase), out=spectrum.imag)
    spectrum[0] = 0
    noise: Signal = fft.irfft(spectrum, length, overwrite_x=True)[:n].astype(np.float64)
    noise *= 1 / math.sqrt(energy(noise) / n)
    return noise


@functools.lru_cache(maxsize=4)
def _log_index(length: int) -> npt.NDArray[np.float32]:
    index = np.arange(length // 2 + 1, dtype=np.float32)
    index[0] = 1.0
    return np.log(index)


def layers(
    rng_of: Callable[[str], np.random.Generator],
    names: Iterable[str],
    n: int,
    rate: float,
    rms: float,
    *,
    mains_hz: float = 50.0,
) -> Signal:
    """The sum of the layers `names` that are added to a signal, `(n,)`; a coloured one has `rms`, a tone a part of it.

    Each draws from a generator of its own, `rng_of(name)`: leaving one out changes no other one.
    """
    made = [_layer(rng_of(name), name, n, rate, mains_hz) for name in names if name != "quantization"]
    total = made[0] if made else np.zeros(n)
    for layer in made[1:]:
        total += layer
    if rms != 1:
        total *= rms
    return total


def _layer(rng: np.random.Generator, name: str, n: int, rate: float, mains_hz: float) -> Signal:
    if name in SLOPES:
        return coloured(rng, n, SLOPES[name])
    if name == "mains":
        return _tone(rng, rng.uniform(0.1, 0.3), mains_hz, n, rate)
    if name == "alias":
        return _tone(rng, rng.uniform(0.1, 0.3), ABOVE_NYQUIST * rate / 2, n, rate)
    if name == "drift":
        return np.asarray(rng.uniform(0.5, 1.5) * _drift(rng, n))
    if name == "impulses":
        # Sparks and loose plugs: single samples, far above the rest, a few a second.
        found = np.zeros(n)
        count = int(rng.poisson(4 * n / rate)) + 1
        found[rng.integers(0, n, count)] += rng.uniform(4, 10, count) * rng.choice((-1, 1), count)
        return found
    raise ValueError(f"unknown noise {name!r}")


def _tone(rng: np.random.Generator, rms: float, hz: float, n: int, rate: float) -> Signal:
    """A tone of so many r.m.s.; one above the Nyquist frequency comes out folded, as from a converter."""
    weight = math.sqrt(2) * rms * cmath.exp(2j * math.pi * rng.uniform())
    return tones(np.array([weight]), [hz / rate], n)


def _drift(rng: np.random.Generator, n: int) -> Signal:
    """A slow change of unit r.m.s.: a straight line and half a wave, as a sensor that warms up."""
    t = np.linspace(-1, 1, n)
    found = rng.uniform(-1, 1) * t + rng.uniform(0.5, 1) * np.sin(np.pi * (rng.uniform(0.2, 0.8) * t + rng.uniform()))
    found -= found.mean()
    return np.asarray(found / math.sqrt(energy(found) / n))


def quantize(signal: Signal) -> Signal:
    """`signal` in the steps of a converter of `BITS` bits, whose range is the next power of two that holds it twice."""
    peak = max(float(signal.max()), -float(signal.min()))
    if not peak:
        return signal
    step = 2.0 ** (math.ceil(math.log2(2 * peak)) + 1 - BITS)
    steps = signal * (1 / step)  # exact: it is a power of two
    np.rint(steps, out=steps)
    steps *= step
    return steps
