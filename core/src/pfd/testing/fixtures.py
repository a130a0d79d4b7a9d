"""Fixtures for the tests of plugins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pfd.settings import Settings


@pytest.fixture
def pfd_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A PFD_HOME of its own with a real SQLite store, and the eager runtime: jobs run in the test, at once."""
    home = tmp_path / "pfd"
    monkeypatch.setenv("PFD_HOME", str(home))
    monkeypatch.setenv("PFD_RUNTIME", "eager")
    monkeypatch.delenv("PFD_DATABASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    yield home
    from pfd.client.dispatcher import forget_default

    forget_default()


@pytest.fixture
def pfd_settings(pfd_home: Path) -> Settings:
    """The settings that go with `pfd_home`."""
    from pfd.settings import load_settings

    return load_settings({"home": pfd_home}).values
