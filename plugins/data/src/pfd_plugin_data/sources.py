"""A signal that is read a stretch at a time, behind filters that need only what lies around that stretch.

So a recording of any length can be resampled and filtered in the memory of one stretch.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Protocol

import numpy as np
import numpy.typing as npt

from pfd_plugin_data import resampling

Signal = npt.NDArray[np.float32]

SETTLED = 1e-9
"""What is left of a filter's transient, relative to the signal, where a stretch begins to count."""


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

    def read(self, start: int, stop: int) -> Signal:
        up, down, half = self._up, self._down, resampling.TAPS * self._down
        stop = min(stop, self.size)
        # A stretch of the source that begins on a multiple of `down` begins on an output sample, too.
        first = max(0, (start * down - half) // up // down * down)
        last = min(self._source.size, -(-(stop * down + half) // up) + 1)
        made = resampling.polyphase(self._source.read(first, last), Fraction(up, down))
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
