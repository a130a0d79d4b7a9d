"""Lines 10 and 11: cancel, limits, retries."""

from __future__ import annotations

import time
from typing import Any

import psutil
import pytest

from pfd import CancelRequested, JobCancelled, JobFailed, JobHandle, State, TimeLimitExceeded
from pfd.runner.isolated import SUPERVISOR_PATIENCE
from pfd_contract.plugin.plugin import BACKOFF
from pfd_contract.processes import is_gone
from pfd_contract.site import Site
from pfd_contract.waiting import PATIENCE, until

SLACK = 1.0
"""Seconds beyond the grace period within which a job that does not stop by itself is ended."""

PROMPT = 5.0
"""Seconds that are a long time for a job which stops when asked, on a busy machine as well."""


def _ended_after(handle: JobHandle, asked: float) -> float:
    """Wait for the end of a job; seconds on this machine's clock since `asked`, a time since the epoch."""
    ended = handle.wait(PATIENCE).ended_at
    assert ended is not None
    return ended - asked


class TestEndingEarly:
    def test_a_queued_job_is_cancelled_at_once(self, crew: Site) -> None:
        handle = crew.submit("noop", countdown=1.0)
        assert handle.revoke().state is State.REVOKED
        with pytest.raises(JobCancelled):
            handle.get(0)
        assert crew.run("noop", countdown=1.5).state is State.SUCCESS  # by now it would have been run
        assert crew.sights(handle) == []

    def test_a_running_job_is_asked_first_by_what_no_library_swallows(self, crew: Site) -> None:
        assert not issubclass(CancelRequested, Exception)
        handle = crew.submit("polite", {"seconds": 300})
        crew.await_sight(handle, "begins")
        asked = time.time()
        handle.revoke()
        assert _ended_after(handle, asked) < PROMPT
        with pytest.raises(JobCancelled):
            handle.get(0)
        assert handle.state is State.REVOKED
        assert [sight.what for sight in crew.sights(handle)] == ["begins", "stops", "raises"]
        assert crew.sights(handle, "stops")[0].detail == "cancel"

    def test_a_running_job_hears_that_it_is_to_stop_however_early_it_is_asked(self, crew: Site) -> None:
        handles = []
        for _ in range(30):
            handles.append(crew.submit("nap", {"gate": "never"}))
            while handles[-1].state is State.PENDING:  # more often than `until` looks, which would miss the moment
                time.sleep(0.0005)
            handles[-1].revoke()
        for handle in handles:
            assert handle.wait(PATIENCE).state is State.REVOKED
            # One that has not heard is ended after the grace period, and notes nothing.
            assert [sight.what for sight in crew.sights(handle)] in ([], ["raises"], ["begins", "raises"])

    def test_a_request_that_comes_where_python_drops_exceptions_is_made_again(self, crew: Site) -> None:
        handle = crew.submit("finalise", {"gate": "never"})
        crew.await_sight(handle, "finalises")
        handle.revoke()
        assert handle.wait(PATIENCE).state is State.REVOKED
        assert [sight.what for sight in crew.sights(handle)] == ["begins", "finalises", "goes on", "raises"]

    def test_an_inline_job_stops_where_it_asks_whether_it_should(self, crew: Site) -> None:
        handle = crew.submit("nap_inline", {"seconds": 10})
        crew.await_sight(handle, "begins")
        asked = time.time()
        handle.revoke()
        assert _ended_after(handle, asked) < PROMPT
        assert handle.state is State.REVOKED
        assert crew.sights(handle, "raises")[0].detail == "CancelRequested"

    @pytest.mark.parametrize(
        ("task", "params", "sign"),
        [("sleep_in_c", {"seconds": 300}, "in C"), ("stubborn", {"gate": "never"}, "deaf")],
        ids=["in C", "deaf"],
    )
    def test_a_job_that_does_not_stop_is_ended_after_the_grace_period(
        self, crew: Site, task: str, params: dict[str, Any], sign: str
    ) -> None:
        handle = crew.submit(task, params)
        pid = crew.await_sight(handle, sign).pid
        asked = time.time()
        handle.revoke()
        assert crew.settings.grace <= _ended_after(handle, asked) < crew.settings.grace + SLACK
        assert handle.state is State.REVOKED
        assert is_gone(pid)

    @pytest.mark.parametrize("what", ["keeper", "itself", "its group"])
    def test_a_job_that_is_stopped_or_stops_its_keeper_hears_what_it_is_asked(self, crew: Site, what: str) -> None:
        handle = crew.submit("halt", {"what": what})
        crew.await_sight(handle, "stopped")
        asked = time.time()
        handle.revoke()
        assert _ended_after(handle, asked) < PROMPT
        assert handle.state is State.REVOKED
        assert crew.sights(handle, "raises")[0].detail == "CancelRequested"

    def test_a_job_whose_keeper_cannot_act_is_ended_by_its_worker(self, crew: Site) -> None:
        handle = crew.submit("halt", {"what": "keeper", "again": True})
        pids = [crew.await_sight(handle, what).pid for what in ("stopped", "stops it again")]
        pids.append(psutil.Process(pids[0]).ppid())
        asked = time.time()
        handle.revoke()
        assert _ended_after(handle, asked) < crew.settings.grace + SUPERVISOR_PATIENCE + PROMPT
        assert handle.state is State.REVOKED
        assert all(map(is_gone, pids))

    def test_a_time_limit_holds_for_a_job_whose_keeper_cannot_act(self, crew: Site) -> None:
        handle = crew.submit("halt", {"what": "keeper", "again": True}, time_limit=0.5)
        with pytest.raises(TimeLimitExceeded):
            handle.get(PATIENCE)
        assert is_gone(crew.sights(handle, "stopped")[0].pid)

    def test_a_warm_server_that_a_job_has_stopped_makes_processes_for_others(self, crew: Site) -> None:
        handle = crew.submit("halt", {"what": "server", "gate": "server goes on"})
        crew.await_sight(handle, "stopped")
        assert crew.run("nap").state is State.SUCCESS
        crew.open_gate("server goes on")
        assert handle.wait(PATIENCE).state is State.SUCCESS

    def test_a_soft_limit_asks(self, crew: Site) -> None:
        handle = crew.submit("polite_with_limit", {"seconds": 300})
        with pytest.raises(TimeLimitExceeded):
            handle.get(PATIENCE)
        assert handle.state is State.FAILURE
        assert crew.sights(handle, "stops")[0].detail == "time limit"

    def test_a_hard_limit_ends(self, crew: Site) -> None:
        handle = crew.submit("sleep_in_c_with_limit")
        begun = crew.await_sight(handle, "begins")
        with pytest.raises(TimeLimitExceeded):
            handle.get(PATIENCE)
        assert handle.state is State.FAILURE
        assert is_gone(begun.pid)
        job = handle.job
        assert job.started_at is not None
        assert job.ended_at is not None
        # The declared second, the grace period; and the start of its process, which is not its doing.
        assert job.ended_at - job.started_at < 1.0 + crew.settings.grace + SLACK + PROMPT

    def test_a_limit_can_be_given_with_the_job(self, crew: Site) -> None:
        handle = crew.submit("polite", {"seconds": 300}, time_limit=0.5)
        with pytest.raises(TimeLimitExceeded):
            handle.get(PATIENCE)

    def test_a_cancelled_job_is_never_retried(self, crew: Site) -> None:
        handle = crew.submit("turn", {"seconds": 300})
        crew.await_sight(handle, "begins")
        handle.revoke()
        job = handle.wait(PATIENCE)
        assert (job.state, job.attempt) == (State.REVOKED, 1)
        assert crew.sights(handle, "raises")[0].detail == "ConnectionError"  # which is worth a retry otherwise

    def test_a_job_that_waits_for_its_next_attempt_is_cancelled_at_once(self, crew: Site) -> None:
        handle = crew.submit("script", {"runs": ["kill"]})
        until(lambda: handle.state is State.RETRY, "its process was killed, and it waits")
        assert handle.revoke().state is State.REVOKED
        assert crew.run("noop", countdown=1.5).state is State.SUCCESS
        assert len(crew.sights(handle, "begins")) == 1

    @pytest.mark.parametrize("task", ["fail", "fail_inline"])
    def test_declared_exceptions_are_retried_with_growing_pauses(self, crew: Site, task: str) -> None:
        handle = crew.submit(task, {"kind": "ConnectionError", "times": 2})
        job = handle.wait(PATIENCE)
        assert (job.state, job.attempt, job.lost) == (State.SUCCESS, 3, 0)
        begins = [sight.at for sight in crew.sights(job, "begins")]
        ends = [sight.at for sight in crew.sights(job, "raises")]
        assert begins[1] - ends[0] >= 0.7 * BACKOFF
        assert begins[2] - ends[1] >= 0.7 * 2 * BACKOFF

    def test_a_subclass_of_a_declared_exception_is_retried_and_the_last_attempt_is_the_last(self, crew: Site) -> None:
        handle = crew.submit("fail", {"kind": "BrokenPipeError"})
        with pytest.raises(JobFailed, match="BrokenPipeError"):
            handle.get(PATIENCE)
        assert len(crew.sights(handle, "begins")) == 3

    def test_no_other_exception_is_retried(self, crew: Site) -> None:
        handle = crew.submit("fail", {"kind": "ValueError", "times": 1})
        with pytest.raises(JobFailed, match="this value is wrong: 7"):
            handle.get(PATIENCE)
        assert len(crew.sights(handle, "begins")) == 1

    def test_a_job_tried_again_by_hand_is_a_new_one_that_names_the_old(self, crew: Site) -> None:
        old = crew.run("fail", {"kind": "ValueError", "times": 1})
        new = crew.dispatcher.retry(old.id)
        assert new.id != old.id
        assert new.wait(PATIENCE).retry_of == old.id
        assert crew.dispatcher.job(old.id) == old

    def test_the_first_end_stands(self, crew: Site) -> None:
        job = crew.run("noop")
        assert crew.dispatcher.cancel(job.id) == job
        assert crew.dispatcher.job(job.id) == job
