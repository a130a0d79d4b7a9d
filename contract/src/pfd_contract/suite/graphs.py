"""Lines 15 and 16: jobs that wait for others, and jobs that have children."""

from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor

from pfd import Job, JobHandle, Ref, State
from pfd_contract.processes import send
from pfd_contract.site import Site
from pfd_contract.waiting import PATIENCE, until

PAIRS = 20
WIDTH = 23
"""Each of the twenty pairs of parents has 23 jobs that wait for both: 500 jobs."""


class TestGraphs:
    def test_of_a_graph_of_500_jobs_whose_parents_end_at_once_each_runs_once(self, crew: Site) -> None:
        with crew.worker(slots=2):
            pairs = [self._pair(crew, number) for number in range(PAIRS)]
            fans = [[crew.submit("noop", after=pair) for _ in range(WIDTH)] for pair in pairs]
            crew.open_gate("graph")
            with ThreadPoolExecutor(2) as threads:  # while they end, those of every fourth pair are cancelled as well
                list(threads.map(JobHandle.revoke, [parent for pair in pairs[::4] for parent in pair]))
            parents = [tuple(parent.wait(PATIENCE) for parent in pair) for pair in pairs]
            children = [[child.wait(PATIENCE) for child in fan] for fan in fans]
        assert sum(map(len, [*parents, *children])) == 500
        for pair, fan in zip(parents, children, strict=True):
            well = all(parent.state is State.SUCCESS for parent in pair)
            assert {child.state for child in fan} == {State.SUCCESS if well else State.REVOKED}
            for child in fan:
                assert [sight.what for sight in crew.sights(child)] == (["begins", "ends"] if well else [])
                if well:
                    ended = max(crew.sights(parent, "ends")[-1].at for parent in pair)
                    assert crew.sights(child, "begins")[0].at >= ended
                else:
                    assert child.failure is not None
                    assert any(parent.id in child.failure.message for parent in pair)
        assert {parent.state for pair in parents for parent in pair} == {State.SUCCESS, State.FAILURE, State.REVOKED}

    @staticmethod
    def _pair(site: Site, number: int) -> tuple[JobHandle, JobHandle]:
        """Two parents that end once the gate opens; of every fourth pair one is lost until it fails."""
        gate = {"gate": "graph"}
        first = site.submit("leave", {"how": "SIGKILL"}) if number % 4 == 1 else site.submit("nap", gate)
        return first, site.submit("nap", gate)

    def test_parents_that_a_sweep_and_a_cancel_end_at_once_leave_nothing_waiting(self, site: Site) -> None:
        with site.worker() as doomed:
            lost = site.submit("nap", {"gate": "never"})
            site.await_sight(lost, "begins")
            others = [site.submit("noop", not_before=4e9) for _ in range(200)]
            children = [site.submit("noop", after=[lost, other]) for other in others]
            doomed.kill()
            lost.revoke()  # so that it is ended by the sweep which finds its owner gone
        with site.worker():
            for count, other in enumerate(others):
                # Spread over the time in which the sweep comes, and the last of them after it.
                if count < len(others) - 20 and not lost.ready():
                    time.sleep(site.settings.lease / 100)
                elif count == len(others) - 20:
                    until(lost.ready, "the sweep has ended it")
                other.revoke()
            ended = [job.wait(PATIENCE) for job in [lost, *others, *children]]
        assert {job.state for job in ended} == {State.REVOKED}
        assert [job for job in ended[1:] if site.sights(job)] == []

    def test_a_failing_node_revokes_all_that_hangs_on_it_and_says_so(self, crew: Site) -> None:
        bad = crew.submit("fail", {"kind": "ValueError"})
        child = crew.submit("noop", after=[bad])
        grandchild = crew.submit("noop", after=[child])
        beside = crew.submit("noop", after=[crew.submit("noop")])
        assert bad.wait(PATIENCE).state is State.FAILURE
        for handle, above in ((child, bad), (grandchild, child)):
            job = handle.wait(PATIENCE)
            assert job.state is State.REVOKED
            assert job.failure is not None
            assert above.id in job.failure.message
            assert crew.sights(handle) == []
        assert beside.wait(PATIENCE).state is State.SUCCESS
        late = crew.submit("noop", after=[bad])  # hung on it when it had failed already
        assert late.wait(PATIENCE).state is State.REVOKED

    def test_a_parameter_can_be_the_result_of_another_job(self, crew: Site) -> None:
        first = crew.submit("add_one", {"value": 1})
        second = crew.submit("add_one", {"value": Ref(first.id, "value")})
        third = crew.submit("add_one", {"value": Ref(second.id, "value")})
        assert third.get(PATIENCE) == {"value": 4}
        nowhere = crew.submit("add_one", {"value": Ref(first.id, "no_such_field")})
        assert nowhere.wait(PATIENCE).state is State.FAILURE
        assert crew.sights(nowhere) == []

    def test_a_coordinator_holds_no_slot_that_its_children_need(self, solo: Site) -> None:
        job = solo.run("coordinator", {"children": 3, "child": "contract_nap"})
        assert job.state is State.SUCCESS
        assert job.result is not None
        assert list(job.result["value"].values()) == ["SUCCESS"] * 3

    def test_coordinators_of_coordinators_end_with_one_slot(self, solo: Site) -> None:
        handles = [solo.submit("coordinator", {"children": 2, "child": "contract_coordinator"}) for _ in range(2)]
        assert [handle.wait(PATIENCE).state for handle in handles] == [State.SUCCESS] * 2
        below = [child for handle in handles for child in solo.dispatcher.jobs(parent=handle.id)]
        assert [child.state for child in below] == [State.SUCCESS] * 4
        assert [len(solo.dispatcher.jobs(parent=child.id)) for child in below] == [3] * 4

    def test_a_coordinator_that_is_killed_and_run_again_has_no_duplicates(self, solo: Site) -> None:
        handle = solo.submit("coordinator", {"child": "contract_nap", "child_gate": "again", "gate": "again"})
        first = solo.await_sight(handle, "submitted")
        send(signal.SIGKILL, first.pid)
        second = solo.await_sight(handle, "submitted", 2)
        assert second.detail == first.detail
        solo.open_gate("again")
        job = handle.wait(PATIENCE)
        assert (job.state, job.lost) == (State.SUCCESS, 1)
        children = solo.dispatcher.jobs(parent=job.id)
        assert sorted(child.id for child in children) == sorted(first.detail.split())
        self._each_ran_once(solo, children)

    def test_a_child_that_is_submitted_twice_is_one_job(self, crew: Site) -> None:
        job = crew.run("parent", {"children": 3})
        assert job.state is State.SUCCESS
        assert len(crew.sights(job, "submitted")[0].detail.split()) == 6
        children = crew.dispatcher.jobs(parent=job.id)
        assert len(children) == 3
        self._each_ran_once(crew, children)

    @staticmethod
    def _each_ran_once(site: Site, jobs: list[Job]) -> None:
        for job in jobs:
            assert site.dispatcher.handle(job.id).wait(PATIENCE).state is State.SUCCESS
            assert [sight.what for sight in site.sights(job)] == ["begins", "ends"]

    def test_when_a_parent_ends_badly_its_children_are_cancelled(self, crew: Site) -> None:
        given = {"children": 3, "child": "contract_nap", "child_gate": "never", "gate": "bad end", "fail": True}
        handle = crew.submit("parent", given)
        ids = crew.await_sight(handle, "submitted").detail.split()[:3]
        until(lambda: any(crew.sights(child, "begins") for child in ids), "a child runs beside it")
        crew.open_gate("bad end")
        assert handle.wait(PATIENCE).state is State.FAILURE
        children = [crew.dispatcher.handle(child).wait(PATIENCE) for child in ids]
        assert [child.state for child in children] == [State.REVOKED] * 3

    def test_when_a_coordinator_is_cancelled_so_are_its_children(self, solo: Site) -> None:
        handle = solo.submit("coordinator", {"children": 3, "child": "contract_nap", "child_gate": "never"})
        ids = solo.await_sight(handle, "submitted").detail.split()
        until(lambda: any(solo.sights(child, "begins") for child in ids), "a child runs")
        handle.revoke()
        assert handle.wait(PATIENCE).state is State.REVOKED
        children = [solo.dispatcher.handle(child).wait(PATIENCE) for child in ids]
        assert [child.state for child in children] == [State.REVOKED] * 3
