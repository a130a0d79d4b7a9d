"""Lines 5 and 6: what becomes of a job whose owner, warm server or process is killed."""

from __future__ import annotations

import signal
import time

import pytest

from pfd import Job, JobFailed, State, WorkerLost
from pfd_contract.processes import is_gone, oom_preference, send, warm_server_of
from pfd_contract.programs import pid_of
from pfd_contract.site import Site
from pfd_contract.waiting import PATIENCE, until


class TestLoss:
    def test_a_job_dies_whole_with_its_owner_and_begins_again_in_time(self, site: Site) -> None:
        handle = site.submit("sleep_in_c", {"grandchild": True, "once": True})
        with site.workers(2):
            first = site.await_sight(handle, "in C")
            grandchild = int(site.sights(handle, "grandchild")[0].detail)
            send(signal.SIGKILL, self._owner_of(site, handle.job))
            killed = time.monotonic()
            until(lambda: is_gone(first.pid) and is_gone(grandchild), "nothing of it is left", seconds=1.0)
            again = site.await_sight(handle, "begins", 2, seconds=site.recovery)
            assert again.at - killed < 15.0
            job = handle.wait(PATIENCE)
        assert (job.state, job.lost, job.attempt) == (State.SUCCESS, 1, 1)
        assert site.sights(job, "overlap") == []
        lost, kept = site.outcomes(job)
        assert "no sign of life" in (lost or "")
        assert kept is None

    @staticmethod
    def _owner_of(site: Site, job: Job) -> int:
        """The pid of the worker that runs the job."""
        [info] = [info for info in site.dispatcher.workers() if info.id == job.owner]
        return pid_of(info)

    def test_the_death_of_a_worker_is_known_on_its_machine_without_waiting_for_a_lease(self, calm_site: Site) -> None:
        site = calm_site
        handle = site.submit("sleep_in_c", {"grandchild": True, "once": True})
        with site.workers(2):
            site.await_sight(handle, "in C")
            send(signal.SIGKILL, self._owner_of(site, handle.job))
            killed = time.monotonic()
            again = site.await_sight(handle, "begins", 2)
            assert again.at - killed < 15.0
            job = handle.wait(PATIENCE)
        assert (job.state, job.lost, job.attempt) == (State.SUCCESS, 1, 1)
        assert site.sights(job, "overlap") == []

    def test_of_a_job_whose_warm_server_is_killed_there_are_never_two_live_processes(self, crew: Site) -> None:
        handles = [crew.submit("sleep_in_c", {"grandchild": True, "once": True}) for _ in range(2)]
        pids = [crew.await_sight(handle, "in C").pid for handle in handles]
        pids += [int(crew.sights(handle, "grandchild")[0].detail) for handle in handles]
        send(signal.SIGKILL, warm_server_of(pids[0]))
        until(lambda: all(map(is_gone, pids)), "nothing of the first runs is left", seconds=1.0)
        jobs = [handle.wait(PATIENCE) for handle in handles]
        assert [(job.state, job.lost) for job in jobs] == [(State.SUCCESS, 1)] * 2
        assert [crew.sights(job, "overlap") for job in jobs] == [[], []]
        assert crew.run("nap").state is State.SUCCESS  # there is a new server

    def test_a_process_that_is_killed_is_known_at_once(self, crew: Site) -> None:
        handle = crew.submit("sleep_in_c", {"once": True})
        send(signal.SIGKILL, crew.await_sight(handle, "in C").pid)
        killed = time.monotonic()
        again = crew.await_sight(handle, "begins", 2)
        assert again.at - killed < crew.settings.lease / 2
        job = handle.wait(PATIENCE)
        assert (job.state, job.lost, job.attempt) == (State.SUCCESS, 1, 1)
        assert crew.sights(job, "overlap") == []

    def test_a_process_that_ends_itself_is_a_failure_at_once_and_is_not_run_again(self, crew: Site) -> None:
        handle = crew.submit("leave", {"how": "7"})
        with pytest.raises(JobFailed, match="exit code 7"):
            handle.get(PATIENCE)
        assert len(crew.sights(handle, "begins")) == 1

    def test_a_task_that_holds_the_gil_for_three_leases_is_not_run_again(self, pair: Site) -> None:
        job = pair.run("sleep_in_c", {"seconds": 3 * pair.settings.lease})
        assert (job.state, job.lost) == (State.SUCCESS, 0)
        assert [sight.what for sight in pair.sights(job)] == ["begins", "in C", "ends"]

    def test_the_third_loss_is_the_last(self, crew: Site) -> None:
        handle = crew.submit("leave", {"how": "SIGKILL"})
        with pytest.raises(WorkerLost):
            handle.get(PATIENCE)
        job = handle.job
        assert (job.state, job.lost) == (State.FAILURE, 3)
        assert [str(outcome).split(":")[0] for outcome in crew.outcomes(job)] == ["lost", "lost", "FAILURE"]
        begins = [sight.at for sight in crew.sights(job, "begins")]
        assert len(begins) == 3
        assert begins[2] - begins[1] > begins[1] - begins[0]  # the pause grows

    def test_losses_and_declared_retries_are_counted_apart(self, crew: Site) -> None:
        handle = crew.submit("script", {"runs": ["kill", "retry", "kill", "retry"]})
        job = handle.wait(PATIENCE)  # of three losses and of three attempts it has used two, and ends well
        assert (job.state, job.lost, job.attempt) == (State.SUCCESS, 2, 3)
        assert [str(outcome)[:7] for outcome in crew.outcomes(job)] == [
            "lost: t",
            "attempt",
            "lost: t",
            "attempt",
            "None",
        ]
        assert [sight.attempt for sight in crew.sights(job, "begins")] == [1, 1, 2, 2, 3]

    def test_a_job_that_was_to_be_cancelled_is_not_run_again_when_its_owner_is_lost(self, site: Site) -> None:
        handle = site.submit("stubborn", {"gate": "never"})
        with site.worker() as doomed:
            site.await_sight(handle, "deaf")
            doomed.kill()
        handle.revoke()
        with site.worker():
            assert handle.wait(PATIENCE).state is State.REVOKED
        assert len(site.sights(handle, "begins")) == 1

    def test_a_worker_that_is_told_to_end_lets_its_job_end_or_hands_it_back_uncounted(self, site: Site) -> None:
        """At the first signal of any kind, and at a second; one that was started deaf to SIGHUP goes on."""
        deaf = site.start_worker(before=("nohup",))
        with site.workers(2) as workers:
            until(lambda: site.is_ready(deaf), "the workers are there")
            handles = [site.submit("nap", {"gate": gate}) for gate in "abc"]
            for handle in handles:
                site.await_sight(handle, "begins")
            held = {self._owner_of(site, handle.job): handle for handle in handles}
            patient, hasty = workers
            ends, handed_back = held[patient.owner], held[hasty.owner]
            send(signal.SIGHUP, patient.owner, deaf.owner)
            send(signal.SIGINT, hasty.owner)
            time.sleep(0.3)
            send(signal.SIGHUP, patient.owner)  # of a terminal that closes one may hear twice
            send(signal.SIGINT, hasty.owner)  # in a hurry
            assert hasty.wait() == 0
            job = handed_back.job
            assert (job.state, job.attempt, job.lost) == (State.RETRY, 0, 0)
            site.open_gate(ends.job.params["gate"])
            assert patient.wait() == 0
            assert ends.state is State.SUCCESS
        for gate in "abc":
            site.open_gate(gate)
        job = handed_back.wait(PATIENCE)
        assert (job.state, job.attempt, job.lost) == (State.SUCCESS, 1, 0)
        assert site.sights(job, "overlap") == []
        assert deaf.stop() == 0
        assert site.dispatcher.workers() == []

    def test_when_memory_runs_out_the_job_goes_before_its_owner(self, crew: Site) -> None:
        handle = crew.submit("nap", {"gate": "memory"})
        pid = crew.await_sight(handle, "begins").pid
        assert oom_preference(pid) > oom_preference(crew.programs[0].owner)
        crew.open_gate("memory")
        assert handle.wait(PATIENCE).state is State.SUCCESS
