"""Tasks that wait for their children, and what becomes of the children."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from core.tests.support.waiting import lines, until
from pfd import Dispatcher, JobFailed, Settings, State, Worker
from pfd.plugins import Registry

PATIENCE = 90.0


@pytest.fixture
def dispatcher(sqlite_settings: Settings, registry: Registry) -> Iterator[Dispatcher]:
    with Dispatcher(sqlite_settings, registry=registry) as found:
        yield found


@pytest.mark.slow("thirty jobs that have one slot")
def test_coordinators_of_coordinators_do_not_wait_for_each_other(
    dispatcher: Dispatcher, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pfd.worker.coordinators.AT_ONCE", 1)
    with Worker(dispatcher.settings, slots=1, registry=registry):
        handles = [dispatcher.submit("gather", {"children": 2, "depth": 2, "seconds": 0.01}) for _ in range(2)]
        for handle in handles:
            assert handle.get(PATIENCE) == {"value": ["SUCCESS"] * 2}
    assert Counter(job.level for job in dispatcher.jobs(limit=100)) == {0: 2, 1: 4, 2: 8, 3: 16}


def test_the_children_of_a_coordinator_that_fails_are_cancelled(dispatcher: Dispatcher, registry: Registry) -> None:
    with Worker(dispatcher.settings, slots=1, registry=registry):
        handle = dispatcher.submit("gather", {"children": 3, "seconds": 300, "fail": True})
        with pytest.raises(JobFailed, match="after the children were submitted"):
            handle.get(PATIENCE)
        for child in dispatcher.jobs(parent=handle.id):
            assert dispatcher.handle(child.id).wait(PATIENCE).state is State.REVOKED


def test_the_eager_runtime_runs_a_coordinator_and_its_children(settings: Settings, registry: Registry) -> None:
    with Dispatcher(settings.model_copy(update={"runtime": "eager"})) as dispatcher:
        handle = dispatcher.submit("gather", {"children": 2, "depth": 1, "seconds": 0})
        assert handle.get(PATIENCE) == {"value": ["SUCCESS"] * 2}


def test_who_waits_for_children_and_is_no_coordinator_fails_with_the_remedy(
    dispatcher: Dispatcher, registry: Registry
) -> None:
    with Worker(dispatcher.settings, slots=1, registry=registry):
        handle = dispatcher.submit("gather_in_a_slot", {"children": 2})
        with pytest.raises(JobFailed, match="gather_in_a_slot waits for children and is not a coordinator") as caught:
            handle.get(PATIENCE)
    assert "coordinator=True" in (caught.value.hint or "")
    assert {job.state for job in dispatcher.jobs(parent=handle.id)} <= {State.REVOKED, State.SUCCESS}


def test_who_waits_in_its_slot_for_a_job_that_needs_it_is_told_the_remedy(
    dispatcher: Dispatcher, registry: Registry
) -> None:
    with Worker(dispatcher.settings, slots=1, registry=registry):
        handle = dispatcher.submit("wait_in_a_slot")
        logged = until(lambda: [one for one in lines(dispatcher.log_path(handle.id)) if "which is queued" in one])
        assert "in a slot that this may need; declare it with coordinator=True" in logged[0]
        handle.revoke()
        handle.wait(PATIENCE)
