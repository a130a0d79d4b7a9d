"""When a fork waits, and whom it takes for quiet."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pfd import forks
from pfd.errors import StoreError
from pfd.settings import load_settings
from pfd.store.store import Store


def said_in_a_child(fork: Callable[[], int], ask: Callable[[], object]) -> str:
    """What a store says to the child of a fork that asks it; nothing where it answers."""
    read, write = os.pipe()
    if not (child := fork()):
        said = ""
        try:
            ask()
        except StoreError as error:
            said = str(error)
        os.write(write, said.encode())
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with open(read, encoding="utf-8") as answer:  # noqa: PTH123  (a descriptor)
        return answer.read()


def test_a_thread_in_nested_conversations_is_never_out_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even between two steps: that is when another thread may look."""
    left: list[object] = []

    class Noted(dict[int, int]):
        def pop(self, *given: Any) -> Any:
            left.append(given)
            return super().pop(*given)

        def __delitem__(self, thread: int) -> None:
            left.append(thread)
            super().__delitem__(thread)

    monkeypatch.setattr(forks, "_talking", Noted())
    with forks.conversation():
        with forks.conversation():
            assert len(forks._talking) == 1
        assert left == []
        assert len(forks._talking) == 1
    assert len(left) == 1
    assert not forks._talking


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "fork"), reason="no fork() of C")
def test_a_fork_that_python_hears_nothing_of_is_noticed(pfd_home: Path) -> None:
    """As by uWSGI, which tells Python of its forks only if it is asked to."""
    store = Store(load_settings().values).open()

    def ask() -> None:
        with store.read():
            pass

    ask()
    assert "forked in the middle" in said_in_a_child(ctypes.PyDLL(None).fork, ask)
    store.close()


def test_a_store_that_was_closed_at_a_fork_of_c_is_used_by_the_child(pfd_home: Path) -> None:
    store = Store(load_settings().values).open()
    store.close()

    def ask() -> None:
        with store.read():
            pass

    assert said_in_a_child(ctypes.PyDLL(None).fork, ask) == ""
    store.close()


def test_every_store_on_a_file_that_was_torn_says_so(pfd_home: Path) -> None:
    settings = load_settings().values
    store = Store(settings).open()
    with store.write():
        assert "forked in the middle" in said_in_a_child(os.fork, lambda: Store(settings).open())
    store.close()
