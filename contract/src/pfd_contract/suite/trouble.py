"""All at once: workers that are killed every second, under jobs of every kind."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from pfd import Job, JobHandle, State
from pfd.job import ENDED
from pfd_contract.gaps import Gap, Gaps, RecordProperty, record_gaps
from pfd_contract.programs import WorkerProgram, pid_of
from pfd_contract.site import Site
from pfd_contract.waiting import PATIENCE

KINDS: tuple[tuple[str, dict[str, Any], State], ...] = (
    ("noop", {}, State.SUCCESS),
    ("nap", {"seconds": 1.5}, State.SUCCESS),
    ("fail", {"kind": "ValueError"}, State.FAILURE),
    ("script", {"runs": ["retry", "retry"]}, State.SUCCESS),
    ("parent", {"children": 2}, State.SUCCESS),
    ("coordinator", {"children": 2}, State.SUCCESS),
)
"""Tasks, their parameters, and how they end where nothing is in their way."""

LEFT = 4
"""Workers that are there at any moment."""

BUSY = 5.0
"""Seconds within which some job begins, unless all have come to their ends."""

EXPLAINED = ("lost: ", "attempt ", "handed back: ")
"""How the outcome of a run begins that was not the last of its job."""


def _with_a_job(site: Site, present: Sequence[WorkerProgram]) -> WorkerProgram:
    """The oldest worker of those that hold a job, which is lost with it; where none does for a while, of all."""

    def found() -> WorkerProgram | None:
        owners = {job.owner for job in site.dispatcher.jobs((State.STARTED, State.PROGRESS), limit=10_000)}
        pids = {pid_of(info) for info in site.dispatcher.workers() if info.id in owners}
        return next((program for program in present if program.owner in pids), None)

    deadline = time.monotonic() + BUSY
    while (worker := found()) is None and time.monotonic() < deadline:
        time.sleep(0.02)
    return worker or present[0]


class TestTrouble:
    def test_under_workers_that_are_killed_every_second_each_job_has_one_end(
        self, site: Site, contract_full: bool, record_property: RecordProperty
    ) -> None:
        record_gaps(self.run(site, kills=43 if contract_full else 9), record_property)

    def run(self, site: Site, kills: int, disturb: Callable[[int], None] = lambda _: None) -> list[Gap]:
        """Submit, kill, and check every job; how long jobs of killed workers waited, the longest first.

        `disturb` is told before each kill how many are left, this one included: for further trouble of one's own, a
        broker that restarts, say.
        """
        gaps = Gaps(site)
        submitted = self._submit_and_kill(site, kills, disturb, gaps)
        every = [site.dispatcher.job(job.id) for job in site.dispatcher.jobs(limit=10_000)]
        for job in every:
            self._check(site, job)
        as_wanted = [self._ended_as(handle.job, wanted) for handle, wanted in submitted]
        assert sum(as_wanted) > len(as_wanted) / 2
        assert sum(job.lost for job in every) > 0  # or nothing of this was put to the test
        return gaps.found()

    @staticmethod
    def _submit_and_kill(
        site: Site, kills: int, disturb: Callable[[int], None], gaps: Gaps
    ) -> list[tuple[JobHandle, State]]:
        """Each second submit a job of each kind, kill a worker that holds one, and start another.

        So many workers are left that each lives long enough to see a whole lease of another go by.  On a busy machine
        a second is not enough to start one: then the next kill waits for it.
        """
        alive = [site.start_worker(slots=2) for _ in range(LEFT + 1)]
        submitted: list[tuple[JobHandle, State]] = []
        deadline = time.monotonic() + kills * 20 + PATIENCE
        while kills or any(state not in ENDED for _, state in site.dispatcher.counts()):
            assert time.monotonic() < deadline, site.dispatcher.counts()
            time.sleep(0.5)
            ready = [worker for worker in alive if site.is_ready(worker)]
            if kills and len(ready) > LEFT:
                disturb(kills)
                kills -= 1
                batch = [(site.submit(task, params), wanted) for task, params, wanted in KINDS]
                follower = site.submit("noop", after=[handle for handle, wanted in batch if wanted is State.SUCCESS])
                submitted += [*batch, (follower, State.SUCCESS)]
                time.sleep(0.5)  # some of them have begun
                victim = _with_a_job(site, ready)
                alive.remove(victim)
                gaps.kill(victim)
                alive.append(site.start_worker(slots=2))
        for worker in alive:
            worker.kill()
        return submitted

    @staticmethod
    def _check(site: Site, job: Job) -> None:
        """What must hold for a job however often it was run."""
        claims = site.dispatcher.claims(job.id)
        sights = site.sights(job)
        assert [sight for sight in sights if sight.what == "overlap"] == []
        # A run that was lost may not have come to its beginning; but none begins without a claim of its own.
        begun = [sight.claim for sight in sights if sight.what == "begins"]
        assert len(set(begun)) == len(begun)
        assert set(begun) <= {claim.number for claim in claims}
        # Of several runs each but the last says why there was another.
        for claim in claims[:-1]:
            assert str(claim.outcome).startswith(EXPLAINED), claim
        if job.state is State.SUCCESS:
            assert job.claim == claims[-1].number
            assert claims[-1].outcome is None
            assert (job.result or {}).get("claim", job.claim) == job.claim
        lost = sum(str(claim.outcome).startswith("lost: ") for claim in claims)
        assert job.lost == lost + (job.failure is not None and job.failure.type == "WorkerLost")

    @staticmethod
    def _ended_as(job: Job, wanted: State) -> bool:
        """Whether a job has the end of its task; another can only come of too many losses, its own or of others."""
        if job.failure is not None and job.failure.type in ("WorkerLost", "JobCancelled"):
            return False
        assert job.state is wanted, job
        return True
