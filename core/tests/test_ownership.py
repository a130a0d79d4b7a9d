"""A `pfd.toml` that others could have written is not taken, and it is said what to do about that."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from core.tests.support.commands import program
from core.tests.support.users import OTHER, needs_root
from pfd import SettingsError, load_settings
from pfd.settings import LoadedSettings


def load(folder: Path, **environ: str) -> LoadedSettings:
    return load_settings(environ=environ, start=folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a program is started: a folder in another, with a file of its own that can be taken."""
    folder = tmp_path / "outer" / "inner"
    folder.mkdir(parents=True)
    (folder / "pfd.toml").write_text("grace = 3\n", encoding="utf-8")
    for path in (folder.parent, folder):
        path.chmod(0o755)
    (folder / "pfd.toml").chmod(0o644)
    return folder


def test_a_file_that_only_its_user_can_write_to_is_taken(folder: Path) -> None:
    loaded = load(folder)
    assert loaded.values.grace == 3
    assert loaded.ignored == ()


def _linked(folder: Path) -> None:
    """The file lies where everybody can write, and a link leads there."""
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir()
    (folder / "pfd.toml").rename(elsewhere / "real.toml")
    (folder / "pfd.toml").symlink_to(elsewhere / "real.toml")
    elsewhere.chmod(0o777)


def _replaced(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def replace(folder: Path) -> None:
        (folder / "pfd.toml").unlink()
        make(folder / "pfd.toml")

    return replace


def _foreign_link(folder: Path) -> None:
    (folder / "pfd.toml").rename(folder / "real.toml")
    (folder / "pfd.toml").symlink_to("real.toml")
    os.chown(folder / "pfd.toml", OTHER, OTHER, follow_symlinks=False)


def _of_group(mode: int, *, name: str = "pfd.toml") -> Callable[[Path], None]:
    def give(folder: Path) -> None:
        os.chown(folder / name, -1, OTHER)
        (folder / name).chmod(mode)

    return give


DOUBTFUL = {
    "everybody can write to the file": (lambda f: (f / "pfd.toml").chmod(0o646), "it can be written by everybody"),
    "everybody can write to its folder": (lambda f: f.chmod(0o757), "inner can be written by everybody"),
    "everybody can write to a folder above": (lambda f: f.parent.chmod(0o777), "outer can be written by everybody"),
    "a link leads where everybody can write": (_linked, "elsewhere can be written by everybody"),
    "a pipe": (_replaced(os.mkfifo), "it is not a regular file"),
    "a folder": (_replaced(Path.mkdir), "it is not a regular file"),
    "a link to a device": (_replaced(lambda path: path.symlink_to("/dev/zero")), "it is not a regular file"),
    "a link to nowhere": (_replaced(lambda path: path.symlink_to("nowhere")), "it cannot be looked at"),
    "a link to itself": (_replaced(lambda path: path.symlink_to(path)), "it cannot be looked at"),
}
FOREIGN = {
    "the file is another's": (lambda f: os.chown(f / "pfd.toml", OTHER, -1), f"it belongs to user {OTHER}"),
    "its folder is another's": (lambda f: os.chown(f, OTHER, -1), f"inner belongs to user {OTHER}"),
    "a folder above is another's": (lambda f: os.chown(f.parent, OTHER, -1), f"outer belongs to user {OTHER}"),
    "the link is another's": (_foreign_link, f"belongs to user {OTHER}"),
    "a group can write to the file": (_of_group(0o664), f"it can be written by group {OTHER}"),
    "a group can write to its folder": (_of_group(0o775, name="."), f"inner can be written by group {OTHER}"),
}
CASES = [
    *(pytest.param(*case, id=name) for name, case in DOUBTFUL.items()),
    *(pytest.param(*case, id=name, marks=needs_root) for name, case in FOREIGN.items()),
]


@pytest.mark.timeout(20)
@pytest.mark.parametrize(("spoil", "said"), CASES)
def test_a_file_that_may_be_the_doing_of_others_is_ignored_and_told_once(
    folder: Path, spoil: Callable[[Path], object], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    spoil(folder)
    with caplog.at_level(logging.WARNING, "pfd.settings"):
        loaded, _ = load(folder), load(folder)
    assert loaded.values.grace == 10
    assert "grace" not in loaded.origins
    [ignored] = loaded.ignored
    assert ignored.path == folder / "pfd.toml"
    assert said in ignored.reason
    [told] = [record.getMessage() for record in caplog.records]
    assert str(ignored) in told
    assert f"PFD_TRUST={folder}" in told


def test_the_next_file_above_is_taken_in_its_place(folder: Path) -> None:
    (folder / "pfd.toml").chmod(0o666)
    (folder.parent / "pfd.toml").write_text("grace = 4\n", encoding="utf-8")
    (folder.parent / "pfd.toml").chmod(0o644)
    assert load(folder).values.grace == 4


def test_a_folder_where_everybody_has_only_what_is_theirs_is_no_reason(folder: Path) -> None:
    folder.parent.chmod(0o1777)
    assert load(folder).values.grace == 3


@needs_root
def test_a_group_of_this_user_alone_is_no_reason(folder: Path) -> None:
    # As distributions make one for each user, and give it a umask of 002.
    for path in (folder, folder / "pfd.toml"):
        os.chown(path, 0, 0)
        path.chmod(path.stat().st_mode | 0o020)
    assert load(folder).values.grace == 3


@needs_root
def test_a_folder_that_is_trusted_by_name_is_taken_whoever_it_belongs_to(folder: Path) -> None:
    os.chown(folder / "pfd.toml", OTHER, OTHER)
    assert load(folder, PFD_TRUST=f"/nowhere:{folder}").values.grace == 3
    assert load_settings({"trust": (folder,)}, environ={}, start=folder).values.grace == 3
    assert load(folder, PFD_TRUST=str(folder.parent)).values.grace == 10, "a folder is named, and not what is below it"


def test_a_file_cannot_vouch_for_itself_nor_for_another(folder: Path) -> None:
    (folder / "pfd.toml").write_text('trust = ["/"]\n', encoding="utf-8")
    with pytest.raises(SettingsError, match="trust cannot be set in a file"):
        load(folder)


def test_a_file_that_is_trusted_and_far_too_large_is_named_and_not_read(folder: Path) -> None:
    os.truncate(folder / "pfd.toml", 2**30)
    began = time.monotonic()
    with pytest.raises(SettingsError, match=r"pfd\.toml: is larger than"):
        load(folder)
    assert time.monotonic() - began < 1


def test_a_file_that_is_nested_too_deep_is_named(folder: Path) -> None:
    (folder / "pfd.toml").write_text(f"roots = {'[' * 5000}{']' * 5000}", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"pfd\.toml"):
        load(folder)


@needs_root
@pytest.mark.parametrize(("owner", "grace"), [(0, 3.0), (OTHER, 3.0), (1234, 10.0)])
def test_another_user_takes_what_is_theirs_and_what_is_roots(owner: int, grace: float) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as name:  # other users cannot enter the folder of this run of tests
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "pfd.toml").write_text("grace = 3\n", encoding="utf-8")
        os.chown(folder / "pfd.toml", owner, owner)
        code = f"""
import os, pathlib, tomllib
from pfd import load_settings
load_settings(environ={{}}, start=pathlib.Path("/"))  # what is imported on the way, this user may not read
os.setgroups([]), os.setgid({OTHER}), os.setuid({OTHER})
print(load_settings(environ={{}}, start=pathlib.Path({name!r})).values.grace)
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert float(done.stdout) == grace


def test_the_command_line_tells_it_once_and_so_do_config_and_doctor(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.chmod(0o777)
    monkeypatch.chdir(folder)
    ran = program("jobs")
    assert ran.err.count("is ignored") == 1
    assert ran.err.startswith(f"warning: {folder}/pfd.toml is ignored: its folder {folder} can be written by everybody")
    shown = [row for row in json.loads(program("config", "--json").out) if row["name"] == "pfd.toml"]
    assert [(row["value"], row["variable"]) for row in shown] == [(f"{folder}/pfd.toml", "PFD_TRUST")]
    checks = [row for row in json.loads(program("doctor", "--json").out) if row["name"] == "pfd.toml"]
    assert [check["status"] for check in checks] == ["warn"]
    assert f"PFD_TRUST={folder}" in checks[0]["mend"]
