"""A supervisor by itself: it wakes for what happens to its job's process, and sleeps otherwise."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TextIO

import psutil
import pytest

from core.tests.support.waiting import is_gone

PATIENCE = 30.0

PROGRAM = """
import socket, subprocess, sys
from pfd.runner.supervisor import Supervisor

def start():
    process = subprocess.Popen(["sleep", sys.argv[2]], start_new_session=True)
    process.returncode = 0
    return process.pid

Supervisor(socket.socket(fileno=int(sys.argv[1])), start).run()
"""


@dataclass
class Supervised:
    """A process and its supervisor; `control` is the worker's end of their socket, `said` what comes from it."""

    pid: int
    supervisor: int
    control: socket.socket
    said: TextIO

    def hear(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.said.readline())
        return found


@pytest.fixture
def supervised(request: pytest.FixtureRequest) -> Iterator[Supervised]:
    """A process that sleeps for so many seconds as the test says."""
    control, theirs = socket.socketpair()
    control.settimeout(PATIENCE)
    program = [sys.executable, "-P", "-c", PROGRAM, str(theirs.fileno()), str(request.param)]
    with control, subprocess.Popen(program, pass_fds=(theirs.fileno(),)) as process:
        theirs.close()
        try:
            with control.makefile(encoding="utf-8") as said:
                first = json.loads(said.readline())
                yield Supervised(first["pid"], first["supervisor"], control, said)
        finally:
            process.kill()


@pytest.mark.parametrize("supervised", [0.3], indirect=True)
def test_it_says_that_its_process_has_ended_without_being_asked(supervised: Supervised) -> None:
    assert supervised.hear() == {"exit": 0}


@pytest.mark.parametrize("supervised", [60], indirect=True)
def test_it_ends_its_process_when_its_server_has_gone(supervised: Supervised) -> None:
    time.sleep(0.3)  # until it waits
    os.kill(supervised.supervisor, signal.SIGTERM)  # as the kernel does
    assert supervised.hear() == {"exit": -signal.SIGKILL}
    assert is_gone(supervised.pid)


@pytest.mark.parametrize("supervised", [60], indirect=True)
def test_it_sleeps_after_a_signal_that_says_nothing(supervised: Supervised) -> None:
    """As for a child of its job that it has adopted: one that looks on and on takes a core from the job."""
    process = psutil.Process(supervised.supervisor)
    for _ in range(3):
        process.send_signal(signal.SIGCHLD)
        time.sleep(0.1)
    before = sum(process.cpu_times()[:2])
    time.sleep(1.0)
    assert sum(process.cpu_times()[:2]) - before < 0.1
    supervised.control.sendall(b'{"kill": true}\n')
    assert supervised.hear() == {"exit": -signal.SIGKILL}
