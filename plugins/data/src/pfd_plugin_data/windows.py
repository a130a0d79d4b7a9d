"""Windows of recordings at one common sample rate, from one channel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pfd import DataError
from pfd_plugin_data.dataset import Dataset
from pfd_plugin_data.recording import RecordingInfo
from pfd_plugin_data.resampling import low_pass, resample

BATCH = 1024
"""Windows handed out at a time, so that memory does not grow with a recording's length at its own rate."""


@dataclass(frozen=True)
class WindowBatch:
    """Windows of one recording.

    `x` is float32 `(n, window)`; `record` the index of the recording; `start` int64 `(n,)`, the first sample of each
    window, counted at `sample_rate_hz`.
    """

    x: npt.NDArray[np.float32]
    record: int
    start: npt.NDArray[np.int64]
    sample_rate_hz: float


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
            hint=f"name one of {', '.join(every)} as channel=, or leave recordings out",
        )
    order = ["DE", *(channel.sensor for channel in recordings[0].channels)]
    return next(sensor for sensor in order if sensor in shared)


def iter_windows(
    dataset: Dataset,
    indices: Sequence[int],
    *,
    window: int,
    hop: int,
    channel: str | None = None,
    sample_rate_hz: float | None = None,
    lowpass_hz: float | None = None,
) -> Iterator[WindowBatch]:
    """Windows of the recordings `indices`, recording by recording, in order.

    A recording at another rate is brought down to the common one behind an anti-alias filter; none is ever brought up,
    since what its sensor did not record cannot be made.  A recording shorter than a window gives none.

    Parameters
    ----------
    window, hop : length and distance of windows, in samples at the common rate.
    channel : name of a sensor; by default `common_channel` of the whole dataset.
    sample_rate_hz : the common rate; by default `common_rate` of the whole dataset.  (Of the dataset and not of
        `indices`, so that the parts of a split cannot come out at different rates.)
    lowpass_hz : edge of a low-pass filter at the common rate, for recordings whose own filters differ.

    Raises
    ------
    DataError : a recording lacks the channel or has a lower rate than asked for; an edge that no filter can have.
    """
    if window < 1 or hop < 1:
        raise DataError(f"window={window} and hop={hop} must be at least 1")
    rate = common_rate(dataset.recordings) if sample_rate_hz is None else sample_rate_hz
    sensor = common_channel(dataset.recordings) if channel is None else channel
    for record in indices:
        info = dataset.recordings[record]
        row = _row(info, sensor)
        if info.sample_rate_hz == rate and lowpass_hz is None:
            signal = dataset.read(record)[row]
        else:
            signal = resample(dataset.read(record)[row], info.sample_rate_hz, rate)
            signal = signal if lowpass_hz is None else low_pass(signal, rate, lowpass_hz)
        if signal.size < window:
            continue
        views = np.lib.stride_tricks.sliding_window_view(signal, window)[::hop]
        for first in range(0, len(views), BATCH):
            x = np.ascontiguousarray(views[first : first + BATCH])
            yield WindowBatch(x, record, hop * np.arange(first, first + len(x), dtype=np.int64), rate)


def _row(info: RecordingInfo, sensor: str) -> int:
    sensors = [channel.sensor for channel in info.channels]
    if sensor not in sensors:
        raise DataError(
            f"recording {info.record_id!r} has no channel {sensor!r}; it has {', '.join(sensors)}",
            hint="name a channel that all recordings have, or leave this one out",
        )
    return sensors.index(sensor)
