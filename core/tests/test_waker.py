"""A loop that waits for descriptors, woken by another thread or by signals."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Iterator

import pytest

from pfd.waker import Waker


@pytest.fixture
def handled() -> Iterator[signal.Signals]:
    """A signal that Python handles, by doing nothing."""
    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    yield signal.SIGUSR1
    signal.signal(signal.SIGUSR1, before)


@contextlib.contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe's end to read from, which never blocks, and its end to write to."""
    reads, writes = os.pipe()
    os.set_blocking(reads, False)
    try:
        yield reads, writes
    finally:
        os.close(reads)
        os.close(writes)


def readable(waker: Waker) -> bool:
    return bool(select.select([waker], [], [], 0)[0])


def test_it_is_readable_from_the_first_wake_until_it_is_drained() -> None:
    with Waker() as waker:
        assert not readable(waker)
        for _ in range(100_000):  # more than it holds: no wake blocks
            waker.wake()
        assert readable(waker)
        while readable(waker):
            waker.drain()
        waker.drain()
        assert not readable(waker)


def test_a_wake_after_the_end_reaches_no_other_file() -> None:
    waker = Waker()
    waker.close()
    with pipe() as (reads, _):  # by the numbers that it had
        waker.wake()
        assert not select.select([reads], [], [], 0)[0]


def test_it_is_woken_by_signals_once_it_hears_them(handled: signal.Signals, capfd: pytest.CaptureFixture[str]) -> None:
    with Waker() as waker:
        signal.raise_signal(handled)
        assert not readable(waker)
        waker.hear_signals()
        for _ in range(10_000):  # more than it holds
            signal.raise_signal(handled)
        assert readable(waker)
        while readable(waker):
            waker.drain()
        signal.raise_signal(handled)
        assert readable(waker)
    assert capfd.readouterr().err == ""


def test_a_signal_after_the_end_is_written_nowhere(handled: signal.Signals, capfd: pytest.CaptureFixture[str]) -> None:
    waker = Waker()
    waker.hear_signals()
    waker.close()
    with pipe() as (reads, writes):  # by the numbers that it had
        os.set_blocking(writes, False)
        signal.raise_signal(handled)
        assert not select.select([reads], [], [], 0)[0]
    signal.raise_signal(handled)  # a number that no file has
    assert capfd.readouterr().err == ""


def test_the_end_of_one_that_hears_no_signals_leaves_another_that_does(handled: signal.Signals) -> None:
    with Waker() as hears:
        hears.hear_signals()
        Waker().close()
        signal.raise_signal(handled)
        assert readable(hears)
