"""Homes with data in them that is made once for a file of tests, and copied for each of its tests."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from pfd.client.dispatcher import forget_default


@contextlib.contextmanager
def eager_home(folder: Path) -> Iterator[Path]:
    """A PFD_HOME for the length of a block, in which jobs run at once, in the test.

    Afterwards nobody holds it open: it can be copied with `shutil.copytree` to where the fixture `pfd_home` says.
    """
    home = folder / "pfd"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PFD_HOME", str(home))
        patch.setenv("PFD_RUNTIME", "eager")
        patch.chdir(folder)
        forget_default()
        try:
            yield home
        finally:
            forget_default()
