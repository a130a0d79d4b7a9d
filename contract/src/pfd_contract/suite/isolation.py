"""Lines 7, 8 and 9: a process of its own for each job, and the end of its whole tree."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil
import pytest

from pfd import JobFailed, Params, PluginError, Result, State, Task
from pfd.worker.cores import cores
from pfd_contract.plugin.plugin import MEMORY_LIMIT
from pfd_contract.plugins import write_plugins
from pfd_contract.processes import is_gone, warm_server_of
from pfd_contract.site import Site
from pfd_contract.waiting import PATIENCE, until

MIB = 2**20


class TestIsolation:
    def test_each_job_has_a_process_of_its_own_that_goes_with_it(self, crew: Site) -> None:
        surroundings = [(crew.run("surroundings").result or {})["value"] for _ in range(3)]
        assert len({found["pid"] for found in surroundings}) == 3
        for found in surroundings:
            assert is_gone(found["pid"])
            assert found["daemonic"] is False
            assert found["main thread"] is True
            assert found["main"] is None or found["main"].startswith("pfd.")  # never the caller's
            assert (found["blocked"], found["blocked below"]) == ([], [])

    def test_threads_of_libraries_follow_from_cores_and_slots(self, crew: Site) -> None:
        share = str(max(1, int(cores() / 3)))  # of its three slots
        found = (crew.run("surroundings").result or {})["value"]["threads"]
        assert found == {name: os.environ.get(name, share) for name in found}  # what the user has set stands

    def test_the_warm_server_is_a_single_threaded_program_of_our_own(self, crew: Site) -> None:
        handle = crew.submit("nap", {"gate": "server"})
        server = psutil.Process(warm_server_of(crew.await_sight(handle, "begins").pid))
        assert server.num_threads() == 1
        assert not any("pytest" in word for word in server.cmdline())
        crew.open_gate("server")
        assert handle.wait(PATIENCE).state is State.SUCCESS

    def test_a_failed_preload_is_reported_and_the_job_runs(self, crew: Site) -> None:
        assert crew.run("version").state is State.SUCCESS
        [worker] = crew.programs[:1]
        until(lambda: "contract_no_such_module" in worker.printed, "the worker has said which import failed")

    def test_a_job_sees_the_packages_that_are_installed_when_it_begins(self, site: Site, tmp_path: Path) -> None:
        installed = tmp_path / "installed"
        self._install(installed, 1)
        path = os.pathsep.join([str(installed), os.environ["PYTHONPATH"]])
        with site.worker(PYTHONPATH=path):
            assert site.run("version").result == {"value": 1}
            self._install(installed, 22)
            assert site.run("version").result == {"value": 22}

    @staticmethod
    def _install(folder: Path, version: int) -> None:
        """As an installer does: the new files, and metadata of the new version in place of the old."""
        folder.mkdir(exist_ok=True)
        (folder / "contract_changing.py").write_text(f"VERSION = {version}\n", encoding="utf-8")
        write_plugins(folder, {"changing": "contract_changing"}, version=f"{version}.0")

    def test_an_inline_job_runs_in_its_owner(self, crew: Site) -> None:
        job = crew.run("noop")
        assert job.result is not None
        assert job.result["pid"] == crew.programs[0].owner

    @pytest.mark.parametrize("limit", [None, 3600.0])
    def test_an_inline_task_without_a_limit_within_a_lease_is_refused(self, limit: float | None) -> None:
        with pytest.raises(PluginError, match="time_limit of at most 15 s"):
            Task("long", run="m:f", params=Params, result=Result, isolation="inline", time_limit=limit)

    def test_a_job_can_have_worker_processes_of_its_own(self, crew: Site) -> None:
        """As a loader of training data does, with a pool of processes, forked and spawned."""
        job = crew.run("crowd", {"size": 4})
        answers = [4, 3, 2, 1]
        assert job.result == {"value": {"fork": answers, "spawn": answers, "ended by": -signal.SIGTERM}}

    def test_a_daemon_that_a_job_leaves_behind_ends_with_it(self, crew: Site) -> None:
        job = crew.run("daemonise")
        assert job.state is State.SUCCESS  # at once, though the daemon holds the job's output open
        [daemon] = crew.sights(job, "daemon")
        until(lambda: is_gone(daemon.pid), "the daemon is gone", seconds=1.0)

    def test_an_attempt_ends_when_its_process_is_gone_and_not_with_its_pipes(self, pair: Site) -> None:
        job = pair.run("close_all", {"seconds": 1.5 * pair.settings.lease})
        assert [sight.what for sight in pair.sights(job)] == ["begins", "closed", "still here", "ends"]
        assert (job.state, job.lost) == (State.FAILURE, 0)  # it could not say how it went

    @pytest.mark.parametrize(
        ("what", "times"),
        [
            ("noise \xff\xfe\n", 1),
            ('{"progress": [0.5, "half a message\n', 1),
            ('{"progress": 5}\n', 1),
            ('{"wakeup": {"x": 1}}\n', 1),
            ('{"end": "done"}\n', 1),
            ('{"pid": 1, "supervisor": 1}\n{"exit": 0}\n', 1),
            ("[" * 10_000 + "\n", 1),
            ("a line without end" * 5000, 100),
        ],
        ids=["noise", "half", "progress", "ring", "end", "keeper's", "deep", "endless"],
    )
    def test_a_job_that_writes_into_the_line_to_its_worker_fails_with_that(
        self, crew: Site, what: str, times: int
    ) -> None:
        job = crew.run("scribble", {"what": what, "times": times})
        assert job.state is State.FAILURE
        assert job.failure is not None
        assert job.failure.type == "BrokenChannel"
        assert "wrote something else into the line to its worker" in job.failure.message
        assert len(job.failure.message) < 1000
        assert is_gone(crew.sights(job, "begins")[0].pid)

    def test_programs_that_a_job_starts_have_no_line_to_its_worker(self, crew: Site) -> None:
        found = (crew.run("surroundings").result or {})["value"]
        assert found["sockets below"] == 0

    @pytest.mark.parametrize("how", ["SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL"])
    def test_the_log_of_a_job_that_crashes_shows_what_python_was_doing(self, crew: Site, how: str) -> None:
        job = crew.run("leave", {"how": how})
        assert job.failure is not None
        assert how in job.failure.message
        assert "pfd logs" in (job.failure.hint or "")
        assert "Fatal Python error" in crew.log(job)
        assert "rough.py" in crew.log(job)

    @pytest.mark.parametrize("task", ["eat", "hoard"])
    def test_a_job_that_eats_memory_past_its_limit_is_ended(self, crew: Site, task: str) -> None:
        handle = crew.submit(task, {"size": 2 * MEMORY_LIMIT // MIB})
        with pytest.raises(JobFailed, match="more than the 200 MiB allowed"):
            handle.get(PATIENCE)
        assert handle.job.failure is not None
        assert handle.job.failure.type == "MemoryLimitExceeded"
        assert is_gone(crew.sights(handle, "begins")[0].pid)

    def test_memory_that_the_processes_of_a_job_share_is_counted_once(self, crew: Site) -> None:
        job = crew.run("share", {"size": MEMORY_LIMIT // MIB // 2})  # four times that, were it counted for each
        assert (job.state, job.failure) == (State.SUCCESS, None)

    def test_of_what_a_job_prints_head_and_tail_are_kept(self, crew: Site, contract_full: bool) -> None:
        job = crew.run("print_much", {"size": 2000 if contract_full else 200})
        assert job.state is State.SUCCESS
        text = crew.log(job)
        assert text.startswith("the first line\n")
        assert text.rstrip().endswith("the last line")
        assert len(text) < 1.5 * crew.settings.max_log_bytes
