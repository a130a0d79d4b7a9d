"""What is said at the end of a run: what it left out, which files took long, and which tests do so without a reason."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.workspace import ROOT

TESTS = """
import time
import pytest

def test_that_is_quick():
    pass

def test_that_is_long_for_no_reason():
    time.sleep(0.2)

@pytest.mark.slow("it waits")
def test_that_is_long_for_a_reason():
    time.sleep(0.2)

@pytest.mark.slow("it waits for longer", first=True)
def test_that_begins_first():
    time.sleep(0.2)

@pytest.mark.elsewhere("on another bearing")
@pytest.mark.parametrize("number", range(3))
def test_that_is_left_out(number):
    pass
"""

CONFIGURATION = """
import tests.support.pace
tests.support.pace.LONG = 0.1
pytest_plugins = ("tests.support.pace", "tests.support.left_out")
"""


def _run(folder: Path, *options: str) -> str:
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    slow\n    elsewhere\n")
    (folder / "conftest.py").write_text(CONFIGURATION)
    (folder / "test_it.py").write_text(TESTS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "xdist", "-v", "--strict-markers", *options, str(folder)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("processes", [0, 2])
def test_a_run_says_what_it_left_out_and_what_took_long(tmp_path: Path, processes: int) -> None:
    said = _run(tmp_path, "-n", str(processes), "--dist", "worksteal")
    assert "3 tests left out: 'make test-all' (--all) runs them" in said
    assert re.search(r"^ +3  on another bearing$", said, re.MULTILINE)
    assert re.search(r"^ +0\.[6-9] s  test_it.py$", said, re.MULTILINE)
    told = said.partition("no @pytest.mark.slow says why")[2]
    assert re.findall(r"::(test_\w+)$", told, re.MULTILINE) == ["test_that_is_long_for_no_reason"]
    assert ("idle at the end: gw0 " in said) == (processes > 0)
    assert re.search(r"\d+ s of CPU", said)


def test_all_tests_run_where_that_is_asked_for_and_the_longest_begin_first(tmp_path: Path) -> None:
    said = _run(tmp_path, "-n", "0", "--all")
    assert "left out" not in said.replace("that_is_left_out", "")
    assert said.count("::test_that_is_left_out[") == 3
    assert re.findall(r"^test_it.py::(\w+)", said, re.MULTILINE)[0] == "test_that_begins_first"
