"""Several processes, one order."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from array import array
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pfd import DataError, WorkerLost
from pfd_plugin_data import layout
from pfd_plugin_data.parallel import SLOTS, _Numbers, ordered


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


@pytest.mark.parametrize("processes", [2, 3])
def test_the_work_is_shared_by_so_many_processes_the_one_that_asks_among_them(processes: int) -> None:
    def whose(_: int) -> list[bytes]:
        time.sleep(0.02)
        return [b"%d" % os.getpid()]

    made = Counter(bytes(pid) for [pid] in ordered(whose, 30, processes))
    assert len(made) == processes
    assert made[b"%d" % os.getpid()] > 1


def test_no_number_is_given_twice_and_none_is_left_out() -> None:
    fork = multiprocessing.get_context("fork")
    given: list[int] = []
    with _Numbers(20_000) as numbers:

        def take_all(end: Connection) -> None:
            end.send_bytes(array("q", iter(numbers.next, None)).tobytes())

        pipes = [fork.Pipe() for _ in range(3)]
        takers = [fork.Process(target=take_all, args=(there,)) for _, there in pipes]
        for taker in takers:
            taker.start()
        for (here, there), taker in zip(pipes, takers, strict=True):
            given += array("q", here.recv_bytes())
            taker.join()
            here.close()
            there.close()
    assert sorted(given) == list(range(20_000))


def test_the_one_that_asks_makes_nothing_while_what_it_asks_for_is_there(tmp_path: Path) -> None:
    def whose(number: int) -> list[bytes]:
        (tmp_path / str(number)).touch()
        return [b"%d" % os.getpid()]

    makers = []
    for number, [pid] in enumerate(ordered(whose, 20, 2)):
        makers.append(bytes(pid))
        _await(tmp_path / str(min(number + 2, 19)))  # the one before it is handed over then
    assert set(makers[3:]) == {makers[-1]} != {b"%d" % os.getpid()}


def _await(*paths: Path) -> None:
    deadline = time.monotonic() + 60
    while not all(path.exists() for path in paths):
        assert time.monotonic() < deadline, paths
        time.sleep(0.005)


def test_a_result_that_is_late_holds_up_all_that_come_after_it(tmp_path: Path) -> None:
    """Those that are ahead wait: what was made beyond it is bounded."""

    def late_first(number: int) -> list[bytes]:
        if number == 0:
            _await(*(tmp_path / str(made) for made in range(1, 1 + SLOTS)))
            time.sleep(0.5)
            (tmp_path / "late").write_text(str(len(list(tmp_path.iterdir()))), encoding="ascii")
        else:
            (tmp_path / str(number)).touch()
        return [b"%d" % number]

    assert list(ordered(late_first, 100, 3)) == [[b"%d" % number] for number in range(100)]
    assert SLOTS <= int((tmp_path / "late").read_text(encoding="ascii")) <= 3 * (SLOTS + 1)


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


@pytest.mark.parametrize("size", [1, 5_000_000])
def test_a_process_that_is_killed_is_known(tmp_path: Path, size: int) -> None:
    """Also in the middle of what it sends: the larger one waits in the pipe to be read."""
    asks = os.getpid()

    def dies(number: int) -> list[bytes]:
        if os.getpid() == asks:
            _await(tmp_path / "pid")
            time.sleep(0.1)  # it has told of its result, and sends what there is of it
            with contextlib.suppress(ProcessLookupError):
                os.kill(int((tmp_path / "pid").read_text(encoding="ascii")), signal.SIGKILL)
        elif not (tmp_path / "pid").exists():
            (tmp_path / "pid.new").write_text(str(os.getpid()), encoding="ascii")
            (tmp_path / "pid.new").rename(tmp_path / "pid")
        else:
            time.sleep(60)
        return [bytes(size)]

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
