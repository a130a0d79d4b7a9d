"""Tests that see what is installed, and not what the tests of the core put in its way."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.support.workspace import ROOT


@pytest.fixture(autouse=True)
def only_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one run with the tests of the core, their sample plugin is on the path of this process and of its children."""
    test_folders = ROOT / "core" / "tests"
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if not Path(entry).is_relative_to(test_folders)])
    kept = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    kept = [entry for entry in kept if not Path(entry).is_relative_to(test_folders)]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(kept))
