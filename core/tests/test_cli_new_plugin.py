"""`pfd new-plugin` writes a plugin that can be installed and whose own tests pass."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.tests.support.commands import Commands
from pfd.cli.new_plugin import LONGEST

BIN = Path(sys.executable).parent


def _run(*command: str, cwd: Path, **variables: str) -> str:
    done = subprocess.run(
        command, cwd=cwd, env=os.environ | variables, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _install(folder: Path, target: Path) -> None:
    uv = shutil.which("uv", path=str(BIN)) or shutil.which("uv")
    installer = [uv, "pip", "install", "-p", sys.executable] if uv else [sys.executable, "-m", "pip", "install"]
    _run(*installer, "--no-deps", "--target", str(target), str(folder), cwd=folder)


def _require(tool: str) -> None:
    if shutil.which(tool, path=str(BIN)) is None:
        pytest.skip(f"{tool} is not installed")


@pytest.mark.slow("an environment, and the tests of the plugin in it")
def test_a_new_plugin_installs_is_found_runs_a_job_and_passes_its_own_tests(bare_pfd: Commands, tmp_path: Path) -> None:
    made = bare_pfd("new-plugin", "gear-box")
    assert made.code == 0, made
    assert "  pfd plugins check gear_box " in made.out
    folder = tmp_path / "pfd-plugin-gear-box"
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) == [
        "README.md",
        "pyproject.toml",
        "src/pfd_plugin_gear_box/__init__.py",
        "src/pfd_plugin_gear_box/migrations/0001_levels.py",
        "src/pfd_plugin_gear_box/migrations/__init__.py",
        "src/pfd_plugin_gear_box/params.py",
        "src/pfd_plugin_gear_box/plugin.py",
        "src/pfd_plugin_gear_box/py.typed",
        "src/pfd_plugin_gear_box/records.py",
        "src/pfd_plugin_gear_box/store.py",
        "src/pfd_plugin_gear_box/tasks.py",
        "src/pfd_plugin_gear_box/views.py",
        "tests/test_gear_box.py",
    ]
    target = tmp_path / "installed"
    _install(folder, target)

    def run(*words: str) -> str:
        return _run(sys.executable, "-m", *words, cwd=folder, PYTHONPATH=str(target), PFD_PLUGINS="gear_box")

    assert "6 passed" in run("pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "-p", "no:dash")
    pfd_program = str(BIN / "pfd")
    environment = {"PYTHONPATH": str(target), "PFD_PLUGINS": "gear_box"}
    assert "gear_box_level_task" in _run(pfd_program, "tasks", cwd=folder, **environment)
    done = _run(pfd_program, "submit", "gear_box_level_task", "samples=3,-4", "--wait", cwd=folder, **environment)
    assert "peak" in done
    _run(pfd_program, "report", "@last", "--to", "level.html", cwd=folder, **environment)
    assert "The RMS of each block of the signal" in (folder / "level.html").read_text(encoding="utf-8")
    config = _run(pfd_program, "config", "--json", cwd=folder, **environment, PFD_GEAR_BOX_FULL_SCALE="5")
    [setting] = [row for row in json.loads(config) if row["name"] == "gear_box.full_scale"]
    assert (setting["value"], setting["origin"]) == ("5.0", "environment PFD_GEAR_BOX_FULL_SCALE")
    checked = _run(pfd_program, "plugins", "check", "gear_box", cwd=folder, **environment)
    assert checked == "gear_box: nothing is wrong\n"


@pytest.mark.slow("mypy reads the core as well, from nothing", first=True)
def test_a_new_plugin_is_clean_by_the_type_checker(bare_pfd: Commands, tmp_path: Path) -> None:
    assert bare_pfd("new-plugin", "gearbox").code == 0
    folder = tmp_path / "pfd-plugin-gearbox"
    _require("mypy")
    core = Path(__file__).parents[1] / "src"
    cache = str(tmp_path / "mypy")
    path = f"src{os.pathsep}{core}"
    _run(str(BIN / "mypy"), "--strict", "--cache-dir", cache, "src", "tests", cwd=folder, MYPYPATH=path)


@pytest.mark.parametrize("name", ["g", "gearbox", "gear-box-of-the-wind-turbine-in-the-north"[:LONGEST]])
def test_a_new_plugin_of_any_name_is_clean_by_the_linter(bare_pfd: Commands, tmp_path: Path, name: str) -> None:
    _require("ruff")
    assert bare_pfd("new-plugin", name).code == 0
    folder = tmp_path / f"pfd-plugin-{name}"
    _run(str(BIN / "ruff"), "check", "--no-cache", ".", cwd=folder)
    _run(str(BIN / "ruff"), "format", "--no-cache", "--check", ".", cwd=folder)


def test_a_new_plugin_is_read_in_five_minutes(bare_pfd: Commands, tmp_path: Path) -> None:
    assert bare_pfd("new-plugin", "gearbox").code == 0
    files = [path for path in tmp_path.rglob("*.py") if path.is_file()]
    lines = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert sum(lines.values()) <= 350, lines
    assert max(lines.values()) <= 80, lines


def test_a_new_plugin_is_written_where_asked_for(bare_pfd: Commands, tmp_path: Path) -> None:
    assert bare_pfd("new-plugin", "gearbox", "--directory", "deep/er").code == 0
    assert (tmp_path / "deep" / "er" / "pfd-plugin-gearbox" / "pyproject.toml").is_file()


def test_a_folder_that_exists_is_not_overwritten(bare_pfd: Commands, tmp_path: Path) -> None:
    mine = tmp_path / "pfd-plugin-gearbox"
    mine.mkdir()
    shown = bare_pfd("new-plugin", "gearbox")
    assert shown.code == 2
    assert "exists already" in shown.err
    assert list(mine.iterdir()) == []
    assert list(tmp_path.iterdir()) == [mine]


@pytest.mark.parametrize(
    "name", ["Gearbox", "9gear", "gear box", "../gear", "", "gear__box", "gear.box", "g" * 41, "é"]
)
def test_a_name_that_cannot_be_used_is_refused_and_nothing_written(
    bare_pfd: Commands, tmp_path: Path, name: str
) -> None:
    shown = bare_pfd("new-plugin", name)
    assert shown.code == 2
    assert "a plugin is called by lower-case letters" in shown.err
    assert list(tmp_path.iterdir()) == []


def test_the_name_of_an_installed_plugin_is_refused(bare_pfd: Commands) -> None:
    shown = bare_pfd("new-plugin", "sample")
    assert shown.code == 2
    assert "pfd-sample" in shown.err


def test_a_folder_that_cannot_be_written_leaves_nothing_behind(bare_pfd: Commands, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    shown = bare_pfd("new-plugin", "gearbox", "--directory", "file")
    assert shown.code != 0
    shown = bare_pfd("new-plugin", "gearbox", "--directory", "file/below")
    assert shown.code == 1
    assert "cannot be written" in shown.err
