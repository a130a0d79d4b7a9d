"""The supervisor: a small process around each job that owns its whole tree of descendants.

It adopts what the job leaves behind, passes the worker's orders on, and ends everything when told to, when its worker
goes away (end of file on the control socket) or when its warm server goes away (a signal from the kernel).  It reports
how the job's process ended only once nothing of it is left.

Control socket, one JSON object a line.  From the worker: `{"signal": "SIGTERM"}`, `{"kill": true}`.
To the worker: `{"pid": 123, "supervisor": 122}`, then `{"exit": 0}` or `{"exit": -9}` (a negative number is a signal);
or `{"short": "why"}` where there can be no process.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pfd.runner import native
from pfd.runner.interpreter import interpreter
from pfd.runner.json_lines import JsonLines, pack, unpack
from pfd.runner.stop import let_through
from pfd.waker import Waker

_POLL = 0.02

LONGEST = 4096
"""Bytes of the longest line on a control socket."""


class Supervisor:
    """Looks after one job's process.  `start` makes that process and returns its pid."""

    def __init__(self, control: socket.socket, start: Callable[[], int]) -> None:
        self._control = control
        self._orders = JsonLines(LONGEST, unpack)
        self._status: int | None = None
        self._ending = False
        self._gone = False
        self._waker = Waker()
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._told_to_end)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._waker.hear_signals()
        native.adopt_orphans()
        try:
            self._pid = start()
        except OSError as error:  # no memory or no processes left
            self._say({"short": str(error)})
            raise
        self._say({"pid": self._pid, "supervisor": os.getpid()})

    def run(self) -> None:
        """Stay until nothing of the job is left."""
        with self._waker:
            self._run()

    def _run(self) -> None:
        while True:
            timeout = _POLL if self._ending else None
            sources: list[Any] = [self._waker] if self._gone else [self._waker, self._control]
            readable, _, _ = select.select(sources, [], [], timeout)
            if self._waker in readable:
                self._waker.drain()
            if self._control in readable:
                self._listen()
            alone = self._reap()
            if self._status is not None and not alone:
                self._ending = True  # the job's process is gone: what it left behind goes as well
            if self._ending and not alone:
                native.kill_descendants()
                alone = self._reap()
            if alone:
                self._say({"exit": self._status})
                return

    def _told_to_end(self, *_: object) -> None:
        self._ending = True

    def _listen(self) -> None:
        try:
            data = self._control.recv(4096)
        except OSError:
            data = b""
        if not data:
            self._gone = self._ending = True
            return
        for order in self._orders.take(data):
            if order.get("kill"):
                self._ending = True
            elif self._status is None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._pid, signal.Signals[order["signal"]])
                    os.kill(self._pid, signal.SIGCONT)  # one that is stopped hears nothing

    def _reap(self) -> bool:
        """Collect ended children; True when none is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid == 0:
                return False
            if pid == self._pid:
                self._status = os.waitstatus_to_exitcode(status)

    def _say(self, message: Mapping[str, int | str | None]) -> None:
        with contextlib.suppress(OSError):
            self._control.sendall(pack(message))


def start_fresh(fds: Sequence[int], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Make a supervisor in a fresh interpreter, which owns these descriptors: control, channel, output, others."""
    return subprocess.Popen(
        [interpreter(), "-P", "-m", "pfd.runner.supervisor", *map(str, fds)],
        pass_fds=tuple(fds),
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )


def main(control_fd: int, channel_fd: int, output_fd: int, *held: int) -> None:
    """A supervisor in a fresh interpreter, where a warm server cannot be had; the job gets a fresh one as well."""
    let_through()
    parent = os.getppid()
    control = socket.socket(fileno=control_fd)

    def start() -> int:
        # Asked to stop before it listens, a program ends, which is as well: the task has not begun.
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "pfd.runner.child", str(channel_fd)],
            pass_fds=(channel_fd, *held),
            stdin=subprocess.DEVNULL,
            stdout=output_fd,
            stderr=output_fd,
            start_new_session=True,
        )
        process.returncode = 0  # its end is collected here by waitpid, not by Popen
        return process.pid

    supervisor = Supervisor(control, start)
    os.close(channel_fd)
    os.close(output_fd)
    native.die_with_parent(parent, signal.SIGTERM)
    supervisor.run()


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
