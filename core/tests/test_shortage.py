"""A worker that lacks open files, threads or processes: its jobs are handed back, it says so, and goes on later."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from core.tests.support.shortage import LACKS, run, run_short
from core.tests.support.waiting import until
from pfd import Dispatcher, Settings, Worker
from pfd.plugins import Registry
from pfd.runner import shortage
from pfd.runner.shortage import Shortage
from pfd.runner.warm_client import FOLDER

AN_END = """
import psutil, signal
def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
with Worker(settings, slots=1), Dispatcher(settings) as dispatcher:
    dispatcher.submit("add_apart", {"a": 1}).get(60)
    before = set(psutil.Process().children(recursive=True))
    job = dispatcher.submit("swallow", {"seconds": 60}, time_limit=2)
    until(lambda: len(set(psutil.Process().children(recursive=True)) - before) == 2)
    made = {one.pid: one.ppid() for one in set(psutil.Process().children(recursive=True)) - before}
    [keeper] = {parent for parent in made.values() if parent in made}
    if STOPPED:
        os.kill(keeper, signal.SIGSTOP)
    with no_files():
        until(lambda: all(map(gone, made)))
    ended = job.wait(60)
    print(dict(state=ended.state.value, kind=ended.failure.type, lost=ended.lost, runs=len(dispatcher.claims(job.id))))
"""

A_LISTING = """
from pfd.artifacts import ArtifactFolder
folder = ArtifactFolder(settings.home, "6b1c7e0a-6f0a-4f0e-9d55-2f1f4a7c9d11", 1)
assert folder.listing() == ()
folder.file("a/b").touch()
try:
    with no_files():
        print(repr(folder.listing()))
except OSError as error:
    print(repr(str(error)))
"""


ASKING = """
def asking(worker, dispatcher):
    return worker.engine._heartbeat.vitals.short_of
"""


@pytest.mark.parametrize(("task", "params", "limit", "lacking"), LACKS)
def test_what_its_worker_lacks_is_no_failure_of_a_job(
    sqlite_settings: Settings, task: str, params: dict[str, Any], limit: str, lacking: str
) -> None:
    found = run_short(sqlite_settings, ASKING, task, params, limit)
    assert found["states"] == ["SUCCESS", "SUCCESS"]
    assert (found["attempt"], found["lost"]) == (1, 0)
    *handed_back, last = found["said"]
    assert last is None
    assert len(handed_back) in (1, 2)  # the second may have come before the limit was lifted
    assert all(text.startswith("handed back: its worker is short of something: ") for text in handed_back)
    assert all(lacking in text for text in handed_back)
    before, meanwhile, after = found["told"]
    assert before is after is None
    assert lacking in meanwhile
    assert found["cpu"] < 1  # it has rested


@pytest.mark.parametrize("stopped", [False, True], ids=["its keeper acts", "its keeper is stopped"])
def test_a_job_is_ended_before_it_is_said_to_have_ended_whatever_its_worker_lacks(
    sqlite_settings: Settings, stopped: bool
) -> None:
    found = run(sqlite_settings, AN_END.replace("STOPPED", str(stopped)))
    assert found == {"state": "FAILURE", "kind": "TimeLimitExceeded", "lost": 0, "runs": 1}


def test_files_of_a_job_that_cannot_be_listed_for_now_are_not_taken_for_none(sqlite_settings: Settings) -> None:
    assert "Too many open files" in run(sqlite_settings, A_LISTING)


# -- the warm server ------------------------------------------------------------------------------------------------


@pytest.fixture
def warm_server(
    sqlite_settings: Settings, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Worker, psutil.Process]]:
    """A worker, and the one warm server that it has."""
    monkeypatch.setenv("PYTHONHASHSEED", "7")  # a server of its own: what starts with PYTHON is part of its profile
    before = set(psutil.Process().children())
    with Worker(sqlite_settings, registry=registry) as worker, Dispatcher(sqlite_settings, registry=registry) as first:
        first.submit("add_apart", {"a": 1}).get(60)
        [server] = set(psutil.Process().children()) - before
        yield worker, server


def leave_free(process: psutil.Process, number: int) -> None:
    """Have a process be allowed so many open files more than it has."""
    used = {int(entry.name) for entry in Path(f"/proc/{process.pid}/fd").iterdir()}
    free = [one for one in range(4096) if one not in used]
    process.rlimit(psutil.RLIMIT_NOFILE, (free[number], 4096))


def test_a_warm_server_that_lacks_open_files_hands_jobs_back_and_lives_on(
    warm_server: tuple[Worker, psutil.Process], listeners: Path
) -> None:
    worker, server = warm_server
    with Dispatcher(worker.settings, registry=worker.registry) as dispatcher:
        leave_free(server, 1)  # for the first that comes with a job, over which it can answer
        job = dispatcher.submit("add_apart", {"a": 1})
        [claim] = until(lambda: [claim for claim in dispatcher.claims(job.id) if claim.outcome])
        assert claim.outcome == "handed back: its worker is short of something: [Errno 24] Too many open files"
        leave_free(server, 0)
        [path] = [path for path in listeners.glob(f"*-{FOLDER}/*.sock") if str(path) in server_sockets(server)]
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as another:
            another.connect(str(path))  # it cannot be let in, either
            leave_free(server, 64)
            assert another.recv(4096).startswith(b'{"ready": true')
        assert job.get(60) == {"value": 2}
        assert job.job.lost == 0
        assert server.is_running()


def server_sockets(server: psutil.Process) -> list[str]:
    return [str(one.laddr) for one in server.net_connections("unix")]


# -- how long, and when it is the job after all -----------------------------------------------------------------------


def test_a_shortage_that_meets_all_jobs_counts_as_a_loss_of_none() -> None:
    lacking = Shortage()
    for _ in range(100):
        assert lacking.met(1, "files") is not None
        assert lacking.met(2, "files") is not None


def test_what_cannot_be_begun_again_and_again_while_others_can_is_lost_at_last() -> None:
    lacking, moment = Shortage(), 1e9
    rests = []
    for _ in range(shortage.PATIENCE + 1):
        rests.append(lacking.met(1, "memory"))
        lacking.over(2, moment)
    assert None not in rests
    assert lacking.met(1, "memory") is None


def test_a_job_that_had_begun_before_says_nothing_of_a_shortage() -> None:
    lacking = Shortage()
    lacking.met(1, "files")
    lacking.over(2, 0.0)
    assert lacking.lasts()
    assert "files" in str(lacking.told())
    lacking.over(2, 1e9)
    assert not lacking.lasts()
    assert lacking.told() is None


@pytest.mark.parametrize(
    ("error", "is_one"),
    [
        (OSError(24, "Too many open files"), True),
        (BlockingIOError(11, "Resource temporarily unavailable"), True),
        (MemoryError(), True),
        (RuntimeError("can't start new thread"), True),
        (RuntimeError("something else"), False),
        (FileNotFoundError(2, "No such file or directory"), False),
    ],
)
def test_a_shortage_is_told_from_other_errors_also_where_it_is_the_cause(error: Exception, is_one: bool) -> None:
    wrapped = ValueError("wrapped")
    wrapped.__cause__ = error
    assert (shortage.cause(error) is not None) == (shortage.cause(wrapped) is not None) == is_one
