"""Lines 17 to 21: failures, results, files, rows, progress."""

from __future__ import annotations

import json
import time

import pytest
import sqlalchemy as sa

from pfd import JobFailed, Params, PluginError, Result, State, StoreError, Task, UnknownJob
from pfd.context import SESSION_SECONDS
from pfd.store.schema import jobs
from pfd_contract.plugin.records import ContractRow
from pfd_contract.site import Site
from pfd_contract.waiting import PATIENCE, until


class TestKept:
    @pytest.mark.parametrize("task", ["fail", "fail_inline"])
    def test_a_failure_is_kept_with_type_message_and_traceback(self, crew: Site, task: str) -> None:
        handle = crew.submit(task)
        with pytest.raises(JobFailed, match="ValueError: this value is wrong: 7") as caught:
            handle.get(PATIENCE)
        job = handle.job
        assert job.state is State.FAILURE
        assert job.result is None
        assert (caught.value.type, caught.value.job_id) == ("ValueError", job.id)
        assert "in fail" in caught.value.traceback

    def test_a_failure_comes_with_a_hint_where_one_is_known(self, crew: Site) -> None:
        job = crew.run("fail", {"kind": "MemoryError"})
        assert job.failure is not None
        assert job.failure.hint

    def test_what_json_and_text_cannot_hold_is_replaced(self, crew: Site) -> None:
        job = crew.run("odd")
        assert job.result == {
            "value": {
                "numbers": [None, None, None, 1.5],
                "nul": "a\ufffdb",
                "lone": "\ufffd",
                "k\ufffd": 1,
                "good": "\U0001f600",
            }
        }
        # And so in the last progress, which is part of the ending write.
        assert job.info == {"progress": 1.0, "status": "a\ufffdb\ufffd", "loss": None, "nul": "c\ufffdd"}

    def test_a_float_that_could_be_nan_is_refused_where_it_is_declared(self) -> None:
        class Bad(Result):
            score: float

        with pytest.raises(PluginError, match="a float may be NaN"):
            Task("bad", run="m:f", params=Params, result=Bad)

    def test_a_result_of_more_than_256_kib_is_a_failure_that_says_so(self, crew: Site) -> None:
        most = crew.settings.max_result_bytes
        assert most == 256 * 1024
        around = len(json.dumps({"text": ""}, separators=(",", ":")))
        assert crew.run("large", {"size": most - around}).state is State.SUCCESS
        job = crew.run("large", {"size": most - around + 1})
        assert (job.state, job.result) == (State.FAILURE, None)
        assert job.failure is not None
        assert "artifact" in (job.failure.hint or "")

    def test_progress_never_goes_back(self, crew: Site) -> None:
        handles = [crew.submit("zigzag", {"size": 100}) for _ in range(6)]
        seen: dict[tuple[str, int | None], list[float]] = {}
        while not all(handle.ready() for handle in handles):
            for handle in handles:
                job = handle.job
                seen.setdefault((job.id, job.claim), []).append(job.progress)
        assert all(progress == sorted(progress) for progress in seen.values())
        assert all(0.0 <= value <= 1.0 for progress in seen.values() for value in progress)
        assert sum(len(set(progress)) > 2 for progress in seen.values()) >= len(handles)

    def test_progress_is_coalesced_and_the_last_report_lands(self, crew: Site) -> None:
        handle = crew.submit("report_much", {"size": 20})
        statuses = set()
        while not (job := handle.job).ended_at:
            statuses.add(job.status)
        assert (job.state, job.progress, job.status) == (State.FAILURE, 0.95, "the last word")
        [reported] = crew.sights(job, "reported")
        assert int(reported.detail) > 1000
        assert job.meta == {"calls": int(reported.detail)}
        assert 3 <= len(statuses) <= 2 * 10 * 2.0  # twice ten a second

    def test_files_are_published_by_success_alone(self, crew: Site) -> None:
        handle = crew.submit("late", {"gate": "publish"})
        begun = crew.await_sight(handle, "begins")
        folder = crew.settings.home / "artifacts" / handle.id / str(begun.claim)
        until((folder / "early.txt").exists, "the file is written")
        assert handle.artifacts == {}
        crew.open_gate("publish")
        assert handle.wait(PATIENCE).state is State.SUCCESS
        assert handle.artifacts == {name: folder / name for name in ("early.txt", "late.txt")}

    @pytest.mark.parametrize("task", ["late", "late_inline"])
    def test_a_cancelled_job_leaves_no_file(self, crew: Site, task: str) -> None:
        handle = crew.submit(task, {"gate": "never"})
        begun = crew.await_sight(handle, "begins")
        folder = crew.settings.home / "artifacts" / handle.id
        until((folder / str(begun.claim) / "early.txt").exists, "the file is written")
        handle.revoke()
        assert handle.wait(PATIENCE).artifacts == ()
        until(lambda: not folder.exists(), "its folder is gone")

    def test_a_checkpoint_is_read_from_the_newest_earlier_claim(self, crew: Site) -> None:
        job = crew.run("resume", {"times": 2})
        first, second, _ = (str(sight.claim) for sight in crew.sights(job, "begins"))
        assert job.result == {"text": f"{first} {second}"}
        assert job.artifacts == ()  # what the last run itself has written

    def test_a_run_after_a_lost_one_mends_its_row_and_doubles_nothing(self, crew: Site) -> None:
        job = crew.run("row", {"times": 2})
        assert (job.state, job.lost) == (State.SUCCESS, 2)
        with crew.dispatcher.store.session() as session:
            [row] = session.query(ContractRow).where(ContractRow.job_id == job.id)
            assert job.result == {"value": row.id}
            assert row.text == f"claim {job.claim}"

    def test_a_row_keeps_its_job(self, crew: Site) -> None:
        job = crew.run("row", {"times": 0})
        with pytest.raises(StoreError), crew.dispatcher.store.write() as connection:
            connection.execute(sa.delete(jobs).where(jobs.c.id == job.id))
        assert crew.dispatcher.job(job.id) == job

    def test_pruning_leaves_jobs_whose_rows_stand_and_says_so(self, crew: Site) -> None:
        kept, gone = crew.run("row", {"times": 0}), crew.run("resume", {"times": 1})
        live = crew.submit("noop", countdown=3600)
        folder = crew.settings.home / "artifacts" / gone.id
        assert folder.is_dir()
        said = crew.pfd("jobs", "prune", "--older-than", "0", "--yes")
        assert crew.dispatcher.job(kept.id) == kept
        assert crew.dispatcher.job(live.id) == live.job
        with pytest.raises(UnknownJob):
            crew.dispatcher.job(gone.id)
        assert not folder.exists()
        assert "kept" in said
        assert live.revoke().state is State.REVOKED

    def test_a_session_that_is_held_too_long_is_rolled_back_with_an_error(self, calm_site: Site) -> None:
        """And keeps nobody waiting for longer than that, though its block has not ended."""
        with calm_site.worker(slots=2):
            handle = calm_site.submit("hang_in_session", {"gate": "session"})
            held = calm_site.await_sight(handle, "holds").at
            beside = calm_site.run("noop")
            assert beside.state is State.SUCCESS
            assert calm_site.sights(beside, "ends")[0].at - held < SESSION_SECONDS + 5.0
            time.sleep(
                max(0.0, held + SESSION_SECONDS + 1.0 - time.monotonic())
            )  # PostgreSQL lets others write at once
            calm_site.open_gate("session")
            job = handle.wait(PATIENCE)
        assert job.state is State.FAILURE
        assert job.failure is not None
        assert "session" in job.failure.message
        with calm_site.dispatcher.store.session() as session:
            assert session.query(ContractRow).all() == []
