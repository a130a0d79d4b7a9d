"""Workers of a site, as programs."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from pfd.store import WorkerInfo
from pfd_contract.processes import descends, is_gone, send
from pfd_contract.waiting import PATIENCE, until


class WorkerProgram:
    """A worker in a process of its own.

    `owner` is the process that holds its lease: the program itself, or a child of it that the runtime has made.
    """

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
        self.owner = self._process.pid

    @property
    def printed(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def is_ready(self, present: Sequence[WorkerInfo]) -> bool:
        """Whether it is among the workers that the store shows."""
        assert self._process.poll() is None, f"the worker has ended:\n{self.printed}"
        found = [pid for pid in map(pid_of, present) if descends(pid, self._process.pid)]
        self.owner = found[0] if found else self._process.pid
        return bool(found)

    def kill(self) -> None:
        """End it as a power cut would, where it has not ended yet."""
        if self._process.poll() is None:  # its owner cannot have ended, and its number not be another's, before it
            send(signal.SIGKILL, self.owner, self._process.pid)
            self._process.wait(PATIENCE)
            until(lambda: is_gone(self.owner), "the worker is gone")

    def stop(self) -> int:
        """Tell it to end and wait until it has; its exit code."""
        self._process.terminate()
        return self._process.wait(PATIENCE)

    def wait(self) -> int:
        """Wait until it ends by itself; its exit code."""
        return self._process.wait(PATIENCE)


def pid_of(info: WorkerInfo) -> int:
    """The process that holds the lease of a worker: a worker is named after its machine and that."""
    return int(info.name.rpartition(":")[2])
