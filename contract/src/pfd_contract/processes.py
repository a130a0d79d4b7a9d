"""What the process table says, whatever the job table does."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil

SERVER = "pfd.runner.warm_server"
"""How the program that makes processes for jobs is known in the process table."""


def is_gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has collected yet counts as ended."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def tree(pid: int) -> list[int]:
    """A process and its descendants; none where it is gone."""
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        return [pid, *(process.pid for process in root.children(recursive=True))]
    return []


def descends(pid: int, ancestor: int) -> bool:
    """Whether a process is another one or was started below it.  Unlike `tree` it looks at few processes."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return pid == ancestor or any(process.pid == ancestor for process in psutil.Process(pid).parents())
    return False


def warm_server_of(pid: int) -> int:
    """The warm server that made the process of a job.  Fails where none did."""
    # Between them stands a keeper, forked from the server and known by the same name.
    above = psutil.Process(pid).parents()
    servers = [process.pid for process in above if any(SERVER in word for word in process.cmdline())]
    assert servers, f"none of {above} is a warm server"
    return servers[-1]


def oom_preference(pid: int) -> int:
    """How gladly the kernel ends this process when memory runs out."""
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text(encoding="ascii"))


def of_home(home: Path) -> list[int]:
    """Processes that were started with this PFD_HOME, or forked from one that was."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get("PFD_HOME") == str(home):
                found.append(process.pid)
    return [pid for pid in found if not is_gone(pid)]


def send(number: signal.Signals, *pids: int) -> None:
    """Send a signal to those that are still there."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


@contextlib.contextmanager
def frozen(*pids: int) -> Iterator[None]:
    """Stop processes for the length of a block, as a machine does that sleeps."""
    try:
        send(signal.SIGSTOP, *pids)
        yield
    finally:
        send(signal.SIGCONT, *pids)
