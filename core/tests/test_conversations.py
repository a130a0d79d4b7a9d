"""When a fork waits, and whom it takes for quiet."""

from __future__ import annotations

import ctypes
import os
import threading
from pathlib import Path

import pytest

from pfd import forks
from pfd.errors import StoreError
from pfd.settings import load_settings
from pfd.store.store import Store


def test_a_thread_in_nested_conversations_is_never_out_of_them() -> None:
    ends, seen = threading.Event(), 0
    ready = threading.Event()

    def talk() -> None:
        with forks.conversation():
            ready.set()
            while not ends.is_set():
                with forks.conversation():
                    pass

    thread = threading.Thread(target=talk)
    thread.start()
    ready.wait()
    try:
        for _ in range(200_000):
            seen += thread.ident not in forks._talking
    finally:
        ends.set()
        thread.join()
    assert seen == 0
    assert thread.ident not in forks._talking


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "fork"), reason="no fork() of C")
def test_a_fork_that_python_hears_nothing_of_is_noticed(pfd_home: Path) -> None:
    """As by uWSGI, which tells Python of its forks only if it is asked to."""
    store = Store(load_settings().values).open()
    with store.read():
        pass
    read, write = os.pipe()
    if not (child := ctypes.PyDLL(None).fork()):
        said = b"shared"
        try:
            with store.read():
                pass
        except StoreError:
            said = b"refused"
        os.write(write, said)
        os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    assert os.read(read, 20) == b"refused"
    os.close(read)
    store.close()


def test_every_store_on_a_file_that_was_torn_says_so(pfd_home: Path) -> None:
    settings = load_settings().values
    store = Store(settings).open()
    read, write = os.pipe()
    with store.write():
        patience, forks.PATIENCE = forks.PATIENCE, 0.0
        child = os.fork()
        forks.PATIENCE = patience
        if not child:
            said = b"let through"
            try:
                Store(settings).open()
            except StoreError as error:
                said = b"said" if "forked in the middle" in str(error) else str(error).encode()[:80]
            os.write(write, said)
            os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    assert os.read(read, 100) == b"said"
    os.close(read)
    store.close()
