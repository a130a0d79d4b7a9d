"""What a campaign sees of its children while they run, and does with them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pfd import Dispatcher, Settings, State, Worker
from pfd.plugins import Registry

PATIENCE = 60.0


@pytest.fixture
def dispatcher(settings: Settings, registry: Registry) -> Iterator[Dispatcher]:
    with Dispatcher(settings, registry=registry) as found, Worker(settings, slots=2, registry=registry):
        yield found


def test_a_campaign_reads_the_series_of_running_children_and_cancels_them(dispatcher: Dispatcher) -> None:
    handle = dispatcher.submit("campaign")
    found = handle.get(PATIENCE)["value"]
    assert {task for _, task in found["seen"]} == {"show"}
    assert {state for state, _ in found["seen"]} <= {"STARTED", "PROGRESS"}
    assert found["ended"] == ["REVOKED", "REVOKED"]
    assert found["last"] == [2, pytest.approx(2 / 3)]
    assert [child.job.state for child in handle.children] == [State.REVOKED] * 2


def test_no_job_but_its_own_children_is_cancelled(dispatcher: Dispatcher) -> None:
    other = dispatcher.submit("add", {"a": 1}, countdown=3600)
    for wanted in (other.id, "no-such-job", "@last"):
        job = dispatcher.submit("campaign", {"cancel": wanted}).wait(PATIENCE)
        assert job.state is State.FAILURE
        assert job.failure is not None
        assert "is no child of job" in job.failure.message
    assert dispatcher.job(other.id).state is State.PENDING


def test_a_state_says_whether_a_job_is_over() -> None:
    over = {state for state in State if state.has_ended}
    assert over == {State.SUCCESS, State.FAILURE, State.REVOKED}


@pytest.mark.parametrize("threads", [1, 3])
def test_a_task_is_told_how_many_threads_it_may_use(
    sqlite_settings: Settings, registry: Registry, threads: int
) -> None:
    settings = sqlite_settings.model_copy(update={"threads": threads})
    with Dispatcher(settings, registry=registry) as dispatcher, Worker(settings, registry=registry):
        assert dispatcher.submit("say_threads").get(PATIENCE) == {"value": threads}
