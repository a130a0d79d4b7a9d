"""What all tests of this workspace share: a clean environment, servers, recordings, and the rule about skips."""

from __future__ import annotations

import gc
import os
import signal
import sys
from pathlib import Path

import pytest

pytest_plugins = (
    "tests.support.environments",
    "tests.support.left_out",
    "tests.support.notes",
    "tests.support.pace",
    "tests.support.servers",
    "tests.support.brokers",  # after those that it imports from
    "tests.support.skips",
)

TEST_DATA = "PFD_TEST_DATA"


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--fuzz-files`."""
    parser.addoption("--fuzz-files", type=int, metavar="N", help="mutated files of each format (a bounded part)")


def pytest_configure() -> None:
    """Forget the caller's settings, so that no test reads or writes a real store."""
    for name in list(os.environ):
        if name.startswith(("PFD_", "CELERY_")) and name != TEST_DATA:
            del os.environ[name]
    # Without bytecode each of the thousand programs that tests start compiles all that it imports, for seconds.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # A shell starts what runs in its background deaf to Ctrl-C, and all children with it; some tests press Ctrl-C.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Below `nohup` all would be deaf to SIGHUP; those that this process starts are not, where it has a handler itself.
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)


def pytest_collection_finish() -> None:
    """Keep what has been imported and collected out of the way of the garbage collector.

    It is there until the end, and would be walked each time that the oldest generation is looked at, by children too.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real recordings, with `uestc/`, `cwru/` and `mfpt/` in it."""
    if not os.environ.get(TEST_DATA):
        pytest.skip("PFD_TEST_DATA is not set: it names the folder of real recordings")
    folder = Path(os.environ[TEST_DATA])
    if not folder.is_dir():
        pytest.fail(f"PFD_TEST_DATA={folder} is not a folder")
    return folder
