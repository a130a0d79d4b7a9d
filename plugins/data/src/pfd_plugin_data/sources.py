"""A signal that is read a stretch at a time, behind filters that need only what lies around that stretch.

So a recording of any length can be resampled and filtered in the memory of one stretch.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Protocol

import numpy as np
import numpy.typing as npt

from pfd_plugin_data import resampling
from pfd_plugin_data.speed_profile import SpeedProfile

Signal = npt.NDArray[np.float32]

SETTLED = 1e-9
"""What is left of a filter's transient, relative to the signal, where a stretch begins to count."""


KERNEL_STEPS = 1024
"""Values of the anti-alias filter's kernel a sample; between them it is linear, which is right to 1e-6."""

WEIGHTS = 1 << 20
"""Most weights of that kernel in memory at a time."""


class Source(Protocol):
    """`size` samples; `read` gives those from `start` to `stop`, float32."""

    @property
    def size(self) -> int: ...

    def read(self, start: int, stop: int) -> Signal: ...


class Stored:
    """A signal `(samples,)` as it lies in memory or in a mapped file: no copy is made."""

    def __init__(self, x: Signal) -> None:
        self._x = x
        self.size = int(x.size)

    def read(self, start: int, stop: int) -> Signal:
        return self._x[start:stop]


class Resampled:
    """A source brought down by `ratio`, new rate over old: what `resample` makes of the whole, stretch by stretch."""

    def __init__(self, source: Source, ratio: Fraction) -> None:
        self._source = source
        self._up, self._down = ratio.numerator, ratio.denominator
        self.size = -(-source.size * self._up // self._down)
        self._level = source.read(0, 1)

    def read(self, start: int, stop: int) -> Signal:
        up, down, half = self._up, self._down, resampling.TAPS * self._down
        stop = min(stop, self.size)
        # A stretch of the source that begins on a multiple of `down` begins on an output sample, too.
        first = (start * down - half) // up // down * down
        last = -(-(stop * down + half) // up) + 1
        # About one level for all stretches: the filter lets a constant through to a ten-thousandth only, from sample
        # to sample another, which for a signal far from zero would be more than the signal.
        made = (
            resampling.polyphase(_extended(self._source, first, last) - self._level, Fraction(up, down)) + self._level
        )
        skipped = first // down * up
        return made[start - skipped : stop - skipped]


class LowPassed:
    """A source behind the zero-phase filter of `low_pass`; stretches agree with the whole to `SETTLED`."""

    def __init__(self, source: Source, rate_hz: float, edge_hz: float) -> None:
        self._source = source
        self._rate_hz, self._edge_hz = rate_hz, edge_hz
        self._margin = resampling.settling(rate_hz, edge_hz, SETTLED)
        self.size = source.size

    def read(self, start: int, stop: int) -> Signal:
        stop = min(stop, self.size)
        first = max(0, start - self._margin)
        last = min(self.size, stop + self._margin)
        passed = resampling.low_pass(self._source.read(first, last), self._rate_hz, self._edge_hz)
        return passed[start - first : stop - first]


class AtAngles:
    """A source at even angles of a shaft whose speed changes: computed order tracking (Fyfe and Munck, MSSP 11, 1997).

    Sample k lies where the shaft has turned k / `samples_per_rev` times since the recording began.  Each is weighed out
    of the samples around that moment by the kernel of the anti-alias filter of `resample`, as wide as the speed at that
    moment asks for, so that at a constant speed the two agree.
    """

    def __init__(self, source: Source, rate_hz: float, profile: SpeedProfile, samples_per_rev: float) -> None:
        self._source, self._rate_hz = source, rate_hz
        self._profile, self._per_rev = profile, samples_per_rev
        self.size = int(profile.turns((source.size - 1) / rate_hz) * samples_per_rev + 1e-9) + 1

    def read(self, start: int, stop: int) -> Signal:
        stop = min(stop, self.size)
        made = np.empty(max(0, stop - start), np.float32)
        first = start
        while first < stop:
            times, half = self._piece(first, stop)
            made[first - start : first - start + times.size] = self._at(times, half)
            first += times.size
        return made

    def _piece(self, first: int, stop: int) -> tuple[npt.NDArray[np.float64], int]:
        """The moments of samples from `first` on, as many as `WEIGHTS` allows, and how far their kernels reach.

        The slowest of them has the widest kernel.  Where a shaft starts, the first samples are many times as wide as
        those a turn later, which must not pay for them.
        """
        most = max(1, WEIGHTS // (2 * int(self._halves(self._times(first, first + 1))[0])))
        times = self._times(first, min(first + most, stop))
        halves = np.maximum.accumulate(self._halves(times))
        count = max(1, int(np.searchsorted(2 * halves * np.arange(1, times.size + 1), WEIGHTS, side="right")))
        return times[:count], int(halves[count - 1])

    def _times(self, first: int, stop: int) -> npt.NDArray[np.float64]:
        return self._profile.times(np.arange(first, stop) / self._per_rev)

    def _halves(self, times: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """How far the kernel at some moments reaches, in samples of the source."""
        reach = resampling.TAPS * self._rate_hz / (self._per_rev * self._profile.hz(times))
        return np.ceil(reach).astype(np.int64) + 1

    def _at(self, times: npt.NDArray[np.float64], half: int) -> npt.NDArray[np.float64]:
        places = times * self._rate_hz
        ratio = self._per_rev * self._profile.hz(times) / self._rate_hz
        first = int(places[0]) - half
        x = _extended(self._source, first, int(places[-1]) + half + 2)
        around = places.astype(np.int64)[:, None] + np.arange(-half + 1, half + 1)
        weights = _kernel(np.abs(around - places[:, None]) * ratio[:, None])
        weights /= weights.sum(axis=1, keepdims=True)  # which is 1 but for the filter's ripple
        return np.asarray(np.einsum("ij,ij->i", weights, x[np.clip(around - first, 0, x.size - 1)]))


def resample(x: Signal, rate_hz: float, new_rate_hz: float) -> Signal:
    """`x`, float32 `(samples,)`, brought down from `rate_hz` to `new_rate_hz`, by polyphase filtering.

    Flat up to 0.82 of the new Nyquist frequency and 90 dB down from there on, so nothing folds back.  Beyond its ends
    the signal goes on as `resampling.extended` says.

    Raises
    ------
    DataError : the new rate is higher.
    """
    if new_rate_hz == rate_hz:
        return x
    return Resampled(Stored(x), resampling.rate_ratio(rate_hz, new_rate_hz)).read(0, x.size)


def _extended(source: Source, start: int, stop: int) -> Signal:
    """A stretch of a source, which goes on before its begin and behind its end as `resampling.extended` says."""
    before, after = max(0, -start), max(0, stop - source.size)
    if not (before or after):
        return source.read(start, stop)
    # Of the source as much beside its end as is to be added, which is turned about that.
    first = max(0, min(start, source.size - 1 - after))
    last = min(source.size, max(stop, before + 1))
    whole = resampling.extended(source.read(first, last), before, after)
    begin = start - (first - before)
    return whole[begin : begin + stop - start]


def _kernel(distance: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The kernel of the anti-alias filter at distances in samples at the lower rate, by table."""
    table = _kernel_table()
    place = np.minimum(distance * KERNEL_STEPS, len(table) - 2.0)
    below = place.astype(np.int64)
    part = place - below
    return np.asarray(table[below] * (1 - part) + table[below + 1] * part)


@lru_cache(maxsize=1)
def _kernel_table() -> npt.NDArray[np.float64]:
    """A sinc that cuts at `resampling.CUT` under a Kaiser window of `resampling.TAPS` to each side; 0 at its end."""
    reach = np.arange(resampling.TAPS * KERNEL_STEPS + 1) / KERNEL_STEPS
    taper = np.i0(resampling.KAISER_BETA * np.sqrt(1 - (reach / resampling.TAPS) ** 2)) / np.i0(resampling.KAISER_BETA)
    table = np.concatenate([resampling.CUT * np.sinc(resampling.CUT * reach) * taper, [0.0, 0.0]])
    table.setflags(write=False)  # one for all who read
    return table
