"""Workers that are killed, stopped or told to end, with a job in hand."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from core.tests.support.stores import as_environment
from core.tests.support.waiting import is_gone, lines, until
from pfd import Dispatcher, Settings, State, Worker
from pfd.plugins import Registry
from pfd.store import WorkerInfo, workers
from pfd.worker.sweeper import Sweeper

PATIENCE = 90.0

WORKER = """
from pfd import Worker
from pfd.runtimes import worker_host
worker_host.SHUTDOWN_PATIENCE = 0.3
Worker(slots=1).run_forever()
"""


@pytest.fixture
def dispatcher(sqlite_settings: Settings, registry: Registry) -> Iterator[Dispatcher]:
    with Dispatcher(sqlite_settings, registry=registry) as found:
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


def test_a_job_dies_with_its_keeper_and_is_run_again(
    dispatcher: Dispatcher, registry: Registry, tmp_path: Path
) -> None:
    with Worker(dispatcher.settings, slots=1, registry=registry):
        handle = dispatcher.submit("family", {"seconds": 300, "witness": str(tmp_path / "witness")})
        pids = family(tmp_path / "witness")
        supervisor = psutil.Process(pids[0]).parent()
        assert supervisor is not None
        server = supervisor.parent()
        assert server is not None
        assert server.ppid() == os.getpid()
        supervisor.kill()
        job = handle.wait(PATIENCE)
        assert (job.state, job.result, job.lost) == (State.SUCCESS, {"text": "again"}, 1)
        until(lambda: all(is_gone(pid) for pid in pids), "nothing of the first run is left")
        first, second = outcomes(dispatcher, job.id)
        assert first is not None
        assert first.startswith("lost: the job's process was ended")
        assert second is None
        assert dispatcher.submit("add_apart", {"a": 1}).get(PATIENCE) == {"value": 2}


@pytest.mark.slow("a worker starts, and waits before it gives up")
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


def test_a_worker_with_a_longer_lease_is_given_up_after_that_and_not_before(
    dispatcher: Dispatcher, sqlite_settings: Settings
) -> None:
    settings = sqlite_settings.model_copy(update={"lease": 0.3, "sweep": 0.1})
    now = time.time()
    with dispatcher.store.write() as connection:
        for name, lease in (("slow", 3.0), ("old", None), ("endless", float("inf"))):
            workers.register(connection, WorkerInfo(name, name, "local", {}, None, 0, now, now, lease=lease))
    sweeper = Sweeper(dispatcher.store, settings, "me")
    began = time.monotonic()
    gone: dict[str, float] = {}

    def only_the_endless_is_left() -> bool:
        sweeper.sweep()
        present = {info.id for info in dispatcher.workers()}
        gone.update({name: time.monotonic() - began for name in {"slow", "old"} - present - gone.keys()})
        return present == {"endless"}

    until(only_the_endless_is_left, "both are given up", 30)
    assert gone["old"] < 3.0 < gone["slow"]


def test_a_worker_with_a_longer_lease_is_shown_to_those_with_a_shorter_one(dispatcher: Dispatcher) -> None:
    now = time.time() - 3 * dispatcher.settings.lease
    with dispatcher.store.write() as connection:
        for name, lease in (("slow", 100 * dispatcher.settings.lease), ("old", None)):
            workers.register(connection, WorkerInfo(name, name, "local", {}, None, 0, now, now, lease=lease))
    assert [info.id for info in dispatcher.workers()] == ["slow"]
