"""Generation of rolling-element recordings of one second, beside what NumPy needs to draw as many normal deviates."""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import Comparison, Side, interleaved

RATES = (12_000, 48_000)
RECORDINGS = 400
"""For the figures of one process: a quarter of each default class."""

MANY = 2_000
"""For those of several: as many as make their start small beside their work."""


def measure(runs: int) -> list[Comparison]:
    found = [one for rate in RATES for one in _one_process(rate, runs)]
    return [*found, *(one for rate in RATES for one in (_two(rate, runs), _two_to_disk(rate, runs)))]


def _one_process(rate: int, runs: int) -> list[Comparison]:
    from pfd_plugin_data.generation import generate_recordings

    params = _params(rate, RECORDINGS)
    rng = np.random.default_rng(0)

    def draw() -> None:
        for _ in range(RECORDINGS):
            rng.standard_normal(rate)

    def in_memory() -> None:
        for _ in generate_recordings(params):
            pass

    sides = {"draw": draw, "memory": in_memory, "disk": lambda: _to_disk(rate, RECORDINGS)}
    found = interleaved({name: _each(side, RECORDINGS) for name, side in sides.items()}, runs)
    drawn = Side("numpy", f"Generator.standard_normal({rate})", found["draw"], "µs")
    setup = f"{RECORDINGS} recordings of 1 s, default classes, one process"
    return [
        Comparison(
            f"Generate 1 s of a bearing at {rate / 1000:g} kHz in memory",
            "at most 5 times NumPy's draw, that is a ratio of 0.20 or more",
            Side("PFD", setup, found["memory"], "µs"),
            (drawn,),
        ),
        Comparison(
            f"Generate 1 s of a bearing at {rate / 1000:g} kHz to disk, with its truth",
            "at most 15 times NumPy's draw, that is a ratio of 0.07 or more",
            Side("PFD", f"{setup}; checksums included", found["disk"], "µs"),
            (drawn,),
        ),
    ]


def _two(rate: int, runs: int) -> Comparison:
    from pfd_plugin_data.generation import generate_packed

    def packed(processes: int, recordings: int = MANY) -> None:
        for _ in generate_packed(_params(rate, recordings), processes):
            pass

    def apart() -> None:
        """What two processes can do at most on this machine: half of it each, and nothing is handed over."""
        fork = multiprocessing.get_context("fork")
        halves = [fork.Process(target=packed, args=(1, MANY // 2)) for _ in range(2)]
        for half in halves:
            half.start()
        for half in halves:
            half.join()
            assert half.exitcode == 0

    sides: dict[str, Callable[[], None]] = {
        "1": functools.partial(packed, 1),
        "2": functools.partial(packed, 2),
        "apart": apart,
    }
    found = interleaved({name: _each(side, MANY) for name, side in sides.items()}, runs)
    setup = f"{MANY} recordings, ready to be written, with truth and checksums"
    return Comparison(
        f"Generate 1 s of a bearing at {rate / 1000:g} kHz with two processes",
        "at least 1.7 times as fast as with one",
        Side("PFD, two processes", f"{setup}; their start included", found["2"], "µs"),
        (
            Side("PFD, one process", setup, found["1"], "µs"),
            Side(
                "two halves apart",
                "two processes that hand nothing over: the most this machine gives",
                found["apart"],
                "µs",
            ),
        ),
    )


def _two_to_disk(rate: int, runs: int) -> Comparison:
    sides = {str(number): functools.partial(_to_disk, rate, MANY, number) for number in (1, 2)}
    found = interleaved({name: _each(side, MANY) for name, side in sides.items()}, runs)
    setup = f"{MANY} recordings to disk, with truth and checksums"
    return Comparison(
        f"Write 1 s of a bearing at {rate / 1000:g} kHz with two processes",
        "at least 1.7 times as fast as with one",
        Side("PFD, two processes", f"{setup}; their start included", found["2"], "µs"),
        (Side("PFD, one process", setup, found["1"], "µs"),),
    )


def _params(rate: int, recordings: int) -> Any:
    from pfd_plugin_data.params import GenerateDatasetParams

    return GenerateDatasetParams(num_signals_per_fault=recordings // 4, duration_s=1, sample_rate_hz=rate)


def _to_disk(rate: int, recordings: int, processes: int = 1) -> None:
    from pfd_plugin_data import DatasetWriter
    from pfd_plugin_data.generation import generate_packed

    with (
        tempfile.TemporaryDirectory(prefix="pfd-bench-") as folder,
        DatasetWriter(Path(folder) / "x.h5", "x") as writer,
        contextlib.closing(generate_packed(_params(rate, recordings), processes)) as made,
    ):
        for packed in made:
            writer.append(packed)


def _each(side: Callable[[], None], number: int) -> Callable[[], float]:
    """Microseconds a recording."""

    def timed() -> float:
        begin = time.perf_counter()
        side()
        return (time.perf_counter() - begin) / number * 1e6

    return timed
