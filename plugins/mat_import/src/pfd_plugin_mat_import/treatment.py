"""What becomes of samples before they are stored: gaps are refused, cut out or filled, and large levels taken away.

A dataset holds finite float32.  What is none of these is a gap; what float32 cannot hold beside a large level is kept
by storing the samples without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from pfd import DataError
from pfd_plugin_data import ChannelInfo

LEAST_KEPT = 0.1
"""Share of a recording that a stretch without gaps has to be."""

MOST_FILLED = 0.05
"""Largest share of a channel that is interpolated."""

KEPT_BITS = 14
"""Bits of a signal's deviation that float32 has to keep.  One that keeps fewer is stored without its level."""

SHOWN = 3
"""Places of gaps that are named."""

_FLOAT32_BITS = 24
_LOOKED_AT = 2048
_QUARTILES = 1.349
"""From one quartile to the other, in standard deviations of normal noise."""

Gaps = Literal["refuse", "drop", "interpolate"]


@dataclass(frozen=True)
class Treated:
    """Samples as they are stored, float32 `(channels, samples)`, their channels, and what was done to them.

    `start` is the first sample that was kept; `gaps` says what was done about gaps, `treatment` all that was done.
    """

    signal: npt.NDArray[np.float32]
    channels: tuple[ChannelInfo, ...]
    start: int = 0
    gaps: str = ""
    treatment: str | None = None


def treat(rows: Sequence[npt.NDArray[Any]], channels: Sequence[ChannelInfo], gaps: Gaps = "refuse") -> Treated:
    """Bring the samples of channels, each `(samples,)` of any kind of number, to what is stored.

    Raises
    ------
    DataError : there are gaps, and they are to be refused; or too many to fill; or nothing is left between them.
    """
    signal = np.empty((len(rows), rows[0].size), np.float32)
    for single, row in zip(signal, rows, strict=True):
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is infinite, and a gap
            single[:] = row
    # A NaN is what both give; an infinity is one of them.  No array of a million truths is made of a whole signal.
    damaged = [index for index, row in enumerate(signal) if not np.isfinite(row.min()) or not np.isfinite(row.max())]
    found = Treated(signal, tuple(channels))
    held: Sequence[npt.NDArray[Any]] = rows
    if damaged and gaps == "refuse":
        first = damaged[0]
        told = _refused(rows[first], ~np.isfinite(signal[first]))
        raise DataError(f"{channels[first].sensor} holds {told}; mapping.gaps can drop or interpolate them")
    if damaged:
        found, held = _cut(found, rows, damaged) if gaps == "drop" else _filled(found, rows, damaged)
    return _without_levels(found, held)


def _filled(
    found: Treated, rows: Sequence[npt.NDArray[Any]], damaged: Sequence[int]
) -> tuple[Treated, list[npt.NDArray[Any]]]:
    held, told = list(rows), []
    for index in damaged:
        single = found.signal[index]
        bad = ~np.isfinite(single)
        name = found.channels[index].sensor
        share = np.count_nonzero(bad) / bad.size
        if share > MOST_FILLED:
            raise DataError(
                f"{name} holds {_counted(bad)}: {share:.2g} of it, and at most {MOST_FILLED:g} is interpolated; "
                "mapping.gaps='drop' keeps the longest stretch without gaps"
            )
        row = np.array(rows[index])
        good = np.flatnonzero(~bad)
        row[bad] = np.interp(np.flatnonzero(bad), good, row[good].astype(np.float64))
        held[index] = row
        single[:] = row
        told.append(f"{f'{name}: ' if len(rows) > 1 else ''}{_counted(bad)} interpolated ({_told_runs(bad)})")
    return replace(found, gaps="; ".join(told), treatment="; ".join(told)), held


def _cut(
    found: Treated, rows: Sequence[npt.NDArray[Any]], damaged: Sequence[int]
) -> tuple[Treated, list[npt.NDArray[Any]]]:
    """The longest stretch free of gaps in all channels.  Stretches are never joined: that would be a jump."""
    bad = np.zeros(found.signal.shape[1], np.bool_)
    for index in damaged:
        bad |= ~np.isfinite(found.signal[index])
    edges = np.concatenate([[-1], np.flatnonzero(bad), [bad.size]])
    longest = int(np.diff(edges).argmax())
    start, stop = int(edges[longest]) + 1, int(edges[longest + 1])
    if stop - start < max(2, LEAST_KEPT * bad.size):
        raise DataError(
            f"{_counted(bad)} are not numbers; the longest stretch without any is {max(0, stop - start):,} samples: "
            f"less than {LEAST_KEPT:.0%} of the recording"
        )
    told = (
        f"samples {start + 1:,} to {stop:,} of {bad.size:,} kept, the longest stretch without gaps ({_told_runs(bad)})"
    )
    signal = np.ascontiguousarray(found.signal[:, start:stop])
    return Treated(signal, found.channels, start, told, told), [row[start:stop] for row in rows]


def _without_levels(found: Treated, rows: Sequence[npt.NDArray[Any]]) -> Treated:
    """Take the level from each channel of which float32 would keep less than `KEPT_BITS` beside it.

    Level and spread are median and quartiles: a dropout to zero says nothing of either.
    """
    channels, told = list(found.channels), [found.treatment] if found.treatment else []
    for index, (single, row) in enumerate(zip(found.signal, rows, strict=True)):
        if (row.dtype.kind == "f" and row.dtype.itemsize <= 4) or row.dtype.itemsize <= 2:
            continue  # float32 holds all that there is
        low, level, high = np.percentile(row[:: max(1, row.size // _LOOKED_AT)].astype(np.float64), (25, 50, 75))
        spread = (high - low) / _QUARTILES
        if spread == 0 and row.min() < row.max():  # most samples are equal, as of pulses: the others are the signal
            spread = float(row.std(dtype=np.float64))
        kept = _FLOAT32_BITS - np.log2(abs(level) / spread) if spread > 0 and level else _FLOAT32_BITS
        if kept >= KEPT_BITS:
            continue
        level = float(np.median(row.astype(np.float64)))
        single[:] = row.astype(np.float64) - level
        channels[index] = replace(channels[index], offset=level)
        name = channels[index].sensor
        told.append(
            f"the level of {name}, {level:.9g}, was taken away: float32 keeps {max(0.0, kept):.0f} bits beside it"
        )
    return replace(found, channels=tuple(channels), treatment="; ".join(told) or None)


def _runs(bad: npt.NDArray[np.bool_]) -> list[npt.NDArray[np.int64]]:
    at = np.flatnonzero(bad)
    return np.split(at, np.flatnonzero(np.diff(at) > 1) + 1)


def _counted(bad: npt.NDArray[np.bool_]) -> str:
    return f"{np.count_nonzero(bad):,} of {bad.size:,} samples"


def _told_runs(bad: npt.NDArray[np.bool_]) -> str:
    runs = _runs(bad)
    if len(runs) == 1:
        return f"1 gap of {runs[0].size:,}"
    return f"{len(runs):,} gaps, the longest {max(run.size for run in runs):,}"


def _refused(row: npt.NDArray[Any], bad: npt.NDArray[np.bool_]) -> str:
    """How many samples of a channel are not finite numbers, of which kind, and where, counted from 1."""
    at = row[bad]
    kinds = {"NaN": np.isnan(at).sum(), "infinite": np.isinf(at).sum(), "beyond float32": np.isfinite(at).sum()}
    told = ", ".join(f"{number:,} {kind}" for kind, number in kinds.items() if number)
    runs = _runs(bad)
    places = ", ".join(str(run[0] + 1) if run.size == 1 else f"{run[0] + 1} to {run[-1] + 1}" for run in runs[:SHOWN])
    more = f" and at {len(runs) - SHOWN:,} more places" if len(runs) > SHOWN else ""
    return f"{_counted(bad)} that are not numbers ({told}), at {places}{more}"
