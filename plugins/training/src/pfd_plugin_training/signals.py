"""Signals of recordings at one rate, from one channel, read by memory map."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pfd_plugin_data import Dataset, RecordingInfo, common_channel, common_lowpass, common_rate, iter_windows

Signal = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Conditioning:
    """What is done to recordings before windows are cut: one channel, one rate, one band."""

    channel: str
    sample_rate_hz: float
    lowpass_hz: float | None

    @staticmethod
    def of(
        dataset: Dataset,
        channel: str | None = None,
        sample_rate_hz: float | None = None,
        lowpass_hz: float | None = None,
    ) -> Conditioning:
        """Fill in what was left open from the whole dataset, so that all parts of a split are treated alike.

        Where rates differ, all recordings are low-passed alike, so that none can be told by its rate.
        """
        rate = sample_rate_hz or common_rate(dataset.recordings)
        return Conditioning(
            channel or common_channel(dataset.recordings),
            rate,
            common_lowpass(dataset.recordings, rate, lowpass_hz),
        )

    def leaves(self, info: RecordingInfo) -> bool:
        """Whether a recording can be read as it is stored."""
        return info.sample_rate_hz == self.sample_rate_hz and self.lowpass_hz is None


def open_signals(
    dataset: Dataset,
    records: Sequence[int],
    conditioning: Conditioning,
    *,
    window: int,
    hop: int,
    scratch: Path,
    on_record: Callable[[], None] = lambda: None,
) -> dict[int, Signal]:
    """The signal `(samples,)` of each recording that holds a window.

    A recording that can be read as it is stored is mapped from the dataset's file.  Others are resampled or filtered
    once into a nameless file in the folder `scratch`, which vanishes with the process however that ends.
    """
    signals: dict[int, Signal] = {}
    for record in records:
        on_record()
        info = dataset.recordings[record]
        names = [channel.sensor for channel in info.channels]
        if conditioning.leaves(info) and conditioning.channel in names:
            signal = dataset.read(record)[names.index(conditioning.channel)]
        else:
            signal = _conditioned(dataset, record, conditioning, window, hop, scratch)
        if signal.size >= window:
            signals[record] = signal
    return signals


def starts(signals: Mapping[int, Signal], record: int, window: int, hop: int) -> npt.NDArray[np.int64]:
    """First samples of the windows of a recording, as `iter_windows` cuts them."""
    if record not in signals:
        return np.empty(0, dtype=np.int64)
    return np.arange(0, signals[record].size - window + 1, hop, dtype=np.int64)


def _conditioned(
    dataset: Dataset, record: int, conditioning: Conditioning, window: int, hop: int, scratch: Path
) -> Signal:
    info = dataset.recordings[record]
    longest = int(np.ceil(info.n_samples * conditioning.sample_rate_hz / info.sample_rate_hz)) + 1
    with tempfile.TemporaryFile(dir=scratch) as file:
        signal: Signal = np.memmap(file, dtype=np.float32, mode="w+", shape=(max(longest, 1),))
    end = 0
    for batch in iter_windows(
        dataset,
        [record],
        window=window,
        hop=hop,
        channel=conditioning.channel,
        sample_rate_hz=conditioning.sample_rate_hz,
        lowpass_hz=conditioning.lowpass_hz,
    ):
        # Windows that overlap hold the same samples, so each is simply put where it came from.
        for first, x in zip(batch.start, batch.x, strict=True):
            signal[first : first + window] = x
            end = int(first) + window
    return signal[:end]
