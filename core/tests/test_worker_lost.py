"""Workers that are killed, stopped or told to end, with a job in hand."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from core.tests.support.stores import as_environment
from core.tests.support.waiting import is_gone, lines, until
from pfd import Dispatcher, Settings, State, Worker
from pfd.plugins import Registry

PATIENCE = 90.0

WORKER = """
import pfd.runtimes.local as local
local.SHUTDOWN_PATIENCE = 0.3
local.Worker(slots=1).run_forever()
"""


@pytest.fixture
def dispatcher(settings: Settings, registry: Registry) -> Iterator[Dispatcher]:
    with Dispatcher(settings, registry=registry) as found:
        yield found


@contextlib.contextmanager
def worker_elsewhere(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """A worker in a process of its own; ended at the end, where it has not."""
    process = subprocess.Popen([sys.executable, "-c", WORKER], env=os.environ | as_environment(settings))
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def family(witness: Path) -> list[int]:
    """Pids of a job's process and of its grandchild in another session, once both are there."""
    return [int(pid) for pid in until(lambda: lines(witness), "the job has begun")[0].split()]


def outcomes(dispatcher: Dispatcher, job_id: str) -> list[str | None]:
    return [claim.outcome for claim in dispatcher.claims(job_id)]


def test_a_job_dies_with_its_worker_and_is_run_once_more_by_another(
    dispatcher: Dispatcher, registry: Registry, tmp_path: Path
) -> None:
    handle = dispatcher.submit("family", {"seconds": 300, "witness": str(tmp_path / "witness")})
    with worker_elsewhere(dispatcher.settings) as worker:
        pids = family(tmp_path / "witness")
        lost = handle.job
        worker.send_signal(signal.SIGKILL)
        until(lambda: all(is_gone(pid) for pid in pids), "nothing of the job is left")
        assert handle.state in (State.STARTED, State.PROGRESS)  # nobody knows yet
    with Worker(dispatcher.settings, slots=1, registry=registry):
        job = handle.wait(PATIENCE)
    assert (job.state, job.result, job.lost, job.attempt) == (State.SUCCESS, {"text": "again"}, 1, 1)
    assert job.claim is not None
    assert lost.claim is not None
    assert job.claim > lost.claim
    first, second = outcomes(dispatcher, job.id)
    assert first is not None
    assert f":{worker.pid} gave no sign of life" in first
    assert second is None
    assert len(lines(tmp_path / "witness")) == 1


@pytest.mark.parametrize("victim", ["warm server", "keeper"])
def test_a_job_dies_with_its_warm_server_or_keeper_and_is_run_again(
    dispatcher: Dispatcher, registry: Registry, tmp_path: Path, victim: str
) -> None:
    with Worker(dispatcher.settings, slots=1, registry=registry):
        handle = dispatcher.submit("family", {"seconds": 300, "witness": str(tmp_path / "witness")})
        pids = family(tmp_path / "witness")
        supervisor = psutil.Process(pids[0]).parent()
        assert supervisor is not None
        server = supervisor.parent()
        assert server is not None
        assert server.ppid() == os.getpid()
        (server if victim == "warm server" else supervisor).kill()
        job = handle.wait(PATIENCE)
        assert (job.state, job.result, job.lost) == (State.SUCCESS, {"text": "again"}, 1)
        until(lambda: all(is_gone(pid) for pid in pids), "nothing of the first run is left")
        first, second = outcomes(dispatcher, job.id)
        assert first is not None
        assert first.startswith("lost: the job's process was ended")
        assert second is None
        assert dispatcher.submit("add_apart", {"a": 1}).get(PATIENCE) == {"value": 2}


@pytest.mark.parametrize("task", ["note", "note_inline"])
def test_a_worker_that_slept_past_its_lease_finds_its_writes_refused(
    dispatcher: Dispatcher, registry: Registry, tmp_path: Path, task: str
) -> None:
    from pfd_sample.records import Note

    witness, go = tmp_path / "witness", tmp_path / "go"
    handle = dispatcher.submit(task, {"text": "written", "witness": str(witness), "go": str(go)})
    with worker_elsewhere(dispatcher.settings) as sleeper:
        until(lambda: lines(witness), "the job has begun")
        stale = handle.job.claim
        sleeper.send_signal(signal.SIGSTOP)
        with Worker(dispatcher.settings, slots=1, registry=registry):
            until(lambda: len(lines(witness)) == 2, "the job has begun again elsewhere")
            go.touch()
            job = handle.wait(PATIENCE)
            sleeper.send_signal(signal.SIGCONT)
            assert job.state is State.SUCCESS
            if task == "note_inline":  # its process slept as well; a job of its own may be ended before it writes
                until(lambda: f"refused {stale}" in lines(witness), "the sleeper's write was refused")
            # It goes on as a worker, and knows that the job is not its own any more.
            until(lambda: len(dispatcher.workers()) == 2, "the sleeper is back")
        later = dispatcher.submit("add", {"a": 1})
        assert later.get(PATIENCE) == {"value": 2}
    assert handle.job == job
    assert job.claim != stale
    with dispatcher.store.session() as session:
        assert [note.text for note in session.query(Note)] == [f"written in claim {job.claim}"]
    assert outcomes(dispatcher, job.id)[1:] == [None]


def test_a_worker_that_is_told_to_end_hands_its_job_back_without_counting_it(
    dispatcher: Dispatcher, tmp_path: Path
) -> None:
    handle = dispatcher.submit("nap", {"seconds": 300, "witness": str(tmp_path / "witness")})
    with worker_elsewhere(dispatcher.settings) as worker:
        pid = int(until(lambda: lines(tmp_path / "witness"), "the job has begun")[0].split()[0])
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(PATIENCE) == 0
    job = handle.job
    assert (job.state, job.attempt, job.lost, job.owner) == (State.RETRY, 0, 0, None)
    assert outcomes(dispatcher, job.id) == ["handed back: its worker stopped"]
    assert is_gone(pid)
    assert dispatcher.workers() == []


def test_a_job_that_was_to_be_cancelled_is_not_run_again_when_its_worker_is_lost(
    dispatcher: Dispatcher, registry: Registry, tmp_path: Path
) -> None:
    handle = dispatcher.submit("swallow", {"seconds": 300, "witness": str(tmp_path / "witness")})
    with worker_elsewhere(dispatcher.settings) as worker:
        until(lambda: lines(tmp_path / "witness"), "the job has begun")
        worker.send_signal(signal.SIGKILL)
    handle.revoke()
    with Worker(dispatcher.settings, slots=1, registry=registry):
        assert handle.wait(PATIENCE).state is State.REVOKED
    assert len(lines(tmp_path / "witness")) == 1


def test_a_signal_that_another_thread_has_been_given_is_heard() -> None:
    """As is one that comes just as the main thread begins to wait: no call of its is interrupted by either."""
    code = (
        "import signal, threading, time\n"
        "from pfd.runtimes import StopSignals\n"
        "def elsewhere():\n"
        "    time.sleep(0.3)\n"
        "    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)\n"
        "    time.sleep(60)\n"
        "with StopSignals().heard() as signals:\n"
        "    threading.Thread(target=elsewhere, daemon=True).start()\n"
        "    signals.wait()\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=30).returncode == 0
