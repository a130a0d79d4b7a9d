"""What becomes of jobs under a worker: the embedded runtime, in this process, on SQLite.

What every runtime and store must do is held by the suite of the contract; here stands what is said beside it: words of
messages, odd values, the worker as an object in Python.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from core.tests.support.stores import make_settings
from core.tests.support.waiting import is_gone, lines, until
from pfd import (
    Dispatcher,
    JobCancelled,
    JobFailed,
    JobHandle,
    ParameterError,
    Ref,
    Settings,
    State,
    TimeLimitExceeded,
    UnknownJob,
    UnknownTask,
    Worker,
    artifacts,
    retention,
)
from pfd.job import Job
from pfd.plugins import Registry
from pfd.store import claims

PATIENCE = 90.0


@dataclass(frozen=True)
class Workshop:
    """A worker with three slots, and the dispatcher that feeds it."""

    dispatcher: Dispatcher
    settings: Settings

    def submit(self, task: str, params: dict[str, Any] | None = None, **options: Any) -> JobHandle:
        return self.dispatcher.submit(task, params, **options)

    def run(self, task: str, params: dict[str, Any] | None = None, **options: Any) -> Job:
        """Submit a job and wait for its end, whatever that is."""
        return self.submit(task, params, **options).wait(PATIENCE)

    def log(self, handle_or_job: JobHandle | Job) -> str:
        return self.dispatcher.log_path(handle_or_job.id).read_text(encoding="utf-8", errors="replace")


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> Iterator[Workshop]:
    folder = tmp_path_factory.mktemp("workshop")
    settings = make_settings(folder / "home", lease=10.0, max_log_bytes=8192, max_result_bytes=4096)
    with Worker(settings, slots=3, registry=registry), Dispatcher(settings, registry=registry) as dispatcher:
        yield Workshop(dispatcher, settings)


@pytest.fixture
def dispatcher(sqlite_settings: Settings, registry: Registry) -> Iterator[Dispatcher]:
    """A dispatcher on a store of this test alone, as yet without a worker."""
    with Dispatcher(sqlite_settings, registry=registry) as found:
        yield found


def begun(path: Path) -> list[str]:
    """Wait until a task has left its first line in its witness file."""
    return until(lambda: lines(path), f"a line in {path}")


# -- ending well --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", ["add", "add_apart"])
def test_a_job_succeeds_inline_and_in_a_process_of_its_own(workshop: Workshop, task: str) -> None:
    handle = workshop.submit(task, {"a": 1, "b": 2})
    assert handle.get(PATIENCE) == {"value": 3}
    assert handle.ready()
    assert handle.successful()
    job = handle.job
    assert (job.state, job.attempt, job.lost) == (State.SUCCESS, 1, 0)
    assert job.info["progress"] == 1.0
    assert job.started_at is not None
    assert job.ended_at is not None
    assert job.created_at <= job.started_at <= job.ended_at


def test_defaults_are_filled_in_where_a_job_is_submitted(workshop: Workshop) -> None:
    assert workshop.submit("add", {"a": 5}).job.params == {"a": 5, "b": 1}


def test_what_a_task_prints_and_logs_is_in_the_log_of_its_job(workshop: Workshop) -> None:
    job = workshop.run("add_apart", {"a": 4})
    text = workshop.log(job)
    assert "adding 4 1" in text
    assert "INFO pfd.task.add_apart: the sum is near" in text


def test_the_last_progress_of_a_success_is_kept_with_its_words(workshop: Workshop) -> None:
    job = workshop.run("add_apart", {"a": 4})
    assert job.info == {"progress": 1.0, "status": "half", "part": "one"}


# -- ending badly -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", ["fail", "fail_inline"])
@pytest.mark.parametrize(
    ("kind", "failure", "said"),
    [
        ("exit", "SystemExit", "sys.exit(3)"),
        ("interrupt", "KeyboardInterrupt", "KeyboardInterrupt"),
        ("unprintable", "UnprintableError", "cannot be shown"),
        ("module", "ModuleNotFoundError", "no_such_module_anywhere"),
        ("long", "ValueError", "characters left out"),
        ("odd", "E" * 200, "odd"),
    ],
)
def test_whatever_a_task_raises_is_a_failure_and_the_worker_lives(
    workshop: Workshop, task: str, kind: str, failure: str, said: str
) -> None:
    job = workshop.run(task, {"kind": kind})
    assert job.state is State.FAILURE
    assert job.failure is not None
    assert job.failure.type == failure
    assert said in job.failure.message
    assert len(job.failure.message) < 10_000
    assert len(job.failure.hint or "") < 10_000
    assert workshop.run("add", {"a": 1}).state is State.SUCCESS


def test_a_missing_module_is_named_in_the_hint(workshop: Workshop) -> None:
    job = workshop.run("fail", {"kind": "module"})
    assert job.failure is not None
    assert job.failure.hint == "install what provides 'no_such_module_anywhere' where the worker runs"


@pytest.mark.parametrize(
    ("task", "params", "said"),
    [
        ("wrong_result", {}, "wrong_result returned dict, not a valid Number: value"),
        ("not_json", {}, "the result of not_json cannot be stored: value.scores.1=<object object at"),
        ("large_result", {"size": 5000}, "bytes of JSON, more than 4096"),
    ],
)
def test_a_result_that_cannot_be_kept_is_a_failure(
    workshop: Workshop, task: str, params: dict[str, Any], said: str
) -> None:
    job = workshop.run(task, params)
    assert job.state is State.FAILURE
    assert job.result is None
    assert job.failure is not None
    assert said in job.failure.message


@pytest.mark.parametrize(
    ("how", "said"),
    [("exit", "ended with exit code 7 before the task returned"), ("SIGSEGV", "crashed with SIGSEGV")],
)
def test_a_process_that_dies_is_a_failure_with_the_reason(workshop: Workshop, how: str, said: str) -> None:
    job = workshop.run("die", {"how": how})
    assert job.state is State.FAILURE
    assert job.failure is not None
    assert job.failure.type == "ProcessDied"
    assert said in job.failure.message
    assert job.failure.hint
    assert "dying" in workshop.log(job)


def test_a_process_that_was_killed_is_run_again_and_its_claims_say_why(workshop: Workshop) -> None:
    job = workshop.run("die", {"how": "SIGKILL", "times": 1})
    assert (job.state, job.result, job.lost, job.attempt) == (State.SUCCESS, {"text": "lived"}, 1, 1)
    outcomes = [claim.outcome for claim in workshop.dispatcher.claims(job.id)]
    assert outcomes == ["lost: the job's process was ended by SIGKILL", None]


# -- trying again -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", ["fail", "fail_inline"])
def test_a_declared_exception_is_tried_again_until_it_works(workshop: Workshop, task: str, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    job = workshop.run(task, {"kind": "connection", "times": 2, "witness": str(witness)})
    assert (job.state, job.result, job.attempt) == (State.SUCCESS, {"text": "succeeded at attempt 3"}, 3)
    assert lines(witness) == ["attempt 1", "attempt 2", "attempt 3"]
    outcomes = [claim.outcome for claim in workshop.dispatcher.claims(job.id)]
    assert outcomes == [f"attempt {n} failed: the other side hung up" for n in (1, 2)] + [None]


def test_an_ended_job_is_tried_again_by_hand_as_a_new_one_that_names_the_old(workshop: Workshop) -> None:
    old = workshop.run("fail_inline", tags=["x"], priority=3, time_limit=4.0)
    new = workshop.dispatcher.retry(old.id)
    job = new.wait(PATIENCE)
    assert job.id != old.id
    assert (job.retry_of, job.params, job.tags, job.priority) == (old.id, old.params, ("x",), 3)
    assert job.options == {"time_limit": 4.0}


# -- the process tree ---------------------------------------------------------------------------------------------


def test_a_job_over_its_memory_limit_fails_and_says_by_how_much(workshop: Workshop) -> None:
    job = workshop.run("eat_memory", {"size": 300})
    assert job.failure is not None
    assert job.failure.type == "MemoryLimitExceeded"
    assert "more than the 150 MiB allowed" in job.failure.message
    assert job.failure.hint


# -- progress -----------------------------------------------------------------------------------------------------


def test_progress_that_json_cannot_say_is_said_in_words(workshop: Workshop) -> None:
    handle = workshop.submit("report_oddly")
    seen = [job.info for job in handle.events(PATIENCE)]
    assert handle.job.state is State.SUCCESS
    odd = next(info for info in seen if info["status"] == "odd")
    assert odd["progress"] == 0.25
    assert odd["loss"] is None
    assert odd["nul"] == "a\ufffdb"
    assert "object" in odd["thing"]


@pytest.mark.parametrize("task", ["report_large", "report_large_inline"])
def test_progress_that_is_too_large_to_store_is_cut_or_refused(workshop: Workshop, task: str) -> None:
    handle = workshop.submit(task, {"size": 10_000_000})
    statuses = [job.status for job in handle.events(PATIENCE)]
    assert max(map(len, statuses)) == 2_000
    job = handle.job
    assert job.state is State.FAILURE
    assert job.failure is not None
    assert job.failure.type == "ParameterError"
    assert "the largest field is 'large'" in job.failure.message


def test_more_artifacts_than_can_be_published_are_a_failure(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artifacts, "MAX_PUBLISHED", 20)
    assert len(workshop.run("write_many", {"size": 20}).artifacts) == 20
    job = workshop.run("write_many", {"size": 21})
    assert (job.state, job.result, job.artifacts) == (State.FAILURE, None, ())
    assert job.failure is not None
    assert job.failure.type == "ArtifactError"
    assert "at most 20" in job.failure.message


# -- limits and cancelling ----------------------------------------------------------------------------------------


def test_a_job_over_its_time_limit_is_ended(workshop: Workshop) -> None:
    handle = workshop.submit("limited", {"seconds": 60})
    with pytest.raises(TimeLimitExceeded, match="limited ran longer than its time limit"):
        handle.get(PATIENCE)


def test_a_time_limit_that_is_given_with_the_job_may_be_longer_than_the_declared_one(workshop: Workshop) -> None:
    assert workshop.run("limited", {"seconds": 1.5}, time_limit=60.0).state is State.SUCCESS


def test_a_task_that_ignores_its_soft_limit_is_ended_at_the_hard_one(workshop: Workshop, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    job = workshop.run("swallow", {"seconds": 60, "witness": str(witness)}, soft_time_limit=0.2, time_limit=0.6)
    assert job.failure is not None
    assert job.failure.type == "TimeLimitExceeded"
    assert is_gone(int(lines(witness)[0]))


def test_an_inline_task_stops_at_its_limit_where_it_looks(workshop: Workshop) -> None:
    job = workshop.run("nap_inline", {"seconds": 60, "steps": 600}, time_limit=0.3)
    assert job.failure is not None
    assert job.failure.type == "TimeLimitExceeded"


@pytest.mark.parametrize("task", ["nap", "turn_into_error"])
def test_a_job_that_is_cancelled_while_it_runs_is_said_to_be(workshop: Workshop, tmp_path: Path, task: str) -> None:
    """Also where it makes an error of its own of what asks it to stop."""
    witness = tmp_path / "witness"
    handle = workshop.submit(task, {"seconds": 60, "witness": str(witness)})
    begun(witness)
    handle.revoke()
    with pytest.raises(JobCancelled, match="cancelled while it ran"):
        handle.get(PATIENCE)
    assert handle.state is State.REVOKED


def test_a_file_of_a_cancelled_job_stays_where_a_row_that_it_has_stored_may_name_it(
    workshop: Workshop, tmp_path: Path
) -> None:
    witness = tmp_path / "witness"
    handle = workshop.submit("note", {"seconds": 60, "witness": str(witness)})
    until(lambda: lines(witness)[1:] == ["stored"], "its row is there")
    job = handle.revoke()
    assert handle.wait(PATIENCE).state is State.REVOKED
    assert workshop.run("add", {"a": 1}).state is State.SUCCESS  # whatever is done at the end of a job is done
    assert (workshop.settings.home / "artifacts" / job.id / str(job.claim) / "note.txt").is_file()


def test_a_job_that_is_cancelled_while_it_waits_to_be_run_again_leaves_no_file(workshop: Workshop) -> None:
    handle = workshop.submit("resume")
    until(lambda: handle.state is State.RETRY, "it is lost")
    folder = workshop.settings.home / "artifacts" / handle.id
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["state.txt"]
    assert handle.revoke().state is State.REVOKED
    until(lambda: not folder.exists(), "its folder is gone")


def test_removing_the_files_of_a_cancelled_job_keeps_nobody_waiting(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_go_on = threading.Event(), threading.Event()
    remove = retention._remove_entry

    def slowly(name: str, folder: int) -> None:
        begun.set()
        assert may_go_on.wait(PATIENCE)
        remove(name, folder)

    monkeypatch.setattr(retention, "_remove_entry", slowly)
    handle = workshop.submit("resume")
    until(lambda: handle.state is State.RETRY, "it is lost")
    handle.revoke()
    assert begun.wait(PATIENCE)
    assert workshop.run("add", {"a": 1}).state is State.SUCCESS
    may_go_on.set()
    until(lambda: not (workshop.settings.home / "artifacts" / handle.id).exists(), "its folder is gone")


def test_a_job_that_waits_for_its_time_is_cancelled_at_once(workshop: Workshop) -> None:
    handle = workshop.submit("add", {"a": 1}, countdown=3600)
    assert handle.revoke().state is State.REVOKED
    with pytest.raises(JobCancelled, match="before it started"):
        handle.get(0)


# -- bad requests -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "params", "options", "error"),
    [
        ("ad", {}, {}, UnknownTask),
        ("add", {"a": -1}, {}, ParameterError),
        ("add", {"a": 1, "nonsense": 2}, {}, ParameterError),
        ("add", [1], {}, ParameterError),
        ("add", {"a": 1}, {"colour": "red"}, ParameterError),
        ("add", {"a": 1}, {"key": ""}, ParameterError),
        ("add", {"a": 1}, {"key": "x" * 201}, ParameterError),
        ("add", {"a": 1}, {"key": "a\x00b"}, ParameterError),
        ("add", {"a": 1}, {"tags": ["x" * 101]}, ParameterError),
        ("add", {"a": 1}, {"tags": ["\ud800"]}, ParameterError),
        ("add", {"a": 1}, {"tags": [""]}, ParameterError),
        ("add", {"a": 1}, {"queue": "Not A Queue"}, ParameterError),
        ("add", {"a": 1}, {"queue": ""}, ParameterError),
        ("add", {"a": 1}, {"priority": "high"}, ParameterError),
        ("add", {"a": 1}, {"priority": 2**40}, ParameterError),
        ("add", {"a": 1}, {"countdown": -1}, ParameterError),
        ("add", {"a": 1}, {"countdown": float("nan")}, ParameterError),
        ("add", {"a": 1}, {"not_before": float("inf")}, ParameterError),
        ("add", {"a": 1}, {"countdown": 1, "not_before": 1}, ParameterError),
        ("add", {"a": 1}, {"time_limit": 0}, ParameterError),
        ("add", {"a": 1}, {"time_limit": 100}, ParameterError),  # longer than an inline task declares
        ("add", {"a": 1}, {"after": ["no-such-job"]}, UnknownJob),
        ("read_path", {"path": "/etc/passwd"}, {}, ParameterError),
    ],
)
def test_a_bad_request_is_refused_and_nothing_is_stored(
    workshop: Workshop, task: str, params: Any, options: dict[str, Any], error: type[Exception]
) -> None:
    before = [job.id for job in workshop.dispatcher.jobs(limit=1)]
    with pytest.raises(error):
        workshop.submit(task, params, **options)
    assert [job.id for job in workshop.dispatcher.jobs(limit=1)] == before


def test_a_path_that_was_allowed_where_the_job_was_submitted_is_allowed_where_it_runs(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "recording.txt").write_text("read", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    handle = workshop.submit("read_path", {"path": "recording.txt"})
    monkeypatch.chdir("/")
    assert handle.get(PATIENCE) == {"text": "read"}


# -- order and choice ---------------------------------------------------------------------------------------------


def test_a_worker_serves_the_queues_it_was_given(dispatcher: Dispatcher, registry: Registry) -> None:
    mine = dispatcher.submit("add", {"a": 1}, queue="mine")
    other = dispatcher.submit("add", {"a": 1}, queue="other")
    with Worker(dispatcher.settings, slots={"mine": 1}, registry=registry):
        assert mine.get(PATIENCE) == {"value": 2}
        [info] = dispatcher.workers()
        assert info.queues == {"mine"}
        assert other.state is State.PENDING
    assert dispatcher.workers() == []


def test_tags_find_jobs(dispatcher: Dispatcher) -> None:
    one = dispatcher.submit("add", {"a": 1}, tags=["red", "red", "blue"])
    two = dispatcher.submit("add", {"a": 1}, tags="red")
    assert [job.id for job in dispatcher.jobs(tag="red")] == [two.id, one.id]
    assert [job.id for job in dispatcher.jobs(tag="blue")] == [one.id]
    assert one.job.tags == ("blue", "red")


def test_a_reference_to_a_field_that_is_not_there_fails_the_job(workshop: Workshop) -> None:
    first = workshop.submit("add", {"a": 1})
    job = workshop.run("add", {"a": Ref(first.id, "values")})
    assert job.failure is not None
    assert "has no field 'values'" in job.failure.message
    assert workshop.run("add", {"a": 1}).state is State.SUCCESS


# -- what a task is given -----------------------------------------------------------------------------------------


def _notes(dispatcher: Dispatcher) -> dict[str, str]:
    from pfd_sample.records import Note

    with dispatcher.store.session() as session:
        return {note.job_id: note.text for note in session.query(Note)}


def test_a_task_writes_rows_of_its_own(workshop: Workshop) -> None:
    for task in ("note", "note_inline"):
        job = workshop.run(task, {"text": "kept"})
        assert job.result is not None
        assert _notes(workshop.dispatcher)[job.id] == f"kept in claim {job.claim}"


@pytest.mark.parametrize("task", ["note", "note_inline"])
def test_a_run_that_has_lost_its_job_writes_no_rows(workshop: Workshop, tmp_path: Path, task: str) -> None:
    witness, go = tmp_path / "witness", tmp_path / "go"
    handle = workshop.submit(task, {"text": "x", "witness": str(witness), "go": str(go)})
    begun(witness)
    stale = handle.job
    with workshop.dispatcher.store.write() as connection:
        claims.lost(connection, stale, max_lost=3, reason="the test took it away")
    go.touch()
    job = handle.wait(PATIENCE)
    assert job.state is State.SUCCESS
    assert job.claim != stale.claim
    assert _notes(workshop.dispatcher)[job.id] == f"x in claim {job.claim}"
    written = set(lines(witness))
    assert {f"begins {stale.claim}", f"begins {job.claim}"} <= written
    if task == "note_inline":  # the isolated one may have been ended before it tried
        assert f"refused {stale.claim}" in until(lambda: set(lines(witness)) - {f"begins {job.claim}"})


def test_children_are_submitted_once_however_often_the_parent_says_so(workshop: Workshop) -> None:
    job = workshop.run("parent", {"children": 3})
    assert job.result is not None
    ids = job.result["value"]
    assert ids[:3] == ids[3:]
    children = workshop.dispatcher.jobs(parent=job.id)
    assert {child.id for child in children} == set(ids)
    assert {child.tags for child in children} == {("child",)}
    assert {child.client_id for child in children} == {job.client_id}
    assert [workshop.dispatcher.handle(child).get(PATIENCE)["value"] for child in ids[:3]] == [1, 2, 3]


# -- the eager runtime --------------------------------------------------------------------------------------------


@pytest.fixture
def eager(settings: Settings, registry: Registry) -> Iterator[Dispatcher]:
    with Dispatcher(settings.model_copy(update={"runtime": "eager"}), registry=registry) as found:
        yield found


def test_the_eager_runtime_runs_jobs_in_the_caller_with_the_same_tracking(eager: Dispatcher, tmp_path: Path) -> None:
    handle = eager.submit("nap", {"seconds": 0, "witness": str(tmp_path / "witness")})
    assert handle.ready()
    assert handle.get(0) == {"text": "slept in attempt 1"}
    assert lines(tmp_path / "witness")[0].startswith(f"{os.getpid()} begins")
    assert len(eager.claims(handle.id)) == 1
    assert eager.workers() == []


def test_the_eager_runtime_retries_at_once_and_reports_failures(eager: Dispatcher) -> None:
    handle = eager.submit("fail", {"kind": "connection", "times": 2})
    assert handle.get(0) == {"text": "succeeded at attempt 3"}
    with pytest.raises(JobFailed, match="this value is wrong"):
        eager.submit("fail").get(0)


def test_the_eager_runtime_runs_what_waits_and_children_as_well(eager: Dispatcher) -> None:
    first = eager.submit("add", {"a": 1})
    assert eager.submit("add", {"a": Ref(first.id, "value")}).get(0) == {"value": 3}
    ids = eager.submit("parent").get(0)["value"]
    assert {eager.handle(job_id).state for job_id in ids} == {State.SUCCESS}


# -- stopping -----------------------------------------------------------------------------------------------------


def test_a_worker_that_stops_waits_for_what_runs(dispatcher: Dispatcher, registry: Registry, tmp_path: Path) -> None:
    worker = Worker(dispatcher.settings, slots=1, registry=registry).start()
    handle = dispatcher.submit("nap_inline", {"seconds": 0.5, "witness": str(tmp_path / "witness")})
    later = dispatcher.submit("add", {"a": 1})
    begun(tmp_path / "witness")
    worker.stop(None)
    assert handle.state is State.SUCCESS
    assert later.state is State.PENDING
    assert dispatcher.workers() == []


def test_a_worker_that_may_not_wait_hands_back_what_runs_without_counting_it(
    dispatcher: Dispatcher, registry: Registry, tmp_path: Path
) -> None:
    worker = Worker(dispatcher.settings, slots=1, registry=registry).start()
    handle = dispatcher.submit("nap", {"seconds": 60, "witness": str(tmp_path / "witness")})
    begun(tmp_path / "witness")
    worker.stop(0.0)
    job = handle.job
    assert (job.state, job.attempt, job.lost, job.owner) == (State.RETRY, 0, 0, None)
    assert [claim.outcome for claim in dispatcher.claims(job.id)] == ["handed back: its worker stopped"]
    assert is_gone(int(lines(tmp_path / "witness")[0].split()[0]))


def test_workers_start_and_stop_many_times_and_leave_nothing_behind(dispatcher: Dispatcher, registry: Registry) -> None:
    before = threading.active_count()
    for _ in range(5):
        with Worker(dispatcher.settings, slots=2, registry=registry):
            assert dispatcher.submit("add", {"a": 1}).get(PATIENCE) == {"value": 2}
    until(lambda: threading.active_count() <= before, "all threads have ended")
    assert dispatcher.workers() == []


# -- logging that is set up anew --------------------------------------------------------------------------------------


def test_the_log_of_a_job_goes_on_whatever_its_task_does_to_logging(workshop: Workshop) -> None:
    handles = [workshop.submit("silence", {"size": way}) for way in range(10)]
    handles.append(workshop.submit("silence_inline", {"size": 2}))
    for handle in handles:
        assert handle.get(PATIENCE) == {"text": "10"}
        said = [line.partition(": ")[2] for line in workshop.log(handle).splitlines() if " INFO pfd.task." in line]
        assert said == [f"after {handle.job.params['size']}"]


def test_what_a_task_logs_reaches_the_handlers_that_it_adds_and_its_log_once(workshop: Workshop) -> None:
    handle = workshop.submit("log_elsewhere")
    assert handle.get(PATIENCE) == {"text": "heard: one, two, three, four"}
    assert [word for word in ("one", "two", "three", "four") if workshop.log(handle).count(f": {word}") != 1] == []
