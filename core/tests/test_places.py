"""A store lies in the folder that was named, whatever its name; without one, nothing but the store is missed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.tests.support.stores import make_settings
from pfd import Dispatcher, Settings, SettingsError, State, Worker, load_settings
from pfd.plugins import Registry

ODD = "100 %20%2F ? # ; @ b: ü\n"


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_job_runs_in_a_home_of_any_name_and_all_of_it_lies_there(tmp_path: Path, registry: Registry) -> None:
    settings = make_settings(tmp_path / ODD)
    with Dispatcher(settings, registry=registry) as dispatcher, Worker(settings, slots=1, registry=registry):
        assert dispatcher.submit("add", {"a": 1}).wait(60).state is State.SUCCESS
    assert {path.name for path in tmp_path.iterdir()} == {ODD}
    assert {"pfd.sqlite3", "store-id"} <= files(tmp_path / ODD)


def test_a_relative_database_is_taken_from_a_folder_of_any_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: Registry
) -> None:
    (tmp_path / ODD).mkdir()
    monkeypatch.chdir(tmp_path / ODD)
    url = load_settings(environ={"PFD_DATABASE_URL": "sqlite:///a%20b.db"}).values.database_url
    with Dispatcher(make_settings(tmp_path / "home", url), registry=registry) as dispatcher:
        dispatcher.submit("add", {"a": 1})
    assert "a b.db" in files(tmp_path / ODD)


@pytest.mark.parametrize("name", ["PFD_HOME", "PFD_ROOTS", "PFD_TRUST"])
def test_a_home_folder_that_is_not_there_is_told_by_the_setting(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match=f"from environment {name}: there is no home folder for ~nobody-of-"):
        load_settings(environ={name: "~nobody-of-that-name/x"}, start=tmp_path)


def test_a_tilde_is_the_home_folder_in_each_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = load_settings(environ={"PFD_ROOTS": "~/a:/b", "PFD_TRUST": "~/c"}, start=tmp_path).values
    assert (settings.roots, settings.trust) == ((tmp_path / "a", Path("/b")), (tmp_path / "c",))


def test_a_home_that_is_no_utf8_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="its name is not UTF-8"):
        load_settings(environ={"PFD_HOME": "/tmp/\udcff"}, start=tmp_path)


# Whoever runs a container under a number of their own is in no file of users, which no test can bring about everywhere.
NOBODY = """
import pwd, sys

def unknown(uid):
    raise KeyError(uid)

pwd.getpwuid = unknown
from pfd.cli import main
main(sys.argv[1:])
"""


@pytest.mark.parametrize("command", ["--help", "plugins"])
def test_help_and_plugins_work_where_the_user_has_no_home(served: Settings, command: str) -> None:
    without = {name: value for name, value in os.environ.items() if name not in ("HOME", "PFD_HOME", "XDG_DATA_HOME")}
    words = [sys.executable, "-c", NOBODY, command]
    done = subprocess.run(words, env=without, capture_output=True, text=True, check=False)
    assert (done.returncode, "hint: set PFD_HOME to a folder" in done.stderr) == (0, command == "plugins"), done
