"""Jobs whose owner is gone, with no worker there to sweep: whoever looks at them takes them back."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.tests.support.commands import PFD, Commands
from core.tests.support.stores import as_environment
from core.tests.support.waiting import is_gone, lines, until
from pfd import Dispatcher, Settings, State, Worker
from pfd.job import RUNNING
from pfd.plugins import Registry
from pfd.worker.sweeper import dead_workers


@pytest.fixture
def waiting(served: Settings, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """`pfd submit --wait`, whose job runs."""
    command = [PFD, "submit", "family", "seconds=300", f"witness={tmp_path / 'witness'}", "--wait"]
    process = subprocess.Popen(
        command, env=os.environ | as_environment(served), stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    until(lambda: lines(tmp_path / "witness"), "the job runs")
    yield process
    process.kill()
    process.communicate()


@pytest.fixture
def left(waiting: subprocess.Popen[str], dispatcher: Dispatcher, tmp_path: Path) -> str:
    """A job whose owner was killed, and nothing of which is left."""
    pids = [int(pid) for pid in lines(tmp_path / "witness")[0].split()]
    waiting.kill()
    until(lambda: all(is_gone(pid) for pid in pids), "nothing of the job is left")
    until(lambda: dead_workers(dispatcher.store, dispatcher.settings), "its owner is known to be dead")
    (job,) = dispatcher.jobs()
    assert job.state in (State.STARTED, State.PROGRESS)
    return job.id


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_submit_that_is_told_to_end_hands_its_job_back_as_at_ctrl_c(
    waiting: subprocess.Popen[str], dispatcher: Dispatcher, number: signal.Signals
) -> None:
    waiting.send_signal(number)
    waiting.send_signal(number)  # as of a terminal that closes the kernel tells, and the shell
    _, told = waiting.communicate(timeout=60)
    assert waiting.returncode == 130
    (job,) = dispatcher.jobs()
    assert job.state is State.RETRY
    assert f"interrupted; job {job.id} is queued, and no live worker serves its queue" in told
    assert not dead_workers(dispatcher.store, dispatcher.settings)


def test_cancel_ends_the_job_of_a_dead_owner(left: str, pfd: Commands) -> None:
    assert "cancelled" in pfd("cancel", left).out


def test_listing_jobs_takes_back_those_of_a_dead_owner(left: str, pfd: Commands) -> None:
    assert "RETRY" in pfd("jobs").out


def test_waiting_takes_back_the_job_of_a_dead_owner(left: str, dispatcher: Dispatcher) -> None:
    assert State.RETRY in (job.state for job in dispatcher.handle(left).events(60))


def test_doctor_shows_what_is_left_and_repairs_it(left: str, pfd: Commands, dispatcher: Dispatcher) -> None:
    assert "1 job is left by workers of this machine that are dead" in pfd("doctor").out
    assert dispatcher.job(left).state is not State.RETRY
    assert f"reclaimed from dead workers: {left[:8]}" in pfd("doctor", "--repair").out
    assert dispatcher.job(left).state is State.RETRY


def test_nothing_is_taken_from_a_living_owner_or_one_of_another_machine(
    dispatcher: Dispatcher, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Worker(dispatcher.settings, slots=1, registry=registry):
        handle = dispatcher.submit("family", {"seconds": 300, "witness": str(tmp_path / "witness")})
        until(lambda: lines(tmp_path / "witness"), "the job runs")
        assert dispatcher.reclaim() == ()
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(elsewhere))  # where this machine has no trace of it
        assert dispatcher.reclaim() == ()
        monkeypatch.undo()
        assert handle.job.state is not State.RETRY
        handle.revoke()


def test_jobs_are_looked_at_waited_for_and_reclaimed_where_the_runtime_cannot_be_loaded(
    left: str, dispatcher: Dispatcher
) -> None:
    """As on a machine without the library of the broker that its workers use."""
    elsewhere = dispatcher.settings.model_copy(update={"runtime": "notthere"})
    with Dispatcher(elsewhere, registry=dispatcher.plugins) as looking:
        assert looking.job(left).state in RUNNING
        with pytest.raises(TimeoutError):
            looking.handle(left).wait(3.0)  # it is reclaimed meanwhile
        assert looking.job(left).state is State.RETRY
        assert looking.reclaim() == ()
