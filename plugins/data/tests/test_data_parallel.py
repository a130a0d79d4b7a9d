"""Several processes, one order."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pfd import DataError, WorkerLost
from pfd_plugin_data import layout
from pfd_plugin_data.parallel import ordered


def children() -> int:
    return len(multiprocessing.active_children())


@pytest.mark.parametrize("count", [0, 1, 2, 7, 20])
@pytest.mark.parametrize("processes", [1, 2, 3])
def test_results_come_in_order_whatever_makes_them(count: int, processes: int) -> None:
    def slow_first(number: int) -> list[bytes]:
        time.sleep(0.01 if number == 0 else 0)
        return [b"%d" % number, b"", b"%d" % number**2]

    found = list(ordered(slow_first, count, processes))
    assert found == [[b"%d" % number, b"", b"%d" % number**2] for number in range(count)]
    assert children() == 0


def test_the_work_is_done_in_other_processes() -> None:
    pids = {bytes(pid) for [pid] in ordered(lambda _: [b"%d" % os.getpid()], 8, 2)}
    assert len(pids) == 2
    assert b"%d" % os.getpid() not in pids


@pytest.mark.parametrize(
    ("error", "expected"), [(DataError("three", hint="take two"), DataError), (ValueError("three"), RuntimeError)]
)
def test_an_error_is_raised_where_its_result_would_have_come(error: Exception, expected: type[Exception]) -> None:
    def fails(number: int) -> list[bytes]:
        if number == 3:
            raise error
        return [b"%d" % number]

    found: list[Any] = []
    with pytest.raises(expected, match="three") as caught:
        found.extend(ordered(fails, 10, 2))
    assert getattr(caught.value, "hint", "take two") == "take two"
    assert "ValueError" in str(caught.value) or expected is DataError
    assert children() == 0


def test_a_process_that_is_killed_is_known_at_once() -> None:
    def dies(number: int) -> list[bytes]:
        if number == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return [b"%d" % number]

    with pytest.raises(WorkerLost, match="was killed"):
        list(ordered(dies, 10, 2))
    assert children() == 0


def test_nothing_runs_on_once_the_results_are_no_longer_wanted(tmp_path: Path) -> None:
    def marks(number: int) -> list[bytes]:
        (tmp_path / str(number)).touch()
        time.sleep(0.01)
        return [b"%d" % number]

    with contextlib.closing(ordered(marks, 1000, 2)) as results:
        assert next(iter(results)) == [b"0"]
    assert children() == 0
    made = len(list(tmp_path.iterdir()))
    time.sleep(0.1)
    assert len(list(tmp_path.iterdir())) == made < 20


@pytest.mark.parametrize("size", [3, 1000, 5_000_000])
def test_buffers_come_as_they_were_made_and_stay_so(size: int) -> None:
    """The largest do not fit the memory that is shared; the smaller ones are written over by those that follow."""
    found = list(ordered(lambda number: [bytes([number]) * size, memoryview(b"end")], 9, 2))
    assert found == [[bytes([number]) * size, b"end"] for number in range(9)]


@pytest.mark.parametrize("truth", [{}, {"times": np.arange(5.0), "none": np.zeros(0), "mask": np.ones((2, 3), bool)}])
def test_recordings_are_the_same_behind_their_buffers(make_info: Any, truth: dict[str, Any]) -> None:
    signal = np.linspace(-1, 1, 50, dtype=np.float32)[np.newaxis]
    infos = [make_info("a", n_samples=50), make_info("b", n_samples=50, origins={"rpm": "user"})]
    sent = [layout.pack(info, signal, known) for info, known in zip(infos, (truth, {}), strict=True)]
    received = list(layout.from_buffers(layout.to_buffers(sent)))
    for back, packed in zip(received, sent, strict=True):
        assert (back.record_id, back.info, back.digest) == (packed.record_id, packed.info, packed.digest)
        assert back.origins == packed.origins
        assert layout.digest(back.info, back.signal, back.truth) == packed.digest  # names, types, shapes and values


def test_one_that_is_ahead_waits_so_that_memory_does_not_grow(tmp_path: Path) -> None:
    def large(number: int) -> list[bytes]:
        (tmp_path / str(number)).touch()
        return [bytes(5_000_000)]

    with contextlib.closing(ordered(large, 100, 2)) as results:
        next(iter(results))
        time.sleep(0.3)
        assert len(list(tmp_path.iterdir())) <= 5
