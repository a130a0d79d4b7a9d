"""The command line in a test: in this process, or as a program of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pfd.cli.app import run

PFD = str(Path(sys.executable).with_name("pfd"))


@dataclass(frozen=True)
class Ran:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Commands:
    """Runs commands in this process, and says what they printed."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def __call__(self, *words: str) -> Ran:
        self._capture.readouterr()
        # An option of the whole program is handed on in the environment, which here outlives the command, as the umask
        # of a worker does.
        before, umask = dict(os.environ), os.umask(0o022)
        os.umask(umask)
        try:
            code = run(list(words))
        finally:
            os.environ.clear()
            os.environ.update(before)
            os.umask(umask)
        printed = self._capture.readouterr()
        return Ran(code, printed.out, printed.err)

    def json(self, *words: str) -> Any:
        """What a reading command says in JSON."""
        ran = self(*words, "--json")
        assert ran.code == 0, ran
        return ran.json


def start(*words: str, **variables: str) -> subprocess.Popen[str]:
    """Start `pfd` as a program, its standard error in its standard output."""
    return subprocess.Popen(
        [PFD, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"} | variables,
    )


def program(*words: str, **variables: str) -> Ran:
    """Run `pfd` as a program."""
    done = subprocess.run(
        [PFD, *words], capture_output=True, text=True, env=os.environ | variables, timeout=120, check=False
    )
    return Ran(done.returncode, done.stdout, done.stderr)
