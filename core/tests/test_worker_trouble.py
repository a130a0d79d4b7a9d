"""A worker that is wronged: taken for lost, made deaf, given jobs that it never heard of."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from core.tests.support.stores import as_environment, make_settings
from core.tests.support.waiting import is_gone, lines, until
from pfd import Dispatcher, ParameterError, Settings, State, Worker
from pfd.plugins import Registry
from pfd.runner.isolated import IsolatedRun
from pfd.runner.warm_client import WarmServerClient
from pfd.runtimes.local import listeners
from pfd.store import claims, workers
from pfd.store.claim_filter import ClaimFilter

PATIENCE = 60.0


def test_a_worker_that_is_taken_for_lost_runs_its_job_again_and_goes_on(settings: Settings, registry: Registry) -> None:
    with Worker(settings, slots=1, registry=registry), Dispatcher(settings, registry=registry) as dispatcher:
        handle = dispatcher.submit("nap", {"seconds": 2})
        until(lambda: handle.state in (State.STARTED, State.PROGRESS))
        with dispatcher.store.write() as connection:
            [info] = workers.live(connection)
            back = workers.lapse(connection, info, max_lost=9)
            assert back is not None
            assert back.ids == (handle.id,)
        assert handle.get(PATIENCE) == {"text": "slept in attempt 1"}
        assert handle.job.lost == 1
        assert dispatcher.submit("add", {"a": 1, "b": 2}).get(PATIENCE) == {"value": 3}


def test_a_job_that_the_store_gives_a_worker_and_no_slot_holds_is_run_all_the_same(
    settings: Settings, registry: Registry
) -> None:
    """As after a commit whose answer was lost on its way."""
    with Worker(settings, slots=1, queues=("elsewhere",), registry=registry) as worker:
        assert worker.engine is not None
        with Dispatcher(settings, registry=registry) as dispatcher:
            handle = dispatcher.submit("add", {"a": 1, "b": 2})
            with dispatcher.store.write() as connection:
                assert claims.claim(connection, ClaimFilter(worker.engine.id, ("default",), ("add",)))
            until(lambda: handle.state is State.RETRY)
            with Worker(settings, slots=1, registry=registry):
                assert handle.get(PATIENCE) == {"value": 3}
            [first, _] = dispatcher.claims(handle.id)
            assert first.outcome == "lost: its worker lost track of it"


def test_a_job_whose_process_is_told_to_end_from_outside_is_run_again(
    sqlite_settings: Settings, registry: Registry, tmp_path: Path
) -> None:
    witness = tmp_path / "witness"
    with Worker(sqlite_settings, registry=registry), Dispatcher(sqlite_settings, registry=registry) as dispatcher:
        handle = dispatcher.submit("nap", {"seconds": 1, "witness": str(witness)})
        os.kill(int(until(lambda: lines(witness))[0].split()[0]), signal.SIGTERM)
        assert handle.get(PATIENCE) == {"text": "slept in attempt 1"}
        assert handle.job.lost == 1


def test_a_job_is_cancelled_while_its_task_is_still_imported(sqlite_settings: Settings, registry: Registry) -> None:
    with Worker(sqlite_settings, registry=registry), Dispatcher(sqlite_settings, registry=registry) as dispatcher:
        handle = dispatcher.submit("import_slowly")
        until((sqlite_settings.home / "importing").exists, "it is imported")
        handle.revoke()
        assert handle.wait(PATIENCE).state is State.REVOKED
        assert (sqlite_settings.home / "disturbed").read_text(encoding="utf-8") == "CancelRequested"


def test_a_job_that_has_no_process_yet_is_cancelled_at_once(
    sqlite_settings: Settings, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a warm server takes minutes for its imports: here it hears of no job."""
    unheard: list[int] = []
    monkeypatch.setattr(WarmServerClient, "spawn", lambda _server, _profile, fds: unheard.extend(map(os.dup, fds)))
    with Worker(sqlite_settings, registry=registry), Dispatcher(sqlite_settings, registry=registry) as dispatcher:
        handle = dispatcher.submit("nap", {"seconds": 300})
        until(lambda: unheard, "it waits for its process")
        handle.revoke()
        assert handle.wait(PATIENCE).state is State.REVOKED
    for fd in unheard:
        os.close(fd)


def test_a_ring_reaches_the_one_slot_that_serves_the_queue(tmp_path: Path, registry: Registry) -> None:
    settings = make_settings(tmp_path / "home", sweep=3600.0, lease=36000.0)
    slots = {"default": 4, "training": 1}
    with Worker(settings, slots=slots, registry=registry), Dispatcher(settings, registry=registry) as dispatcher:
        for number in range(10):
            assert dispatcher.submit("add", {"a": number}, queue="training").get(PATIENCE) == {"value": number + 1}


def test_a_soft_limit_larger_than_the_hard_one_is_refused(sqlite_settings: Settings, registry: Registry) -> None:
    with Dispatcher(sqlite_settings, registry=registry) as dispatcher:
        with pytest.raises(ParameterError, match="soft_time_limit=200"):
            dispatcher.submit("limited", {"seconds": 300}, soft_time_limit=200)
        assert dispatcher.jobs() == []


ONE_JOB = """
from pfd import Dispatcher, Worker
with Worker(), Dispatcher() as dispatcher:
    print(dispatcher.submit("add_apart", {"a": 1}).get(60))
"""


def _run(settings: Settings, code: str, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env=os.environ | as_environment(settings) | environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_files_of_the_working_directory_do_not_stand_in_for_modules(sqlite_settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "pluggy.py").write_text("raise RuntimeError('the wrong one')", encoding="utf-8")
    assert _run(sqlite_settings, ONE_JOB, tmp_path) == "{'value': 2}\n"


def test_a_worker_starts_where_the_runtime_folder_does_not_exist(sqlite_settings: Settings, tmp_path: Path) -> None:
    assert _run(sqlite_settings, ONE_JOB, tmp_path, XDG_RUNTIME_DIR=str(tmp_path / "absent")) == "{'value': 2}\n"


def test_nothing_is_left_of_the_bells_of_a_store_whose_workers_have_stopped(
    sqlite_settings: Settings, registry: Registry
) -> None:
    with Dispatcher(sqlite_settings, registry=registry) as dispatcher:
        with Worker(sqlite_settings, registry=registry):
            assert dispatcher.submit("add", {"a": 1}).get(PATIENCE) == {"value": 2}
            [listener] = listeners(sqlite_settings)
        folder = listener.parent
        assert not folder.exists()
        dispatcher.submit("add", {"a": 2})
        assert not folder.exists()


def test_a_job_is_over_before_a_fault_of_its_worker_is_said_to_be_its_failure(
    sqlite_settings: Settings, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    below: list[psutil.Process] = []

    def fault(run: IsolatedRun, *_: object) -> None:
        assert run._tree is not None
        supervisor, job = (
            run._tree._supervisor,
            run._tree._job,
        )  # by what else runs here, servers of other tests among it
        assert supervisor is not None
        assert job is not None
        below.extend((supervisor, job))
        raise LookupError("a fault that nobody has thought of")

    monkeypatch.setattr(IsolatedRun, "_ask", fault)
    with Worker(sqlite_settings, registry=registry), Dispatcher(sqlite_settings, registry=registry) as dispatcher:
        ended = dispatcher.submit("swallow", {"seconds": 60}, time_limit=1.0).wait(PATIENCE)
        assert (ended.state, ended.failure and ended.failure.type) == (State.FAILURE, "LookupError")
        assert len(below) == 2
        assert all(is_gone(one.pid) for one in below)
