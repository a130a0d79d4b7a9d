"""Signals of recordings at one rate, from one channel, read by memory map."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pfd_plugin_data import Conditioning, Dataset, iter_windows, window_starts

Signal = npt.NDArray[np.float32]


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
    return window_starts(signals[record].size, window=window, hop=hop)


def _conditioned(
    dataset: Dataset, record: int, conditioning: Conditioning, window: int, hop: int, scratch: Path
) -> Signal:
    info = dataset.recordings[record]
    longest = int(np.ceil(info.n_samples * conditioning.sample_rate_hz / info.sample_rate_hz)) + 1
    with tempfile.TemporaryFile(dir=scratch) as file:
        signal: Signal = np.memmap(file, dtype=np.float32, mode="w+", shape=(max(longest, 1),))
    end = 0
    for batch in iter_windows(dataset, [record], window=window, hop=hop, **conditioning.conditions):
        # Windows that overlap hold the same samples, so each is simply put where it came from.
        for first, x in zip(batch.start, batch.x, strict=True):
            signal[first : first + window] = x
            end = int(first) + window
    return signal[:end]
