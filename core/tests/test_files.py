"""Paths that somebody else names are opened as what they are: regular files of a bounded size, or not at all."""

from __future__ import annotations

import os
import re
import resource
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pfd import DataError, ParameterError
from pfd.cli.parameters import read_file
from pfd.files import open_regular, read_regular
from pfd.pipeline.file import read as read_pipeline


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(path))


def _link_to_a_pipe(path: Path) -> None:
    os.mkfifo(f"{path}.pipe")
    path.symlink_to(f"{path}.pipe")


def _huge(path: Path) -> None:
    path.touch()
    os.truncate(path, 2**40)


ODD: dict[str, tuple[Callable[[Path], object], str]] = {
    "a pipe": (os.mkfifo, "is a pipe"),
    "a folder": (Path.mkdir, "is a folder"),
    "a socket": (_socket, "is a socket"),
    "a link to a pipe": (_link_to_a_pipe, "is a pipe"),
    "a link to a device": (lambda path: path.symlink_to("/dev/zero"), "is a device"),
    "a link to nowhere": (lambda path: path.symlink_to("nowhere"), "No such file"),
    "a link to itself": (lambda path: path.symlink_to(path), "symbolic links"),
    "not there": (lambda path: None, "No such file"),
    "larger than all memory": (_huge, "is larger than"),
}
"""What may lie where a file is meant, and what is said of it."""


@pytest.fixture(params=ODD)
def odd(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, str]:
    """A path at which no file lies that can be used, and what is wrong with it."""
    monkeypatch.chdir(tmp_path)  # the path of a socket is to be short
    make, said = ODD[request.param]
    make(tmp_path / "odd.toml")
    return tmp_path / "odd.toml", said


@pytest.mark.timeout(20)
def test_what_is_no_regular_file_is_named_and_not_waited_for(odd: tuple[Path, str]) -> None:
    path, said = odd
    with pytest.raises(DataError, match=re.escape(said)) as caught:
        read_regular(path, 2**20)
    assert str(path) in str(caught.value)
    assert caught.value.hint


@pytest.mark.timeout(20)
@pytest.mark.parametrize("read", [lambda path: read_file(str(path)), read_pipeline], ids=["parameters", "pipeline"])
def test_pipelines_and_parameters_are_read_from_regular_files_only(
    odd: tuple[Path, str], read: Callable[[Path], object]
) -> None:
    path, said = odd
    with pytest.raises(ParameterError, match=re.escape(said)):
        read(path)


def test_a_path_that_can_be_none_is_named() -> None:
    with pytest.raises(DataError, match="is not a path"):
        open_regular("a\0b")


def test_a_regular_file_is_read_up_to_the_bound(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_regular(path, 5) == b"12345"
    with open_regular(path) as file:
        assert file.read() == b"12345"
        assert not os.get_inheritable(file.fileno())
    with pytest.raises(DataError, match="is larger than 4 bytes"):
        read_regular(path, 4)


def test_nothing_stays_open_of_what_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    for _ in range(min(most, 2000)):
        with pytest.raises(DataError):
            open_regular(tmp_path / "pipe")


def test_parameters_from_standard_input_are_bounded(tmp_path: Path) -> None:
    code = "from pfd.cli.parameters import read_file; read_file('-')"
    with (tmp_path / "zeros").open("wb") as file:
        file.truncate(2**40)
    with (tmp_path / "zeros").open("rb") as file:
        done = subprocess.run(
            [sys.executable, "-c", code], stdin=file, capture_output=True, text=True, check=False, timeout=60
        )
    assert "ParameterError: --params standard input: is larger than" in done.stderr


def test_parameters_that_are_nested_too_deep_are_a_bad_request(tmp_path: Path) -> None:
    (tmp_path / "deep.json").write_text("[" * 200_000, encoding="utf-8")
    with pytest.raises(ParameterError, match="nested too deep"):
        read_file(str(tmp_path / "deep.json"))
