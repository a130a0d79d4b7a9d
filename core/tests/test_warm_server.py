"""The warm server: shared by the workers of a machine, ended with the last of them, replaced when packages change."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from core.tests.support.stores import as_environment
from core.tests.support.waiting import is_gone, lines, until
from pfd import Dispatcher, Settings, State, Worker
from pfd.plugins import Registry
from pfd.runner.warm_server import build_models
from pfd.task import Params, Result, Task

PATIENCE = 90.0
WORKER = "from pfd import Worker; Worker(slots=1, queues=(__import__('sys').argv[1],)).run_forever()"


@pytest.fixture
def dispatcher(sqlite_settings: Settings, registry: Registry) -> Iterator[Dispatcher]:
    with Dispatcher(sqlite_settings, registry=registry) as found:
        yield found


@contextlib.contextmanager
def worker(settings: Settings, queue: str, folder: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", WORKER, queue],
        env=os.environ | as_environment(settings) | environment,
        cwd=folder,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def asked(dispatcher: Dispatcher, queue: str = "default") -> dict[str, Any]:
    """What a job in that queue says of its process."""
    found: dict[str, Any] = dispatcher.submit("where_am_i", queue=queue).get(PATIENCE)["value"]
    return found


def test_workers_of_a_machine_share_a_server_and_keep_their_own_surroundings(
    dispatcher: Dispatcher, tmp_path: Path
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    # A second worker makes the share of each job smaller, and that takes a new server.
    with worker(dispatcher.settings, "one", here, PFD_SAMPLE="1", PFD_THREADS="1") as first:
        one = asked(dispatcher, "one")
        with worker(dispatcher.settings, "two", there, PFD_SAMPLE="2", PFD_THREADS="1"):
            two = asked(dispatcher, "two")
            assert one["server"] == two["server"]
            assert (one["folder"], one["sample"]) == (str(here), "1")
            assert (two["folder"], two["sample"]) == (str(there), "2")
            first.kill()  # who started the server is gone; the other one goes on with it
            first.wait()
            assert asked(dispatcher, "two")["server"] == one["server"]
        until(lambda: is_gone(one["server"]), "the server ended with its last worker")


def test_a_worker_with_another_number_of_threads_has_a_server_of_its_own(
    dispatcher: Dispatcher, tmp_path: Path
) -> None:
    with (
        worker(dispatcher.settings, "one", tmp_path, OMP_NUM_THREADS="1"),
        worker(dispatcher.settings, "two", tmp_path, OMP_NUM_THREADS="2"),
    ):
        one, two = asked(dispatcher, "one"), asked(dispatcher, "two")
    assert (one["threads"], two["threads"]) == ("1", "2")
    assert one["server"] != two["server"]


def test_a_running_job_outlives_the_change_of_packages_and_the_next_one_sees_it(
    dispatcher: Dispatcher, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    witness = tmp_path / "witness"
    with Worker(dispatcher.settings, slots=2, registry=registry):
        before = asked(dispatcher)
        handle = dispatcher.submit("nap", {"seconds": 2.0, "witness": str(witness)})
        until(lambda: lines(witness), "it runs")
        (site / "new_package.py").write_text("", encoding="utf-8")
        after = asked(dispatcher)
        assert after["server"] != before["server"]
        assert handle.wait(PATIENCE).state is State.SUCCESS
        assert handle.job.lost == 0
        until(lambda: is_gone(before["server"]), "the old server ended with its last job")
        assert asked(dispatcher)["server"] == after["server"]
        # What a script writes into its own folder is no package.
        (site / "results.csv").write_text("1", encoding="utf-8")
        (site / "plots").mkdir()
        assert asked(dispatcher)["server"] == after["server"]
        (site / "gear-1.0.dist-info").mkdir()
        assert asked(dispatcher)["server"] != after["server"]


def test_a_server_collects_the_supervisor_of_a_job_that_has_ended_and_sleeps_until_the_next(
    dispatcher: Dispatcher, registry: Registry
) -> None:
    with Worker(dispatcher.settings, slots=1, registry=registry):
        server = psutil.Process(asked(dispatcher)["server"])
        until(lambda: not server.children(), "the supervisor has ended and was collected")
        before = sum(server.cpu_times()[:2])
        time.sleep(1.0)
        assert sum(server.cpu_times()[:2]) - before < 0.1
        assert asked(dispatcher)["server"] == server.pid


def lines_of(process: psutil.Process) -> set[str]:
    """The sockets and pipes that a process has open."""
    links = {str(one.readlink()) for one in Path(f"/proc/{process.pid}/fd").iterdir()}
    return {link for link in links if link.startswith(("socket:", "pipe:"))}


def test_a_job_and_its_supervisor_hold_nothing_of_the_server_that_they_were_forked_from(
    dispatcher: Dispatcher, registry: Registry, tmp_path: Path
) -> None:
    """They would answer for it to workers, and wake it, once it has gone."""
    witness = tmp_path / "witness"
    with Worker(dispatcher.settings, slots=1, registry=registry):
        server = psutil.Process(asked(dispatcher)["server"])
        handle = dispatcher.submit("nap", {"seconds": 60.0, "witness": str(witness)})
        until(lambda: lines(witness), "it runs")
        [supervisor] = server.children()
        [job] = supervisor.children()
        assert len(lines_of(server)) >= 4  # a waker, its socket, and its line to the worker
        assert not lines_of(server) & (lines_of(supervisor) | lines_of(job))
        handle.revoke()
        assert handle.wait(PATIENCE).state is State.REVOKED


def test_nothing_is_left_of_a_server_that_has_ended(
    dispatcher: Dispatcher, registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, listeners: Path
) -> None:
    folder = listeners / "x"
    folder.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    with Worker(dispatcher.settings, slots=1, registry=registry):
        server = asked(dispatcher)["server"]
        assert psutil.Process(server).ppid() == os.getpid()
        assert list(folder.glob("pfd-*-warm/*.sock"))
    until(lambda: is_gone(server), "the server ended")
    until(lambda: not list(folder.iterdir()), "nothing is left")


def test_without_a_place_for_its_socket_a_job_gets_a_fresh_interpreter(
    dispatcher: Dispatcher, registry: Registry, monkeypatch: pytest.MonkeyPatch, listeners: Path
) -> None:
    blocked = listeners / "y"
    blocked.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(blocked))
    (blocked / f"pfd-{os.getuid()}-warm").touch()  # a file where the folder should be
    with Worker(dispatcher.settings, slots=1, registry=registry):
        assert dispatcher.submit("add_apart", {"a": 1, "b": 2}).get(PATIENCE) == {"value": 3}


def test_a_server_whose_folder_has_gone_ends_with_its_last_worker(dispatcher: Dispatcher, tmp_path: Path) -> None:
    """As the folder of a session does when its user logs out; the server tried to lock a file in it without end."""
    runtime = Path(tempfile.mkdtemp(prefix="pfd-gone-", dir="/tmp"))
    with worker(dispatcher.settings, "one", tmp_path, XDG_RUNTIME_DIR=str(runtime)):
        server = psutil.Process(asked(dispatcher, "one")["server"])
        shutil.rmtree(runtime)
    until(lambda: is_gone(server.pid))


A_SLOW_BIRTH = """
import json, os, signal, socket, sys, time
from dataclasses import asdict
from pathlib import Path
from pfd import Dispatcher, load_settings
from pfd.runner import child, warm_server
from pfd.plugins import load_registry

settings = load_settings().values
registry = load_registry(settings)
with Dispatcher(settings, registry=registry) as dispatcher:
    job = dispatcher.submit("nap", {"seconds": 60}).job
run = child.run
child.run = lambda *given: (time.sleep(0.3), run(*given))[1]  # it has no handlers yet
control, theirs = socket.socketpair()
channel, its = socket.socketpair()
if os.fork() == 0:
    warm_server._become_supervisor([theirs.detach(), its.detach(), os.dup(2)], os.getppid(), [], registry)
theirs.close(), its.close()
pid = json.loads(control.makefile().readline())["pid"]
control.sendall(b'{"signal": "SIGTERM"}\\n')
order = {"job": asdict(job), "settings": settings.model_dump(mode="json"), "path": sys.path}
channel.sendall(json.dumps({**order, "environment": dict(os.environ), "folder": str(Path.cwd())}).encode() + b"\\n")
channel.settimeout(20)
print(json.loads(channel.makefile().readline())["end"])
"""


def test_a_request_waits_for_the_handlers_of_a_process_that_was_just_made(sqlite_settings: Settings) -> None:
    """It was taken by the handler that its keeper has for itself, and forgotten."""
    done = subprocess.run(
        [sys.executable, "-c", A_SLOW_BIRTH],
        env=os.environ | as_environment(sqlite_settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout == "stopped\n", done.stderr


def test_the_models_of_all_tasks_are_built_before_a_job_is_forked_and_a_broken_one_is_left_to_its_job() -> None:
    class Fine(Params):
        number: int = 1

    class Broken(Params):
        other: "NowhereToBeFound"  # type: ignore[name-defined]  # noqa: F821, UP037

    class Nothing(Result):
        pass

    tasks = {model.__name__: Task("some_task", run="a:b", params=model, result=Nothing) for model in (Broken, Fine)}
    models = (Fine, Nothing, Broken)
    assert [model.__pydantic_complete__ for model in models] == [False, False, False]

    build_models(Registry(tasks=tasks))

    assert [model.__pydantic_complete__ for model in models] == [True, True, False]
