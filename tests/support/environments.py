"""Clean virtual environments for tests, filled from wheels that the test run has built."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.shared import made_once
from tests.support.workspace import ROOT, distributions

CONSTRAINTS = ROOT / "constraints.txt"
BYTECODE = "bytecode"


def _uv() -> str | None:
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.is_file() else shutil.which("uv")


def _variables() -> dict[str, str]:
    """The environment for installers and for programs: a folder of local wheels also reaches uv."""
    variables = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    local = variables.get("PIP_FIND_LINKS", "")
    if local and Path(local).is_dir():
        variables.setdefault("UV_FIND_LINKS", local)
    return variables


def _run(command: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=_variables() | variables, cwd="/", timeout=280
    )


def build(folder: Path, target: Path) -> None:
    """Build the wheel of one project folder into `target`."""
    uv = _uv()
    command = [uv, "build", "--wheel", "-o"] if uv else [sys.executable, "-m", "build", "--wheel", "-o"]
    made = _run([*command, str(target), str(folder)])
    if made.returncode:
        pytest.fail(f"{folder} does not build:\n{made.stdout}{made.stderr}")


@dataclass(frozen=True)
class Environment:
    """A virtual environment with nothing of this workspace in it but what is installed from `wheels`."""

    folder: Path
    wheels: Path
    home: Path
    variables: dict[str, str] = field(default_factory=dict)
    """Of the environment of its programs, beside the home."""

    @staticmethod
    def create(folder: Path, wheels: Path) -> Environment:
        venv.create(folder / "venv", with_pip=_uv() is None)
        return Environment(folder / "venv", wheels, folder / "home")

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def install(self, *what: str) -> None:
        uv = _uv()
        installer = [uv, "pip", "install", "-p", str(self.python)] if uv else [str(self.python), "-m", "pip", "install"]
        done = _run([*installer, "-c", str(CONSTRAINTS), "--find-links", str(self.wheels), *what])
        if done.returncode:
            pytest.fail(f"{what} does not install:\n{done.stdout}{done.stderr}")

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment, on its PFD_HOME."""
        return _run([str(self.folder / "bin" / program), *arguments], **self._own)

    def pfd(self, *arguments: str, expect: int = 0) -> str:
        """Run the `pfd` command and return what it printed.  Fails where it exits with another code than expected."""
        return self._pfd(arguments, expect).stdout

    def refused(self, *arguments: str) -> str:
        """What the `pfd` command says where its settings or arguments are refused.  Fails where they are not."""
        return self._pfd(arguments, 2).stderr

    def _pfd(self, arguments: tuple[str, ...], expect: int) -> subprocess.CompletedProcess[str]:
        done = self.run("pfd", *arguments)
        if done.returncode != expect:
            pytest.fail(f"pfd {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    @property
    def _own(self) -> dict[str, str]:
        return {"PFD_HOME": str(self.home), "PFD_ROOTS": "/", **self.variables}

    @contextlib.contextmanager
    def running(self, *arguments: str) -> Iterator[None]:
        """The `pfd` command, from the beginning of the block until its end."""
        command = [str(self.folder / "bin" / "pfd"), *arguments]
        with subprocess.Popen(command, env=_variables() | self._own, cwd="/") as process:
            try:
                yield
            finally:
                process.terminate()

    def pfd_json(self, *arguments: str, expect: int = 0) -> Any:
        return json.loads(self.pfd(*arguments, "--json", expect=expect))

    def submit(self, task: str, *assignments: str) -> dict[str, Any]:
        """Run a job by the embedded worker of the command, and return its row.  Fails where it does not succeed."""
        job: dict[str, Any] = self.pfd_json("submit", task, *assignments, "--wait")
        assert job["state"] == "SUCCESS", job
        return job


@pytest.fixture(scope="session")
def wheels(request: pytest.FixtureRequest) -> Path:
    """A folder with a wheel of each distribution of this workspace, to be read only."""

    def make(target: Path) -> None:
        for distribution in distributions():
            build(distribution.folder, target)

    return made_once(request, "wheels", make)


@pytest.fixture(scope="session")
def place_of_environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for one environment after the other, and for the bytecode of all of them.

    That begins with what this program's own environment has compiled.  Python takes it for a source of the same time
    and size alone: where uv has put the same file into both, and not where pip has unpacked it twice.
    """
    place = tmp_path_factory.mktemp("environment")
    own = Path(sysconfig.get_path("purelib"))
    inside = own.relative_to(sys.prefix)
    for compiled in own.rglob(f"__pycache__/*.{sys.implementation.cache_tag}.pyc"):
        source = place / "venv" / inside / compiled.parent.parent.relative_to(own)
        target = place / BYTECODE / source.relative_to("/") / compiled.name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            target.hardlink_to(compiled)
        except OSError:  # on another file system
            shutil.copy2(compiled, target)
    return place


@pytest.fixture
def environment(place_of_environments: Path, tmp_path: Path, wheels: Path) -> Iterator[Environment]:
    """A new environment, in the place of the one before: what Python has compiled there is not compiled again.

    Python keeps that by the path, time and size of a source, here beside the environments instead of in them.
    """
    made = Environment.create(place_of_environments, wheels)
    bytecode = {"PYTHONPYCACHEPREFIX": str(place_of_environments / BYTECODE)}
    yield replace(made, home=tmp_path / "home", variables=bytecode)
    shutil.rmtree(made.folder)
