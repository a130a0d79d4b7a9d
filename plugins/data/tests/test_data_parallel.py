"""Several processes, one order."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from pfd import WorkerLost
from pfd_plugin_data.parallel import ordered


def children() -> int:
    return len(multiprocessing.active_children())


@pytest.mark.parametrize("count", [0, 1, 2, 7, 20])
@pytest.mark.parametrize("processes", [1, 2, 3])
@pytest.mark.parametrize("chunk", [1, 3])
def test_results_come_in_order_whatever_makes_them(count: int, processes: int, chunk: int) -> None:
    def slow_first(number: int) -> int:
        time.sleep(0.01 if number == 0 else 0)
        return number**2

    assert list(ordered(slow_first, count, processes, chunk=chunk)) == [number**2 for number in range(count)]
    assert children() == 0


def test_the_work_is_done_in_other_processes() -> None:
    pids = set(ordered(lambda _: os.getpid(), 8, 2))
    assert len(pids) == 2
    assert os.getpid() not in pids


def test_an_error_is_raised_where_its_result_would_have_come() -> None:
    def fails(number: int) -> int:
        if number == 3:
            raise ValueError("three")
        return number

    found: list[int] = []
    with pytest.raises(ValueError, match="three"):
        found.extend(ordered(fails, 10, 2))
    assert children() == 0


def test_a_process_that_is_killed_is_known_at_once() -> None:
    def dies(number: int) -> int:
        if number == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    with pytest.raises(WorkerLost, match="was killed"):
        list(ordered(dies, 10, 2))
    assert children() == 0


def test_nothing_runs_on_once_the_results_are_no_longer_wanted(tmp_path: Path) -> None:
    def marks(number: int) -> int:
        (tmp_path / str(number)).touch()
        time.sleep(0.01)
        return number

    with contextlib.closing(ordered(marks, 1000, 2)) as results:
        assert next(iter(results)) == 0
    assert children() == 0
    made = len(list(tmp_path.iterdir()))
    time.sleep(0.1)
    assert len(list(tmp_path.iterdir())) == made < 20


@pytest.mark.parametrize("size", [3, 1000, 2_000_000])
def test_arrays_come_as_they_were_made_and_stay_so(size: int) -> None:
    """The largest do not fit the memory that is shared; the smaller ones are written over by those that follow."""
    found = list(ordered(lambda number: (number, np.full(size, number, np.float32)), 9, 2, chunk=2))
    for number, (name, array) in enumerate(found):
        assert name == number
        assert array.dtype == np.float32
        assert np.all(array == number)
        assert array.shape == (size,)


def test_one_that_is_ahead_waits_so_that_memory_does_not_grow(tmp_path: Path) -> None:
    def large(number: int) -> bytes:
        (tmp_path / str(number)).touch()
        return bytes(5_000_000)

    with contextlib.closing(ordered(large, 100, 2)) as results:
        next(iter(results))
        time.sleep(0.3)
        assert len(list(tmp_path.iterdir())) <= 5
