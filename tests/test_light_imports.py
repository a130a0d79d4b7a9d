"""Listing what there is imports nothing heavy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.workspace import plugins

HEAVY = (
    "numpy",
    "torch",
    "sklearn",
    "pandas",
    "scipy",
    "h5py",
    "matplotlib",
    "pyarrow",
    "sqlalchemy",
    "alembic",
    "cronsim",
    "prometheus_client",
    "opentelemetry",
)

IMPORTS = [
    "pfd",
    *(
        f"{found.package}{part}"
        for found in plugins()
        for part in ("", ".plugin", ".params")
        if part != ".params" or (found.folder / "src" / str(found.package) / "params.py").exists()
    ),
]


def _loaded_by(code: str, home: Path) -> list[str]:
    """The heavy modules that a fresh interpreter has loaded after running `code`."""
    report = f"import sys, json; print(json.dumps([name for name in {HEAVY} if name in sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PFD_HOME": str(home)},
    )
    loaded: list[str] = json.loads(done.stdout.splitlines()[-1])
    return loaded


def test_importing_pfd_leaves_out_what_only_some_programs_use() -> None:
    """Each of these takes milliseconds of every command; a model of pydantic that is built takes more than all else."""
    left_out = ("pydantic.root_model", "pfd.vitals", "platformdirs", "tomllib")
    done = subprocess.run(
        [
            *(sys.executable, "-c"),
            "import pfd, pfd.cli, sys; print(*sys.modules); print(pfd.Settings.__pydantic_complete__)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded, built = done.stdout.splitlines()
    assert [name for name in left_out if name in loaded.split()] == []
    assert built == "False"


@pytest.mark.parametrize("module", IMPORTS)
def test_a_manifest_imports_nothing_heavy(module: str, tmp_path: Path) -> None:
    assert _loaded_by(f"import {module}", tmp_path) == []


COMMANDS = ["--help", "--version", "tasks", "tasks --json", "plugins", "config", "tasks show generate_dataset_task"]


@pytest.mark.parametrize("arguments", COMMANDS)
def test_a_command_that_lists_imports_nothing_heavy(arguments: str, tmp_path: Path) -> None:
    code = f"""
import sys
sys.argv = ["pfd", *{arguments!r}.split()]
from pfd.cli import main
try:
    status = main()
except SystemExit as end:
    status = end.code
assert not status, status
print()
"""
    assert _loaded_by(code, tmp_path) == []


@pytest.mark.parametrize("runtime", ["celery", "dramatiq"])
def test_a_runtime_loads_the_library_of_its_broker_when_it_is_needed(runtime: str, tmp_path: Path) -> None:
    """A worker claims jobs before that: to load it takes as long as all else."""
    code = f"""
import sys
from pfd.runtimes.base import load_runtime
from pfd.settings import Settings
load_runtime(Settings(home={str(tmp_path)!r}, runtime={runtime!r}, broker_url="redis://localhost:1/0"))
sys.exit({runtime!r} in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False, env=os.environ).returncode == 0
