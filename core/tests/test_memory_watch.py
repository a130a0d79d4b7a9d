"""When a worker looks at the memory of a job that has a limit, and what it says of it."""

from __future__ import annotations

import logging
import os

import pytest

from pfd.runner import memory_watch
from pfd.runner.memory import TreeMemory
from pfd.runner.memory_watch import GLANCE, LOOK, SHARE, MemoryWatch

ALL = 2**50
"""Bytes that no process uses."""


class Counted(TreeMemory):
    """Counts how it is looked at, and uses what it is told; a look takes `seconds` of its clock."""

    def __init__(self, root: int) -> None:
        super().__init__(root)
        self.glances = self.looks = 0
        self.uses: int | OSError = 3 * 2**20
        self.now, self.seconds = 1000.0, 0.0

    def monotonic(self) -> float:
        return self.now

    def glance(self) -> None:
        self.glances += 1

    def used(self, limit: int) -> int:
        self.looks += 1
        self.now += self.seconds
        if isinstance(self.uses, OSError):
            raise self.uses
        return self.uses


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Counted:
    found = Counted(os.getpid())
    monkeypatch.setattr(memory_watch, "TreeMemory", lambda _: found)
    monkeypatch.setattr(memory_watch, "time", found)
    return found


def test_it_looks_now_and_then_and_glances_in_between(memory: Counted) -> None:
    watch = MemoryWatch("job", os.getpid(), ALL)
    began = memory.now
    assert watch.next_at <= began
    for now in (began, began + GLANCE, began + 2 * GLANCE):
        assert watch.exceeded(now) is None
        assert watch.next_at == now + GLANCE
    assert (memory.looks, memory.glances) == (1, 2)
    watch.exceeded(began + LOOK)
    assert (memory.looks, memory.glances) == (2, 2)


def test_it_takes_its_time_where_a_look_takes_long(memory: Counted) -> None:
    watch = MemoryWatch("job", os.getpid(), ALL)
    began, memory.seconds = memory.now, 1.0
    watch.exceeded(began)
    watch.exceeded(began + 0.9 / SHARE)
    assert memory.looks == 1
    watch.exceeded(began + 1.1 / SHARE)
    assert memory.looks == 2


def test_it_says_what_is_used_beyond_the_limit(memory: Counted) -> None:
    limit = 2 * 2**20
    said = "the job's processes used 3 MiB, more than the 2 MiB allowed"
    assert MemoryWatch("job", os.getpid(), limit).exceeded(memory.now) == said
    memory.uses = limit
    assert MemoryWatch("job", os.getpid(), limit).exceeded(memory.now) is None


def test_where_it_cannot_look_it_says_so_and_tries_with_the_next_glance(
    memory: Counted, caplog: pytest.LogCaptureFixture
) -> None:
    watch = MemoryWatch("0123456789", os.getpid(), 2 * 2**20)
    memory.uses = OSError("too many open files")
    with caplog.at_level(logging.WARNING, "pfd.worker"):
        assert watch.exceeded(memory.now) is None
    assert caplog.messages == ["the memory of job 01234567 cannot be seen: too many open files"]
    memory.uses = 3 * 2**20
    assert watch.exceeded(watch.next_at) is not None
