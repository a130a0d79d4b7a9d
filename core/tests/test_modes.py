"""What PFD makes is closed to others, whatever the umask of the program; a home may be a group's instead."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from core.tests.support.commands import program
from core.tests.support.stores import make_settings
from pfd import Dispatcher
from pfd.artifacts import replacing
from pfd.modes import make_folder
from pfd.plugins import Registry

RUN = """
import os, sys
os.umask(int(sys.argv[1], 8))
from pfd import Dispatcher, Worker, load_settings
from pfd.artifacts import replacing
settings = load_settings().values
with Worker(settings), Dispatcher(settings) as pfd:
    print(pfd.submit("write_artifact").get(60))
    print(pfd.submit("print_much", {"size": 300_000}).get(60))
    with replacing(settings.home / "datasets" / "one" / "data.bin") as temporary:
        temporary.write_bytes(b"x")
assert os.umask(0) == int(sys.argv[1], 8), "the umask of a caller is not ours to change"
"""


def modes(home: Path) -> dict[str, str]:
    """The mode of all that lies in a home, and of itself; sockets aside."""
    paths = [home, *home.rglob("*")]
    return {path.relative_to(home.parent).as_posix(): f"{stat.S_IMODE(path.lstat().st_mode):04o}" for path in paths}


def run(home: Path, umask: str, **variables: str) -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", RUN, umask],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=os.environ | {"PFD_HOME": str(home), "PFD_PLUGINS": "sample", "PFD_MAX_LOG_BYTES": "65536"} | variables,
    )
    assert done.returncode == 0, done.stderr
    return modes(home)


@pytest.mark.parametrize("umask", ["022", "000"])
def test_all_that_jobs_leave_is_open_to_their_user_alone(tmp_path: Path, umask: str) -> None:
    home = tmp_path / "above" / "home"
    found = run(home, umask)
    assert {mode for name, mode in found.items() if (home.parent / name).is_dir()} == {"0700"}
    ours = {name: mode for name, mode in found.items() if (home.parent / name).is_file()}
    assert set(ours.values()) == {"0600"}, found
    for part in ("pfd.sqlite3", "store-id", ".reserve", "/artifacts/", "/logs/", "/data.bin"):
        assert any(part in name for name in ours), part


@pytest.mark.parametrize("umask", ["022", "000", "077"])
def test_a_home_of_a_group_is_open_to_the_group_and_to_nobody_else(tmp_path: Path, umask: str) -> None:
    home = tmp_path / "home"
    found = run(home, umask, PFD_SHARE="group")
    folders = {name: mode for name, mode in found.items() if (home.parent / name).is_dir()}
    assert set(folders.values()) == {"2770"}, folders
    files = {name: mode for name, mode in found.items() if (home.parent / name).is_file()}
    assert set(files.values()) == {"0660"}, files


def test_a_home_that_is_there_stays_as_it_is_and_doctor_says_how_to_close_it(
    tmp_path: Path, registry: Registry
) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    home.chmod(0o755)
    with Dispatcher(make_settings(home), registry=registry) as dispatcher:
        dispatcher.submit("write_artifact")
    assert modes(home)["home"] == "0755"

    def rights() -> list[tuple[str, str]]:
        ran = program("doctor", "--json", PFD_HOME=str(home), PFD_PLUGINS="sample")
        return [(row["status"], row["mend"]) for row in json.loads(ran.out) if row["name"] == "rights"]

    [(status, mend)] = rights()
    assert status == "warn"
    command = mend.partition(";")[0]
    assert command == f"chmod -R go-rwx {home}"
    subprocess.run(command.split(), check=True)
    assert rights() == []


def test_a_store_that_lies_elsewhere_is_private_too(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o755)
    run(tmp_path / "home", "022", PFD_DATABASE_URL=f"sqlite:///{tmp_path}/shared/jobs.db")
    assert f"{stat.S_IMODE((tmp_path / 'shared' / 'jobs.db').stat().st_mode):04o}" == "0600"


def test_a_folder_is_as_open_as_the_one_that_it_lies_in(tmp_path: Path) -> None:
    for mode in (0o700, 0o750, 0o2770):
        above = tmp_path / f"{mode:o}"
        above.mkdir()
        above.chmod(mode)
        make_folder(above / "a" / "b")
        assert stat.S_IMODE((above / "a" / "b").stat().st_mode) == mode
        with replacing(above / "a" / "file") as temporary:
            temporary.touch()
        assert stat.S_IMODE((above / "a" / "file").stat().st_mode) == {0o700: 0o600, 0o750: 0o640, 0o2770: 0o660}[mode]
