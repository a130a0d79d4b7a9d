"""Windows of recordings at one common rate, in time or in the angle of the shaft, from one channel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict, Unpack

import numpy as np
import numpy.typing as npt

from pfd import DataError, Hint
from pfd_plugin_data.dataset import Dataset
from pfd_plugin_data.normalisation import ZNorm, znorm
from pfd_plugin_data.recording import RecordingInfo
from pfd_plugin_data.resampling import rate_ratio
from pfd_plugin_data.sources import AtAngles, LowPassed, Resampled, Source, Stored

BATCH = 1024
"""Most windows handed out at a time."""

BLOCK = 1 << 21
"""Samples at the common rate that are read, filtered and handed out at a time (8 MB), so that memory grows neither
with the length of a recording nor with that of a window."""


@dataclass(frozen=True)
class WindowBatch:
    """Windows of one recording.

    `x` is float32 `(n, window)`; `record` the index of the recording; `start` int64 `(n,)`, the first sample of each
    window, counted at `sample_rate_hz`.  In the order domain there are `samples_per_rev` samples a revolution of the
    shaft, and `sample_rate_hz` is what this makes at the (mean) speed of this recording.
    """

    x: npt.NDArray[np.float32]
    record: int
    start: npt.NDArray[np.int64]
    sample_rate_hz: float
    samples_per_rev: float | None = None


class Conditions(TypedDict, total=False):
    """What `iter_windows` does to a recording before it cuts windows; its parameters of these names."""

    channel: str | None
    sample_rate_hz: float | None
    lowpass_hz: float | None
    samples_per_rev: float | None


def common_rate(recordings: Sequence[RecordingInfo]) -> float:
    """The lowest sample rate: what all recordings can be brought to."""
    return min(info.sample_rate_hz for info in recordings)


def common_channel(recordings: Sequence[RecordingInfo]) -> str:
    """The sensor that all recordings have: `"DE"` (drive end) where they do, else the first of the first recording.

    Raises
    ------
    DataError : they have none in common.
    """
    shared = set.intersection(*({channel.sensor for channel in info.channels} for info in recordings))
    if not shared:
        every = sorted({channel.sensor for info in recordings for channel in info.channels})
        raise DataError(
            "the recordings have no channel in common",
            hint=f"name a channel, such as {Hint.parameter('channel', every[0])}, and leave out recordings without it; "
            f"there are {', '.join(every)}",
        )
    order = ["DE", *(channel.sensor for channel in recordings[0].channels)]
    return next(sensor for sensor in order if sensor in shared)


def common_samples_per_rev(dataset: Dataset, sample_rate_hz: float | None = None) -> int:
    """The most samples a revolution that all recordings can be brought to, a whole number.

    `sample_rate_hz` is the common rate before that, by default `common_rate`: the fastest shaft has the fewest samples
    a revolution there, at the moment that it turns fastest.

    Raises
    ------
    DataError : the speed of a recording is unknown or zero, or changes in an unknown way; a shaft turns faster than it
        is sampled.
    """
    rate = common_rate(dataset.recordings) if sample_rate_hz is None else sample_rate_hz
    fastest = max(_fastest_hz(dataset, record) for record in range(len(dataset.recordings)))
    if (most := int(rate / fastest)) < 1:
        raise DataError(f"a shaft turns more than once a sample at {rate:g} Hz")
    return most


def iter_windows(
    dataset: Dataset,
    indices: Sequence[int],
    *,
    window: int,
    hop: int,
    normalise: Literal["window"] | ZNorm | None = None,
    **conditions: Unpack[Conditions],
) -> Iterator[WindowBatch]:
    """Windows of the recordings `indices`, recording by recording, in order.

    A recording at another rate is brought down to the common one behind an anti-alias filter; none is ever brought up,
    since what its sensor did not record cannot be made.  A recording shorter than a window gives none.

    Memory is bounded by `BLOCK` and the window, whatever the length of a recording.

    Parameters
    ----------
    window, hop : length and distance of windows, in samples at the common rate, or of the revolution.
    channel : name of a sensor; by default `common_channel` of the whole dataset.
    sample_rate_hz : the common rate; by default `common_rate` of the whole dataset.  (Of the dataset and not of
        `indices`, so that the parts of a split cannot come out at different rates.)
    lowpass_hz : edge of a low-pass filter at the common rate, for recordings whose own filters differ.
    samples_per_rev : bring each recording, after all of the above, to so many samples a revolution of its shaft, so
        that a fault's order falls on one place whatever the speed: by the angle that its `speed_hz` adds up to where
        the speed changes, else by its `rpm`.  `common_samples_per_rev` tells the most there can be.
    normalise : `"window"` takes the mean from each window and divides by its standard deviation (a constant window
        becomes zeros); a `ZNorm` of `fit_znorm` does so with the figures of the training part.

    Raises
    ------
    DataError : a recording lacks the channel, has a lower rate than asked for, or a speed that is unknown or changes in
        an unknown way; an edge that no filter can have.
    """
    for record in indices:
        source, rate = _source(dataset, record, conditions)
        for first, block in _blocks(source, window, hop):
            for start, x in _cut(block, window, hop):
                made = x if normalise is None else znorm(x) if normalise == "window" else normalise.apply(x)
                starts = hop * np.arange(first + start, first + start + len(x), dtype=np.int64)
                yield WindowBatch(made, record, starts, rate, conditions.get("samples_per_rev"))
            dataset.release(record)


def count_windows(dataset: Dataset, record: int, *, window: int, hop: int, **conditions: Unpack[Conditions]) -> int:
    """How many windows `iter_windows` gives of a recording; nothing of it is read."""
    return _count(_source(dataset, record, conditions)[0].size, window, hop)


def window_starts(n_samples: int, *, window: int, hop: int) -> npt.NDArray[np.int64]:
    """First samples of the windows that `iter_windows` cuts from so many samples at the common rate, `(n,)`."""
    return hop * np.arange(_count(n_samples, window, hop), dtype=np.int64)


def _count(n_samples: int, window: int, hop: int) -> int:
    if window < 1 or hop < 1:
        raise DataError(f"window={window} and hop={hop} must be at least 1")
    return max(0, (n_samples - window) // hop + 1)


def _source(dataset: Dataset, record: int, conditions: Conditions) -> tuple[Source, float]:
    """One channel of a recording behind what was asked for, and the rate at which it comes out."""
    info = dataset.recordings[record]
    sensor, wanted = conditions.get("channel"), conditions.get("sample_rate_hz")
    lowpass_hz, samples_per_rev = conditions.get("lowpass_hz"), conditions.get("samples_per_rev")
    sensor = common_channel(dataset.recordings) if sensor is None else sensor
    rate = common_rate(dataset.recordings) if wanted is None else wanted
    source: Source = Stored(dataset.read(record)[_row(info, sensor)])
    if info.sample_rate_hz != rate:
        source = Resampled(source, rate_ratio(info.sample_rate_hz, rate))
    if lowpass_hz is not None:
        source = LowPassed(source, rate, lowpass_hz)
    if samples_per_rev is None:
        return source, rate
    fastest_hz = _fastest_hz(dataset, record)
    if not 0 < samples_per_rev * fastest_hz <= rate:
        raise DataError(
            f"recording {info.record_id!r} at {60 * fastest_hz:g} rpm and {rate:g} Hz cannot be brought to "
            f"{samples_per_rev:g} samples a revolution",
            hint=f"choose samples_per_rev of at most {common_samples_per_rev(dataset, rate)}",
        )
    profile = dataset.speed(record)
    if profile is None:
        return Resampled(source, rate_ratio(rate, samples_per_rev * fastest_hz)), samples_per_rev * fastest_hz
    rate_ratio(rate, samples_per_rev * profile.slowest_hz)  # refuses what would take a filter without end
    mean_hz = float(profile.mean_hz(0.0, source.size / rate))
    return AtAngles(source, rate, profile, samples_per_rev), samples_per_rev * mean_hz


def _blocks(source: Source, window: int, hop: int) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """Stretches of a source that hold whole windows, each with the number of its first window."""
    total = _count(source.size, window, hop)
    most = max(1, (BLOCK - window) // hop + 1)
    for first in range(0, total, most):
        last = min(first + most, total) - 1
        yield first, source.read(first * hop, last * hop + window)


def _cut(block: npt.NDArray[np.float32], window: int, hop: int) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    views = np.lib.stride_tricks.sliding_window_view(block, window)[::hop]
    most = min(BATCH, max(1, BLOCK // window))
    for first in range(0, len(views), most):
        yield first, np.ascontiguousarray(views[first : first + most])


def _fastest_hz(dataset: Dataset, record: int) -> float:
    """The highest speed of a recording that has an order domain, Hz."""
    info, profile = dataset.recordings[record], dataset.speed(record)
    if profile is not None and profile.slowest_hz > 0:
        return profile.fastest_hz
    if profile is not None or info.rpm == 0:
        why, hint = "has a shaft that stands", "leave it out"
    elif info.rpm is None:
        why, hint = "has no known speed", "leave it out, or give its speed where it is imported"
    elif info.speed_changes:
        why = f"has a speed that changes ({info.rpm_source}), and its course is not stored"
        hint = "leave it out, or write it with its course: DatasetWriter.add(info, signal, {'speed_hz': …})"
    else:
        return info.rpm / 60
    raise DataError(f"recording {info.record_id!r} {why}: it has no order domain", hint=hint)


def _row(info: RecordingInfo, sensor: str) -> int:
    sensors = [channel.sensor for channel in info.channels]
    if sensor not in sensors:
        raise DataError(
            f"recording {info.record_id!r} has no channel {sensor!r}; it has {', '.join(sensors)}",
            hint="name a channel that all recordings have, or leave this one out",
        )
    return sensors.index(sensor)
