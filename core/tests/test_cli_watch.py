"""`pfd watch`: following a job that was submitted elsewhere."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.tests.support.waiting import lines, until
from pfd import Dispatcher, State, Worker
from pfd.cli.app import run

pytestmark = pytest.mark.usefixtures("served")

Capture = pytest.CaptureFixture[str]
PFD = [sys.executable, "-c", "from pfd.cli import main; main()"]


@pytest.mark.parametrize(("task", "code"), [("add_apart", 0), ("fail", 1)])
def test_the_exit_code_is_that_of_the_job(task: str, code: int, capsys: Capture) -> None:
    with Dispatcher() as dispatcher, Worker():
        handle = dispatcher.submit(task, {"a": 1} if task == "add_apart" else {})
        assert run(["watch", handle.id[:8]]) == code
        assert handle.state.value in capsys.readouterr().out
        assert run(["watch"]) == code


def test_a_cancelled_job_exits_as_cancelled(capsys: Capture) -> None:
    with Dispatcher() as dispatcher:
        dispatcher.cancel(dispatcher.submit("add", {"a": 1}).id)
    assert run(["watch", "@last"]) == 130
    assert "REVOKED" in capsys.readouterr().out


def test_json_is_a_line_a_change_with_the_result_in_the_last(capsys: Capture) -> None:
    with Dispatcher() as dispatcher, Worker():
        handle = dispatcher.submit("nap", {"seconds": 1.0, "steps": 5})
        assert run(["watch", handle.id, "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["id"] for line in told} == {handle.id}
    assert [line["progress"] for line in told] == sorted(line["progress"] for line in told)
    assert told[-1]["state"] == "SUCCESS"
    assert told[-1]["result"] == {"text": "slept in attempt 1"}


def test_a_queue_without_a_worker_is_said_and_watching_starts_none(capsys: Capture) -> None:
    with Dispatcher() as dispatcher:
        handle = dispatcher.submit("add", {"a": 1})
        assert run(["watch", handle.id, "--timeout", "0.5"]) == 124
        assert handle.state is State.PENDING
    assert "pfd worker --queues default" in capsys.readouterr().out


def test_an_unknown_job_is_a_bad_request(capsys: Capture) -> None:
    assert run(["watch", "nothing"]) == 2
    assert "nothing" in capsys.readouterr().err


def test_ctrl_c_leaves_a_job_of_another_worker_running_and_says_its_id(tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    with Dispatcher() as dispatcher, Worker():
        handle = dispatcher.submit("nap", {"seconds": 60, "steps": 600, "witness": str(witness)})
        command = [*PFD, "watch", handle.id]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
            assert watching.stdout is not None
            until(lambda: lines(witness), "the job runs")
            assert watching.stdout.readline()
            watching.send_signal(signal.SIGINT)
            _, err = watching.communicate(timeout=60)
        assert watching.returncode == 130
        assert handle.id in err
        assert "goes on" in err
        assert handle.state in (State.STARTED, State.PROGRESS)
        handle.revoke()
        handle.wait(60)


def test_ctrl_c_hands_back_a_job_of_the_worker_in_the_process(tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    command = [*PFD, "submit", "nap", "seconds=60", "steps=600", f"witness={witness}", "--wait"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as waiting:
        until(lambda: lines(witness), "the job runs")
        waiting.send_signal(signal.SIGINT)
        _, err = waiting.communicate(timeout=60)
    assert waiting.returncode == 130
    with Dispatcher() as dispatcher:
        job = dispatcher.job("@last")
    assert job.state is State.RETRY
    assert job.id in err
    assert "is queued" in err
    assert "pfd worker --queues default" in err
    assert "Traceback" not in err
