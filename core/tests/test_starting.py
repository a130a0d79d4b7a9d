"""A job that has not begun says what it waits for; a slip in what a task reports fails nothing."""

from __future__ import annotations

import logging

import pytest

from pfd import Dispatcher, Settings, State, Worker
from pfd.logs.log_file import log_path
from pfd.plugins import Registry
from pfd.store import claims
from pfd.store.claim_filter import ClaimFilter

PATIENCE = 60.0


def _seen(settings: Settings, registry: Registry, task: str) -> tuple[list[tuple[State, str]], str]:
    """States and statuses of a job as they are shown, in order, and its status in the end."""
    with Dispatcher(settings, registry=registry) as dispatcher, Worker(settings, registry=registry):
        handle = dispatcher.submit(task, {})
        seen = [(job.state, job.status) for job in handle.events(PATIENCE)]
        return list(dict.fromkeys(seen)), handle.job.status


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("preload_a_while", "starting: importing pfd_sample"),
        ("import_a_while", "starting: loading pfd_sample.a_while"),
    ],
)
def test_a_job_whose_imports_take_long_says_so_until_its_task_is_called(
    sqlite_settings: Settings, registry: Registry, task: str, said: str
) -> None:
    seen, last = _seen(sqlite_settings, registry, task)
    assert (State.STARTED, said) in seen
    assert seen[-1] == (State.SUCCESS, "")
    assert last == ""
    if task == "import_a_while":  # it is silent for longer than that, and is no longer loading
        assert seen.index((State.STARTED, said)) < len(seen) - 1
        assert [state for state, status in seen if status == said] == [State.STARTED]


def test_a_job_that_begins_at_once_says_nothing_of_it(sqlite_settings: Settings, registry: Registry) -> None:
    with Dispatcher(sqlite_settings, registry=registry) as dispatcher, Worker(sqlite_settings, registry=registry):
        dispatcher.submit("add_apart", {"a": 1, "b": 2}).get(PATIENCE)  # the server has its imports done
        seen = [job.status for job in dispatcher.submit("nap", {"seconds": 1.5, "steps": 3}).events(PATIENCE)]
    assert not [status for status in seen if "starting" in status]
    assert "step 3/3" in seen


@pytest.mark.parametrize("task", ["report_percent", "report_percent_inline"])
def test_what_is_no_fraction_is_taken_for_the_nearest_and_told_once(
    sqlite_settings: Settings, registry: Registry, task: str, caplog: pytest.LogCaptureFixture
) -> None:
    with Dispatcher(sqlite_settings, registry=registry) as dispatcher, Worker(sqlite_settings, registry=registry):
        with caplog.at_level(logging.WARNING):
            job = dispatcher.submit(task, {}).wait(PATIENCE)
        assert job.state is State.SUCCESS
        assert (job.progress, job.status) == (1.0, "50")
        text = "".join(path.read_text() for path in log_path(sqlite_settings.home, job).parent.glob("*.log"))
    assert (text + caplog.text).count("is not between 0 and 1") == 1


@pytest.mark.parametrize("max_lost", [1, 3])
def test_nothing_of_the_wait_is_left_where_the_worker_dies_meanwhile(dispatcher: Dispatcher, max_lost: int) -> None:
    handle = dispatcher.submit("add_apart", {"a": 1})
    wanted = ClaimFilter("0" * 32, ("default",), ("add_apart",))
    with dispatcher.store.write() as connection:
        run = claims.claim(connection, wanted)
        assert run is not None
        claims.standing(connection, run, "starting: importing numpy")
    assert handle.job.status == "starting: importing numpy"
    with dispatcher.store.write() as connection:
        claims.lost(connection, run, max_lost=max_lost, reason="its worker is dead")
    assert (handle.state, handle.job.status) == (State.FAILURE if max_lost == 1 else State.RETRY, "")


def test_what_a_task_has_reported_stays_where_its_worker_dies(dispatcher: Dispatcher) -> None:
    handle = dispatcher.submit("add_apart", {"a": 1})
    with dispatcher.store.write() as connection:
        run = claims.claim(connection, ClaimFilter("0" * 32, ("default",), ("add_apart",)))
        assert run is not None
        claims.progress(connection, run, 0.5, "half", {})
        claims.lost(connection, run, max_lost=1, reason="its worker is dead")
    assert (handle.state, handle.job.status) == (State.FAILURE, "half")
