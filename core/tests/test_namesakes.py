"""Another project owns the name `pfd` on the package index: where that is installed, `pfd doctor` says so."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from core.tests.support.commands import program


def _install(folder: Path, name: str, *files: str) -> None:
    """Put a small distribution into a folder of packages, as an installer does."""
    info = folder / f"{name.replace('-', '_')}-9.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 9.0\n", encoding="utf-8")
    for file in files:
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).touch()
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in files), encoding="utf-8")


def _found(folder: Path) -> list[dict[str, str]]:
    path = os.pathsep.join([str(folder), os.environ["PYTHONPATH"]])
    ran = program("doctor", "--json", PYTHONPATH=path, PFD_PLUGINS="sample")
    return [check for check in json.loads(ran.out) if check["name"] == "distribution"]


@pytest.mark.parametrize(
    ("name", "files"), [("pfd", ("elsewhere/__init__.py",)), ("predictable", ("pfd/theirs.py",)), ("pfd", ())]
)
def test_a_distribution_of_that_name_or_with_that_package_is_named(
    tmp_path: Path, name: str, files: tuple[str, ...]
) -> None:
    _install(tmp_path / "packages", name, *files)
    [check] = _found(tmp_path / "packages")
    assert check["status"] == "fail"
    assert check["found"].startswith(f"{name} is installed, another project")
    assert check["mend"].startswith(f"pip uninstall {name};")


def test_what_is_ours_is_no_other_project(tmp_path: Path) -> None:
    assert _found(tmp_path) == []
