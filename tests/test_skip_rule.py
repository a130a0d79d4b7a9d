"""In CI, a skip that the list does not name fails the run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.skips import ALLOWED, read_allowed
from tests.support.workspace import ROOT

SKIPPING = """
import pytest

def test_that_passes():
    pass

def test_that_skips():
    pytest.skip({reason!r})
"""


def _run(folder: Path, reason: str, **variables: str) -> subprocess.CompletedProcess[str]:
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_it.py").write_text(SKIPPING.format(reason=reason))
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.support.skips", str(folder)],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_skip_that_the_list_does_not_name_fails_ci_and_is_shown(tmp_path: Path) -> None:
    done = _run(tmp_path, "no gearbox on this machine", CI="true")
    assert done.returncode == 1
    assert "test_it.py::test_that_skips: Skipped: no gearbox on this machine" in done.stdout


def test_a_skip_that_the_list_names_passes_ci(tmp_path: Path) -> None:
    assert _run(tmp_path, "PFD_TEST_DATA is not set", CI="true").returncode == 0


def test_a_skip_on_somebody_s_own_machine_is_just_a_skip(tmp_path: Path) -> None:
    assert _run(tmp_path, "no gearbox on this machine").returncode == 0


def test_each_allowed_skip_has_a_reason(tmp_path: Path) -> None:
    assert all(item.reason for item in read_allowed(ALLOWED))
    broken = tmp_path / "list.txt"
    broken.write_text("tests/test_x.py::test_y\n")
    with pytest.raises(pytest.UsageError, match="PATTERN: REASON"):
        read_allowed(broken)
