"""Commands about jobs: jobs, job, logs, cancel, retry, open, worker, workers."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from core.tests.support.commands import PFD, Commands, program, start
from core.tests.support.waiting import until
from pfd import Dispatcher, Settings, State, Worker, WorkerStart, hookimpl
from pfd.cli.logformat import formatter
from pfd.console import print_table
from pfd.plugins import Registry
from pfd.store import NewJob, jobs

# -- lists --------------------------------------------------------------------------------------------------------


def test_an_empty_store_says_what_to_do(pfd: Commands) -> None:
    shown = pfd("jobs")
    assert shown.code == 0
    assert "no jobs yet" in shown.out
    assert pfd.json("jobs") == []
    assert "pfd worker" in pfd("workers").out
    assert pfd("job").code == 2


def test_jobs_are_filtered_by_state_task_queue_and_tag(pfd: Commands, dispatcher: Dispatcher) -> None:
    first = dispatcher.submit("add", {"a": 1}, tags=("red",))
    second = dispatcher.submit("nap", queue="slow")
    dispatcher.cancel(first.id)

    def listed(*words: str) -> list[str]:
        return [job["id"] for job in pfd.json("jobs", *words)]

    assert listed() == [second.id, first.id]
    assert listed("--task", "add") == listed("--tag", "red") == listed("--state", "revoked") == [first.id]
    assert listed("--queue", "slow") == listed("--state", "queued") == listed("--state", "LIVE") == [second.id]
    assert listed("--state", "PENDING", "--state", "REVOKED") == [second.id, first.id]
    assert listed("--state", "FAILURE") == []
    shown = pfd("jobs", "--task", "ad")
    assert shown.code == 0
    assert "no such jobs" in shown.out
    assert "did you mean add" in shown.err


def test_a_list_says_how_to_get_its_next_page(pfd: Commands, dispatcher: Dispatcher) -> None:
    ids = [dispatcher.submit("add", {"a": number}, tags=("page one",)).id for number in range(5)][::-1]
    shown = pfd("jobs", "--limit", "2", "--tag", "page one")
    assert [line.split()[0] for line in shown.lines[1:]] == [identity[:8] for identity in ids[:2]]
    assert shown.err.strip() == f"2 of 5; the next: pfd jobs --tag 'page one' --limit 2 --before {ids[1]}"
    shown = pfd("jobs", "--tag", "page one", "--before", ids[1])
    assert [line.split()[0] for line in shown.lines[1:]] == [identity[:8] for identity in ids[2:]]
    assert shown.err == ""


# -- one job ------------------------------------------------------------------------------------------------------


def test_a_job_is_shown_with_parameters_result_and_artifacts(
    pfd: Commands, dispatcher: Dispatcher, served: Settings, registry: Registry
) -> None:
    with Worker(served, registry=registry):
        done = dispatcher.submit("write_artifact", tags=("drawn",))
        done.get(60)
    path = done.artifacts["plots/a.txt"]

    shown = pfd("job", done.id[:8])
    assert shown.code == 0
    assert [line for line in shown.lines if line.startswith("state")] == ["state      SUCCESS"]
    assert str(path) in shown.out
    assert "drawn" in shown.out
    found = pfd.json("job", "@last")
    assert found["result"] == {"text": "plots/a.txt"}
    assert found["artifacts"] == [{"name": "plots/a.txt", "size": 5, "path": str(path)}]
    assert len(found["claims"]) == 1

    shown = pfd("open", "--print", done.id, "plots/a.txt")
    assert (shown.code, shown.out.strip()) == (0, str(path))
    shown = pfd("open", done.id, "--print")  # it has no plots
    assert shown.code == 0
    assert "plots/a.txt" in Path(shown.out.strip()).read_text()


@pytest.mark.parametrize("task", ["../../../../../../tmp/escaped", "/tmp/escaped", "a/b", "ü" * 200])
def test_a_page_lies_in_its_folder_whatever_a_task_is_called(
    pfd: Commands, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, task: str
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    with dispatcher.store.write() as connection:
        job = jobs.insert(connection, NewJob(task, "default", {}))
    shown = pfd("open", job.id, "--print")
    assert shown.code == 0
    page = Path(shown.out.strip())
    assert page.parent.parent == tmp_path / "temporary"
    assert page.stat().st_size > 0


def test_a_failed_job_shows_its_traceback_only_where_asked_for(
    pfd: Commands, dispatcher: Dispatcher, served: Settings, registry: Registry
) -> None:
    with Worker(served, registry=registry):
        failed = dispatcher.submit("fail")
        failed.wait(60)
    shown = pfd("job", failed.id)
    assert shown.code == 0
    assert "this value is wrong: 7" in shown.out
    assert "Traceback" not in shown.out
    assert "--traceback" in shown.err
    assert "Traceback" in pfd("job", failed.id, "--traceback").out
    shown = pfd("open", failed.id, "--print")
    assert shown.code == 0
    page = Path(shown.out.strip())
    assert "this value is wrong: 7" in page.read_text()
    assert (page.stat().st_mode & 0o077, page.parent.stat().st_mode & 0o077) in ((0, 0), (0o44, 0))
    shown = pfd("open", failed.id, "no-such-file")
    assert (shown.code, "has no file 'no-such-file'" in shown.err) == (1, True)


def test_every_run_of_a_job_that_lost_its_process_is_shown_and_has_its_log(
    pfd: Commands, dispatcher: Dispatcher, served: Settings, registry: Registry
) -> None:
    with Worker(served, registry=registry):
        job = dispatcher.submit("die", {"how": "SIGKILL", "times": 1})
        job.wait(60)
    claims = pfd.json("job", job.id)["claims"]
    logs = [pfd.json("logs", job.id, "--claim", str(claim["number"]))["text"] for claim in claims if claim["outcome"]]
    assert logs
    assert set(logs) == {"dying\n"}
    shown = pfd("job", job.id)
    assert ("Runs" in shown.out) == (len(claims) > 1)
    shown = pfd("logs", job.id, "--claim", "99999")
    assert shown.code == 1
    assert "no log of claim 99999" in shown.err


def test_a_job_names_its_children_and_they_their_parent(
    pfd: Commands, dispatcher: Dispatcher, served: Settings, registry: Registry
) -> None:
    with Worker(served, slots=2, registry=registry):
        parent = dispatcher.submit("parent")
        parent.get(60)
        until(lambda: all(job.state is State.SUCCESS for job in dispatcher.jobs(parent=parent.id)))
    children = pfd.json("job", parent.id)["children"]
    assert len(children) == 2
    assert all(child["id"][:8] in pfd("job", parent.id).out for child in children)
    assert parent.id in pfd("job", children[0]["id"]).out


@pytest.mark.parametrize("command", ["job", "logs", "open", "cancel", "retry"])
def test_an_unknown_job_exits_2(pfd: Commands, command: str) -> None:
    shown = pfd(command, "abcdef")
    assert shown.code == 2
    assert "no job abcdef" in shown.err
    assert "pfd jobs" in shown.err


def test_hostile_text_of_a_job_does_not_reach_the_terminal(
    pfd: Commands, dispatcher: Dispatcher, capsys: pytest.CaptureFixture[str]
) -> None:
    dispatcher.submit("nap", {"witness": "\x1b[2Jboo\nid  forged"})
    shown = pfd("job")
    assert "\x1b" not in shown.out
    assert not any(line.startswith("id  forged") for line in shown.lines)
    print_table(("one",), [("\x1b[31mred",)])
    assert "\x1b" not in capsys.readouterr().out


# -- logs ---------------------------------------------------------------------------------------------------------


def test_logs_print_what_a_job_printed_and_logged(
    pfd: Commands, dispatcher: Dispatcher, served: Settings, registry: Registry
) -> None:
    with Worker(served, registry=registry):
        job = dispatcher.submit("add_apart", {"a": 2})
        job.get(60)
    shown = pfd("logs", job.id)
    assert shown.code == 0
    assert "adding 2 1" in shown.out
    assert "the sum is near" in shown.out
    assert pfd("logs", job.id, "--follow").out == shown.out
    assert pfd.json("logs", job.id)["text"] == shown.out


def test_logs_are_followed_until_the_job_has_ended(
    served: Settings, dispatcher: Dispatcher, registry: Registry
) -> None:
    job = dispatcher.submit("add_apart", {"a": 2})
    following = start("logs", "-f", job.id)
    with Worker(served, registry=registry):
        printed, _ = following.communicate(timeout=60)
    assert following.returncode == 0
    assert "adding 2 1" in printed


def test_a_job_that_has_printed_nothing_says_so(pfd: Commands, dispatcher: Dispatcher) -> None:
    job = dispatcher.submit("add", {"a": 1})
    shown = pfd("logs")
    assert (shown.code, shown.out) == (0, "")
    assert shown.err == f"job {job.id[:8]} has printed nothing yet; it is PENDING\n"


# -- cancel and retry ---------------------------------------------------------------------------------------------


def test_jobs_are_cancelled_and_ended_ones_left_as_they_are(pfd: Commands, dispatcher: Dispatcher) -> None:
    first, second = dispatcher.submit("add", {"a": 1}), dispatcher.submit("add", {"a": 2})
    shown = pfd("cancel", first.id, "@last", first.id[:10])
    assert shown.code == 0
    assert shown.lines == [f"{first.id[:8]}  add  cancelled", f"{second.id[:8]}  add  cancelled"]
    assert first.state is second.state is State.REVOKED
    assert "had already ended: REVOKED" in pfd("cancel", first.id).out


def test_one_wrong_id_cancels_nothing(pfd: Commands, dispatcher: Dispatcher) -> None:
    job = dispatcher.submit("add", {"a": 1})
    assert pfd("cancel", job.id, "abcdef").code == 2
    assert job.state is State.PENDING


def test_a_running_job_is_asked_to_stop(
    pfd: Commands, dispatcher: Dispatcher, served: Settings, registry: Registry
) -> None:
    with Worker(served, registry=registry):
        job = dispatcher.submit("nap", {"seconds": 300, "steps": 3000})
        until(lambda: job.state is State.PROGRESS)
        running = pfd.json("workers")[0]["running"]
        assert [run["id"] for run in running] == [job.id]
        assert "asked to stop" in pfd("cancel", job.id).out
        assert job.wait(60).state is State.REVOKED


def test_retry_prints_the_id_of_a_new_job_that_names_the_old(pfd: Commands, dispatcher: Dispatcher) -> None:
    old = dispatcher.submit("add", {"a": 7}, tags=("kept",))
    shown = pfd("retry", old.id)
    assert shown.code == 2
    assert "only an ended job" in shown.err
    dispatcher.cancel(old.id)
    shown = pfd("retry", old.id)
    new = dispatcher.job(shown.out.strip())
    assert (new.retry_of, new.params, new.tags) == (old.id, {"a": 7, "b": 1}, ("kept",))
    assert "no live worker serves" in shown.err


# -- workers ------------------------------------------------------------------------------------------------------


class ServedMetrics:
    """What a plugin does that serves the metrics of those workers which are to."""

    @hookimpl
    def pfd_worker_start(self, start: WorkerStart) -> None:
        if start.settings.metrics:
            start.metrics = "rig-7:9109"


def test_workers_are_listed_with_what_they_run_and_where_they_are_watched(
    pfd: Commands, dispatcher: Dispatcher, served: Settings, registry: Registry, request: pytest.FixtureRequest
) -> None:
    watched = served.model_copy(update={"metrics": "127.0.0.1:0"})
    registry.listen("metrics", served_metrics := ServedMetrics())
    request.addfinalizer(lambda: registry.unlisten(served_metrics))
    with Worker(served, slots=2, queues=("slow",), registry=registry), Worker(watched, slots=1, registry=registry):
        slow = [dispatcher.submit("nap", {"seconds": 300, "steps": 3000}, queue="slow") for _ in range(2)]
        parent = dispatcher.submit("gather", {"children": 1, "seconds": 300})
        until(lambda: [job.state for job in slow] == [State.PROGRESS] * 2)
        until(lambda: [child.state for child in dispatcher.jobs(parent=parent.id)] == [State.PROGRESS])
        [first, second] = pfd.json("workers")
        shown = pfd("workers").lines
        assert {job["id"] for job in first["running"]} == {job.id for job in slow}
        for job in first["running"]:
            assert (job["task"], job["queue"], job["attempt"]) == ("nap", "slow", 1)
            assert 0 < job["seconds"] < 60
            assert 0 <= job["progress"] < 1
            assert job["status"].startswith("step ")
        assert [job["task"] for job in second["running"]] == ["gather", "nap"]
        assert first["metrics"] is None
        assert second["metrics"] == "rig-7:9109"
        [head, one, other, empty, columns, *jobs] = shown
        assert head.split() == ["WORKER", "RUNTIME", "BUSY", "SLOTS", "AGE", "SEEN", "METRICS"]
        assert one.split()[1:6] == ["local", "2/2", "2", "of", "slow"]
        assert other.split()[1:4] == ["local", "1/1", "+1"]  # the coordinator takes no slot
        assert other.endswith(second["metrics"])
        assert empty == ""
        assert columns.split() == ["JOB", "TASK", "QUEUE", "WORKER", "DONE", "STATUS", "ATTEMPT", "FOR"]
        assert {line.split()[0] for line in jobs} == {job["id"] for job in first["running"] + second["running"]}
        for job in (*slow, parent):
            job.revoke()
        until(lambda: all(job.ready() for job in (*slow, parent)))


def test_of_workers_that_have_nothing_to_do_no_jobs_are_listed(
    pfd: Commands, served: Settings, registry: Registry
) -> None:
    with Worker(served, registry=registry):
        assert len(pfd("workers").lines) == 2


# -- worker -------------------------------------------------------------------------------------------------------


def test_a_worker_says_what_it_serves_logs_its_jobs_and_ends_at_sigterm(
    pfd: Commands, served: Settings, dispatcher: Dispatcher
) -> None:
    worker = start("worker", "--slots", "default=2", "--slots", "slow=1")
    assert worker.stdout
    first = worker.stdout.readline()
    assert "default (2 slots); slow (1 slot)" in first or "warning: no installed task is of queue slow" in first
    good = dispatcher.submit("add", {"a": 1})
    bad = dispatcher.submit("fail")
    assert good.get(60) == {"value": 2}
    assert bad.wait(60).state is State.FAILURE
    [info] = pfd.json("workers")
    assert info["slots"] == {"default": 2, "slow": 1}
    assert info["name"] in pfd("workers").out
    worker.send_signal(signal.SIGTERM)
    printed, _ = worker.communicate(timeout=60)
    printed = first + printed
    assert worker.returncode == 0
    assert f"store sqlite:///{served.home}/pfd.sqlite3" in printed
    assert f"add {good.id[:8]} begins, attempt 1" in printed
    assert f"add {good.id[:8]}: success" in printed
    assert "this value is wrong: 7" in printed
    assert printed.rstrip().endswith("stopped")
    assert dispatcher.workers() == []


def test_a_worker_that_is_stopped_lets_its_job_end(served: Settings, dispatcher: Dispatcher) -> None:
    worker = start("worker")
    job = dispatcher.submit("nap", {"seconds": 1.5})
    until(lambda: job.state is State.PROGRESS)
    worker.send_signal(signal.SIGINT)
    worker.communicate(timeout=60)
    assert worker.returncode == 0
    assert job.job.result == {"text": "slept in attempt 1"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--slots", "default"], "QUEUE=N"),
        (["--slots", "default=0"], "QUEUE=N"),
        (["--slots", "default=1", "--slots", "default=2"], "twice"),
        (["--slots", "default=1", "--concurrency", "2"], "--slots says"),
        (["--queues", ","], "names no queue"),
        (["--concurrency", "0"], "--concurrency"),
    ],
)
def test_a_worker_refuses_slots_that_make_no_sense(pfd: Commands, words: list[str], said: str) -> None:
    shown = pfd("worker", *words)
    assert shown.code == 2
    assert said in shown.err


def test_a_runtime_without_workers_cannot_be_served(pfd: Commands) -> None:
    shown = pfd("--runtime", "eager", "worker")
    assert shown.code == 2
    assert "the runtime 'eager' has no workers" in shown.err


def test_a_worker_whose_home_is_another_store_s_refuses_to_start(served: Settings, dispatcher: Dispatcher) -> None:
    assert dispatcher.jobs() == []
    dispatcher.store.bind_home()
    (served.home / "store-id").write_text("another", encoding="ascii")
    shown = program("worker")
    assert shown.code == 2
    assert "does not belong to the store" in shown.err


def test_a_list_in_a_pipe_is_plain_and_closing_the_pipe_is_no_error(dispatcher: Dispatcher) -> None:
    for number in range(30):
        dispatcher.submit("add", {"a": number})
    assert "\x1b" not in program("jobs").out
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{PFD} jobs --limit 1000 | head -n 1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1


def test_a_worker_logs_in_json_where_a_program_is_to_read_it(served: Settings, dispatcher: Dispatcher) -> None:
    worker = start("worker", "--log-format", "json")
    job = dispatcher.submit("fail", {"kind": "connection"})
    assert job.wait(60).state is State.FAILURE
    worker.send_signal(signal.SIGTERM)
    printed, _ = worker.communicate(timeout=60)
    entries = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    mine = [entry for entry in entries if entry.get("job") == job.id]
    assert [entry.get("outcome") for entry in mine] == [None, "retry", None, "retry", None, "failure"]
    assert [entry["attempt"] for entry in mine] == [1, 1, 2, 2, 3, 3]
    assert {(entry["level"], entry["task"], entry["queue"]) for entry in mine} == {("info", "fail", "default")}
    assert all(0 < entry["seconds"] < 60 for entry in mine if "outcome" in entry)
    assert datetime.fromisoformat(mine[0]["time"]).utcoffset() == timedelta(0)
    assert "the other side hung up" in mine[-1]["message"]


def test_a_traceback_in_json_stays_on_its_line() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        record = logging.LogRecord("pfd", logging.ERROR, "", 0, "it %s", ("failed",), sys.exc_info())
    line = formatter("json").format(record)
    assert "\n" not in line
    entry = json.loads(line)
    assert entry["message"] == "it failed"
    assert entry["traceback"].endswith("ValueError: two\nlines")
