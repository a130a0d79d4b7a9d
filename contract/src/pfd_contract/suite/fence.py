"""Lines 2 and 4: of overlapping runs one is accepted; time that passed while nobody looked proves nothing."""

from __future__ import annotations

import contextlib
import time

import pytest

from pfd import State
from pfd_contract.plugin.records import ContractRow
from pfd_contract.processes import frozen, is_gone
from pfd_contract.site import Site
from pfd_contract.waiting import PATIENCE, until


class TestFence:
    @pytest.mark.parametrize("task", ["late", "late_inline"])
    def test_a_run_that_wakes_after_its_successor_has_ended_leaves_nothing(self, site: Site, task: str) -> None:
        handle = site.submit(task, {"gate": "go"})
        with site.worker() as sleeper:
            begun = site.await_sight(handle, "begins")
            with frozen(sleeper.owner, begun.pid):
                with site.worker():
                    site.await_sight(handle, "begins", 2)
                    site.open_gate("go")
                    job = handle.wait(PATIENCE)
                assert job.state is State.SUCCESS
                assert job.claim is not None
                assert job.claim > begun.claim
            # The sleeper tries to write, or is ended before it can; and goes on as a worker.
            until(
                lambda: is_gone(begun.pid) or [s for s in site.sights(handle, "raises") if s.claim == begun.claim],
                "the run that woke has come to its end",
            )
            assert site.run("noop").state is State.SUCCESS
            assert handle.job == job
            self._only_the_newer_is_kept(site, job.id, job.claim, begun.claim)

    def test_a_run_that_goes_on_while_its_owner_sleeps_has_its_rows_refused(self, site: Site) -> None:
        handle = site.submit("late", {"gate": "go"})
        with site.worker() as sleeper:
            begun = site.await_sight(handle, "begins")
            with frozen(sleeper.owner):  # who would have told it
                with site.worker():
                    site.await_sight(handle, "begins", 2)
                    site.open_gate("go")
                    job = handle.wait(PATIENCE)
                assert job.claim is not None
                assert site.await_sight(handle, "refused").claim == begun.claim
            until(lambda: is_gone(begun.pid), "the run has come to its end")
            assert site.run("noop").state is State.SUCCESS
            assert handle.job == job
            self._only_the_newer_is_kept(site, job.id, job.claim, begun.claim)

    @staticmethod
    def _only_the_newer_is_kept(site: Site, job_id: str, newer: int, older: int) -> None:
        handle = site.dispatcher.handle(job_id)
        assert handle.job.result is not None
        assert handle.job.result["claim"] == newer
        assert handle.job.status == f"claim {newer}"
        with site.dispatcher.store.session() as session:
            assert [row.text for row in session.query(ContractRow)] == [f"claim {newer}"]
        published = handle.artifacts
        assert {path.read_text(encoding="utf-8") for path in published.values()} == {f"claim {newer}"}
        assert sorted(published) == ["early.txt", "late.txt"]
        assert {sight.claim for sight in site.sights(job_id, "row kept")} == {newer}
        assert {sight.claim for sight in site.sights(job_id, "ends")} == {newer}
        first, second = site.dispatcher.claims(job_id)
        assert (first.number, second.number, second.outcome) == (older, newer, None)
        assert first.outcome is not None
        assert "no sign of life" in first.outcome

    def test_a_nights_sleep_of_the_machine_runs_nothing_again(self, pair: Site) -> None:
        handles = [pair.submit("nap", {"gate": "morning"}) for _ in range(8)]
        pids = [pair.await_sight(handle, "begins").pid for handle in handles]
        first, second = (program.owner for program in pair.programs)
        with frozen(second, *pids):
            with frozen(first):
                time.sleep(2 * pair.settings.lease)  # the night
            time.sleep(pair.settings.lease / 2)  # one is awake before the other, and has not seen a lease go by
        pair.open_gate("morning")
        ended = [handle.wait(PATIENCE) for handle in handles]
        assert [(job.state, job.lost) for job in ended] == [(State.SUCCESS, 0)] * 8
        assert [len(pair.sights(job, "begins")) for job in ended] == [1] * 8

    def test_an_outage_of_the_store_runs_nothing_again_and_loses_nothing(self, pair: Site) -> None:
        gated = [pair.submit("nap", {"gate": "outage"}) for _ in range(10)]  # all slots of both workers
        for handle in gated:
            pair.await_sight(handle, "begins")
        waiting = [pair.submit("noop") for _ in range(10)]
        with contextlib.ExitStack() as late:
            with pair.store_away():
                time.sleep(1.5 * pair.settings.lease)
                pair.open_gate("outage")  # half of the jobs end while nobody can write that they did
                time.sleep(1.5 * pair.settings.lease)
                late.enter_context(frozen(pair.programs[1].owner))
            time.sleep(pair.settings.lease / 2)  # one finds the store back before the other
        ended = [handle.wait(PATIENCE) for handle in [*gated, *waiting]]
        assert [(job.state, job.lost, job.attempt) for job in ended] == [(State.SUCCESS, 0, 1)] * 20
        for job in ended:
            assert [sight.what for sight in pair.sights(job)] == ["begins", "ends"]
            assert pair.outcomes(job) == [None]
