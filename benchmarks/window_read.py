"""What a random window costs: of a dataset by its reader, of `.npy` files by `np.load(mmap_mode="r")`, and by h5py.

All three hold the same recordings.  Each window is copied into an array, as a batch is put together; the places are
the same for all.  Cold: the files' pages are dropped from the page cache, so what counts is the disk.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt

from benchmarks.measure import Comparison, Side, interleaved
from pfd_plugin_data import ChannelInfo, DatasetWriter, RecordingInfo, open_dataset

RECORDINGS = 200
SAMPLES = 120_000
WINDOW = 2048
WARM, COLD = 20_000, 400

Read = Callable[[int, int], npt.NDArray[np.float32]]
"""The window of a recording that begins at a sample."""


def measure(runs: int) -> list[Comparison]:
    with tempfile.TemporaryDirectory(prefix="window-read-") as name:
        folder = Path(name)
        _write(folder)
        openers = {"PFD": _ours, "npy": _npy, "h5py": _h5py}
        readers = {side: opener(folder) for side, opener in openers.items()}
        for reader in readers.values():  # all pages in memory, and nothing is opened within the time
            _seconds(reader, _places(WARM, 0))
        rounds = iter(range(1, 10**9))

        def warm(side: str) -> float:
            return _seconds(readers[side], _places(WARM, next(rounds))) / WARM * 1e6

        def cold(side: str) -> float:
            _drop(folder)
            return _seconds(openers[side](folder), _places(COLD, next(rounds))) / COLD * 1e6

        in_memory = interleaved({side: partial(warm, side) for side in openers}, runs)
        del reader
        readers.clear()  # pages that are mapped cannot be dropped
        on_disk = interleaved({side: partial(cold, side) for side in openers}, runs)
    size = f"{RECORDINGS} recordings of {SAMPLES:,} samples, window of {WINDOW}, copied into an array"
    return [
        Comparison(
            f"A random window of {WINDOW} samples, {what}",
            "at most 3 × an npy memory map",
            Side("PFD, `Dataset.read`", size, values["PFD"], "µs"),
            (
                Side("npy memory map", "`np.load(mmap_mode='r')`, a file a recording, open", values["npy"], "µs"),
                Side("h5py", "the same file, contiguous, open", values["h5py"], "µs"),
            ),
        )
        for what, values in (
            (f"pages in memory, {WARM:,} reads", in_memory),
            (f"pages on the disk, {COLD} reads", on_disk),
        )
    ]


def _write(folder: Path) -> None:
    rng = np.random.default_rng(0)
    columns = (None, None, "ball", None, None, None, None, None, None, None)
    with DatasetWriter(folder / "bench.h5", "bench") as writer:
        for index in range(RECORDINGS):
            signal = rng.standard_normal((1, SAMPLES), np.float32)
            info = RecordingInfo(
                f"r{index}", "b", *columns, (ChannelInfo("DE"),), 12_000.0, SAMPLES, "0", "benchmark", None
            )
            writer.add(info, signal)
            np.save(folder / f"{index}.npy", signal)
    os.sync()


def _ours(folder: Path) -> Read:
    read = open_dataset(folder / "bench.h5").read
    return lambda index, start: read(index, start, start + WINDOW)


def _npy(folder: Path) -> Read:
    arrays = [np.load(folder / f"{index}.npy", mmap_mode="r") for index in range(RECORDINGS)]
    return lambda index, start: arrays[index][:, start : start + WINDOW]


def _h5py(folder: Path) -> Read:
    file = h5py.File(folder / "bench.h5", "r")
    arrays = [file[f"signals/{index:06d}"] for index in range(RECORDINGS)]
    return lambda index, start: arrays[index][:, start : start + WINDOW]


def _places(count: int, seed: int) -> list[tuple[int, int]]:
    rng = np.random.default_rng(seed)
    starts = rng.integers(SAMPLES - WINDOW, size=count).tolist()
    return list(zip(rng.integers(RECORDINGS, size=count).tolist(), starts, strict=True))


def _seconds(read: Read, places: list[tuple[int, int]]) -> float:
    batch = np.empty((1, WINDOW), np.float32)
    start = time.perf_counter()
    for index, first in places:
        batch[...] = read(index, first)
    return time.perf_counter() - start


def _drop(folder: Path) -> None:
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
