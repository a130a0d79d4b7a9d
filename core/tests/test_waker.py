"""A loop that waits for descriptors, woken by another thread."""

from __future__ import annotations

import os
import select

from pfd.waker import Waker


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
    reads, writes = os.pipe()  # by the numbers that it had
    try:
        waker.wake()
        os.set_blocking(reads, False)
        assert select.select([reads], [], [], 0)[0] == []
    finally:
        os.close(reads)
        os.close(writes)
