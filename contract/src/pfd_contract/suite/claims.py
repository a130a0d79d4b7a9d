"""Lines 1 and 2: the row before the ring, and each job claimed by one run at a time."""

from __future__ import annotations

from collections import Counter

from pfd import State
from pfd.store import NewJob, jobs
from pfd_contract.site import Site
from pfd_contract.waiting import PATIENCE

THOUSAND = 1000
ISOLATED = 100


class TestClaims:
    def test_of_a_thousand_jobs_none_is_run_twice_by_four_workers(self, calm_site: Site) -> None:
        site = calm_site
        with site.workers(4):
            every = THOUSAND // ISOLATED
            handles = [site.submit("noop" if number % every else "nap") for number in range(THOUSAND)]
            ended = [handle.wait(PATIENCE) for handle in handles]
        assert Counter(job.state for job in ended) == {State.SUCCESS: THOUSAND}
        notes = [sight for job in ended for sight in site.sights(job)]
        assert Counter(sight.what for sight in notes) == {"begins": THOUSAND, "ends": THOUSAND}
        assert {job.claim for job in ended} == {sight.claim for sight in notes}
        assert len({job.claim for job in ended}) == THOUSAND
        assert len({job.owner for job in ended}) == 4

    def test_a_job_is_stored_whether_or_not_anybody_hears_the_ring(self, site: Site) -> None:
        handle = site.submit("noop")
        assert handle.state is State.PENDING
        with site.worker():
            assert handle.wait(PATIENCE).state is State.SUCCESS

    def test_jobs_outlive_the_loss_of_every_ring(self, site: Site) -> None:
        with site.worker():
            first = site.submit("nap", {"gate": "go"})
            site.await_sight(first, "begins")
            handles = [site.submit("noop") for _ in range(20)]
            site.lose_rings()
            site.open_gate("go")
            assert {handle.wait(PATIENCE).state for handle in [first, *handles]} == {State.SUCCESS}
            # And what is stored by one that dies before it rings.
            with site.dispatcher.store.write() as connection:
                unrung = jobs.insert(connection, NewJob("contract_noop", "default", {})).id
            assert site.dispatcher.handle(unrung).wait(PATIENCE).state is State.SUCCESS

    def test_a_claim_number_is_never_used_again(self, crew: Site) -> None:
        failing = [crew.submit("fail_inline", {"kind": "ConnectionError", "times": 2}) for _ in range(4)]
        lost = crew.submit("leave", {"how": "SIGKILL", "times": 2})
        ended = [handle.wait(PATIENCE) for handle in [*failing, lost]]
        assert {job.state for job in ended} == {State.SUCCESS}
        runs = [crew.dispatcher.claims(job.id) for job in ended]
        assert [len(claims) for claims in runs] == [3] * 5
        numbers = [claim.number for claims in runs for claim in claims]
        assert len(set(numbers)) == len(numbers)
        for job, claims in zip(ended, runs, strict=True):
            assert [claim.number for claim in claims] == sorted(claim.number for claim in claims)
            assert job.claim == claims[-1].number
            assert [sight.claim for sight in crew.sights(job, "begins")] == [claim.number for claim in claims]
