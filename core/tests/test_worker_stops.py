"""How a worker stops: what it is told by, and what becomes of jobs that it has claimed by then."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.tests.support.stores import as_environment
from core.tests.support.waiting import lines, until
from pfd import CancelRequested, Dispatcher, Settings, State, Task, TaskContext, Worker
from pfd.job import Job
from pfd.plugins import Registry

PATIENCE = 60.0

IN_A_TERMINAL = """
import fcntl, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from pfd.cli import main
main(["worker"])
"""


def test_a_job_that_is_being_claimed_as_its_worker_stops_is_put_back_and_not_begun(
    settings: Settings, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness = tmp_path / "witness"
    with Worker(settings, registry=registry) as worker, Dispatcher(settings, registry=registry) as dispatcher:
        owner = worker.engine
        assert owner is not None
        claim = owner.claimer.claim

        def told_to_stop_meanwhile(*args: Any, **options: Any) -> Job | None:
            if (job := claim(*args, **options)) is not None:
                owner.claim_no_more()
            return job

        monkeypatch.setattr(owner.claimer, "claim", told_to_stop_meanwhile)
        handle = dispatcher.submit("nap_inline", {"witness": str(witness)})
        until(lambda: dispatcher.claims(handle.id), "it is claimed")
        worker.stop()
        job = handle.job
        assert (job.state, job.attempt) == (State.RETRY, 0)
        assert [claim.outcome for claim in dispatcher.claims(handle.id)] == ["handed back: its worker stopped"]
    assert lines(witness) == []


def test_an_inline_task_that_answers_the_stop_in_its_own_words_is_put_back(
    sqlite_settings: Settings, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness = tmp_path / "witness"
    load = Task.load

    def loaded(task: Task) -> Any:
        function = load(task)

        def tidied(params: Any, ctx: TaskContext) -> Any:
            try:
                return function(params, ctx)
            except CancelRequested:
                raise CancelRequested("tidied up") from None

        return tidied

    monkeypatch.setattr(Task, "load", loaded)
    with Worker(sqlite_settings, registry=registry) as worker, Dispatcher(sqlite_settings, registry=registry) as pfd:
        handle = pfd.submit("nap_inline", {"seconds": 30, "steps": 300, "witness": str(witness)})
        until(lambda: lines(witness), "it has begun")
        worker.stop(0.1)
        assert (handle.job.state, handle.job.attempt) == (State.RETRY, 0)
        assert [claim.outcome for claim in pfd.claims(handle.id)] == ["handed back: its worker stopped"]


def test_a_worker_whose_terminal_is_closed_lets_its_job_end(
    sqlite_settings: Settings, registry: Registry, tmp_path: Path
) -> None:
    witness = tmp_path / "witness"
    with Dispatcher(sqlite_settings, registry=registry) as dispatcher:
        handle = dispatcher.submit("nap", {"seconds": 1, "witness": str(witness)})
        terminal, inside = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-c", IN_A_TERMINAL],
            env=os.environ | as_environment(sqlite_settings),
            stdin=inside,
            stdout=inside,
            stderr=inside,
            start_new_session=True,
        )
        os.close(inside)
        try:
            until(lambda: lines(witness), "the job has begun")
            os.close(terminal)
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()
            process.wait()
        assert handle.state is State.SUCCESS
        assert dispatcher.workers() == []
