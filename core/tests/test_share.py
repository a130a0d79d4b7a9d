"""How many CPU threads a job may use: a fair share among all slots that use the same cores."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from core.tests.support.stores import as_environment
from core.tests.support.waiting import until
from pfd import Dispatcher, Settings, Worker
from pfd.plugins import Registry
from pfd.runner.profile import PROCESS_VARIABLE, THREAD_VARIABLES
from pfd.worker import share

PATIENCE = 90.0
CORES = 12
WORKER = "from pfd import Worker; Worker(slots=3, queues=('other',)).run_forever()"


@pytest.fixture(autouse=True)
def _twelve_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of twelve cores, on which workers look for each other before each job."""
    monkeypatch.setattr(share, "cores", lambda: float(CORES))
    monkeypatch.setattr(share, "LOOK_EVERY", 0.0)
    for name in (*THREAD_VARIABLES, PROCESS_VARIABLE):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def dispatcher(sqlite_settings: Settings, registry: Registry) -> Iterator[Dispatcher]:
    with Dispatcher(sqlite_settings, registry=registry) as found:
        yield found


def threads(dispatcher: Dispatcher) -> int:
    """What a job is told."""
    return int(dispatcher.submit("where_am_i").get(PATIENCE)["value"]["threads"])


def worker(dispatcher: Dispatcher, registry: Registry, slots: int, **settings: object) -> Worker:
    return Worker(dispatcher.settings.model_copy(update=settings), slots=slots, registry=registry)


@contextlib.contextmanager
def neighbour(dispatcher: Dispatcher) -> Iterator[subprocess.Popen[bytes]]:
    """Another worker, with three slots, in a process of its own."""
    there = len(dispatcher.workers())
    environment = os.environ | as_environment(dispatcher.settings)
    process = subprocess.Popen([sys.executable, "-P", "-c", WORKER], env=environment)
    try:
        until(lambda: len(dispatcher.workers()) > there, "it is there")
        yield process
    finally:
        process.kill()
        process.wait()


def test_the_slots_of_a_worker_share_the_cores(dispatcher: Dispatcher, registry: Registry) -> None:
    with worker(dispatcher, registry, 5):
        assert threads(dispatcher) == CORES // 5


def test_a_part_of_a_core_is_a_thread(
    dispatcher: Dispatcher, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(share, "cores", lambda: 1.5)
    with worker(dispatcher, registry, 4):
        assert threads(dispatcher) == 1


def test_gpu_slots_share_the_cores_as_well(dispatcher: Dispatcher, registry: Registry) -> None:
    with worker(dispatcher, registry, 1, gpus="0,1"):
        assert threads(dispatcher) == CORES // 3


def test_workers_of_a_machine_share_the_cores_until_one_of_them_is_gone(
    dispatcher: Dispatcher, registry: Registry
) -> None:
    with worker(dispatcher, registry, 1):
        assert threads(dispatcher) == CORES
        with neighbour(dispatcher) as other:
            assert threads(dispatcher) == CORES // 4
            other.kill()  # its row stands for a while yet
            other.wait()
            assert threads(dispatcher) == CORES


def test_a_worker_inside_a_program_takes_nothing_from_others(dispatcher: Dispatcher, registry: Registry) -> None:
    with worker(dispatcher, registry, 1), Worker(dispatcher.settings, 3, client_id="mine", registry=registry):
        assert threads(dispatcher) == CORES


def test_what_is_set_stands(dispatcher: Dispatcher, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    with worker(dispatcher, registry, 1):
        assert threads(dispatcher) == 7
    with worker(dispatcher, registry, 1, threads=5):
        assert threads(dispatcher) == 5
