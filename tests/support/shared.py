"""What is made once in a run of tests, though several processes of xdist need it."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def made_once(request: pytest.FixtureRequest, name: str, make: Callable[[Path], None]) -> Path:
    """A folder of this run that one process fills and all of them read.  Whoever comes while it is filled waits.

    `make` fills the folder; where it fails, the next who asks tries again with an empty one.
    """
    factory: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
    # The processes of a run have folders of their own in the one that the run has.
    run = factory.getbasetemp().parent if hasattr(request.config, "workerinput") else factory.getbasetemp()
    folder, done = run / name, run / f"{name}.done"
    with (run / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            done.touch()
    return folder
