"""`pfd logs` of jobs that print much, that are killed, and that run again."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.tests.support.commands import Commands, program, start
from core.tests.support.waiting import until
from pfd import Dispatcher, JobHandle, Settings, State
from pfd.logs.log_file import LogFile

MOST = 65536
ENDLESS = 10_000_000
"""Kilobytes that no job prints while a test lasts."""


@pytest.fixture
def other_settings() -> dict[str, object]:
    """Little of a log is kept."""
    return {"max_log_bytes": MOST}


@pytest.fixture
def worker(served: Settings) -> Iterator[subprocess.Popen[str]]:
    """A worker in a process of its own, that may be killed."""
    process = start("worker")
    yield process
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def has_much(dispatcher: Dispatcher, handle: JobHandle) -> bool:
    return len(list(dispatcher.log_path(handle.id).parent.glob("*.tail"))) == 2


def test_a_killed_worker_leaves_head_and_newest_lines_behind(
    pfd: Commands, dispatcher: Dispatcher, worker: subprocess.Popen[str], served: Settings
) -> None:
    handle = dispatcher.submit("print_much", {"size": ENDLESS})
    until(lambda: has_much(dispatcher, handle), "it has printed more than is kept")
    worker.kill()
    worker.wait()
    shown = pfd("logs", handle.id)
    assert shown.code == 0
    assert shown.out.startswith("first line\n")
    [gap] = re.findall(r"\n\.\.\. (\d+) bytes left out \.\.\.\n", shown.out)
    assert int(gap) > 0
    assert MOST <= len(shown.out) <= MOST * 3 // 2 + 100
    claim = handle.job.claim
    assert pfd("logs", handle.id, "--claim", str(claim)).out == shown.out
    found = pfd.json("logs", handle.id)
    assert (found["claim"], found["text"]) == (claim, shown.out)
    assert Path(found["path"]) == served.home / "logs" / handle.id / f"{claim}.log"
    assert "there are: " in pfd("logs", handle.id, "--claim", "99999").err


def test_following_goes_through_the_gap_to_the_last_line(dispatcher: Dispatcher, worker: subprocess.Popen[str]) -> None:
    handle = dispatcher.submit("print_much", {"size": 50_000})
    following = program("logs", "-f", handle.id)
    assert following.code == 0
    assert following.out.startswith("first line\n")
    assert re.search(r"\n\.\.\. \d+ bytes left out \.\.\.\n", following.out)
    assert following.out.endswith("x\nlast line\n")
    assert handle.state is State.SUCCESS
    assert [path.suffix for path in dispatcher.log_path(handle.id).parent.iterdir()] == [".log"]
    assert dispatcher.log_path(handle.id).stat().st_size <= MOST + 100


def test_following_shows_each_run_to_its_last_word_before_the_next(dispatcher: Dispatcher, served: Settings) -> None:
    handle = dispatcher.submit("add", {"a": 1})
    following = start("logs", "-f", handle.id)
    assert following.stdout is not None
    runs = [LogFile(served, replace(handle.job, claim=claim)) for claim in (3, 20, 100)]
    runs[0].write(b"the first run\n")
    assert following.stdout.readline() == "the first run\n"
    for number, run in enumerate(runs):
        run.write(b"the last word of %d\n" % number)
        run.__exit__()
    handle.revoke()
    printed, _ = following.communicate(timeout=60)
    assert following.returncode == 0
    said = [line for line in printed.splitlines() if "runs again" not in line]
    assert said == [f"the last word of {number}" for number in range(3)]
    assert printed.count("runs again") == 2


def test_ctrl_c_ends_the_following_and_not_the_job(dispatcher: Dispatcher, served: Settings) -> None:
    handle = dispatcher.submit("add", {"a": 1})
    with LogFile(served, replace(handle.job, claim=1)) as file:
        file.write(b"first line\n")
        following = start("logs", "-f", handle.id)
        assert following.stdout is not None
        assert following.stdout.readline() == "first line\n"
        following.send_signal(signal.SIGINT)
        printed, _ = following.communicate(timeout=60)
    assert following.returncode == 130
    assert f"job {handle.id} goes on" in printed
    assert "Traceback" not in printed
    assert handle.state is State.PENDING


def test_a_log_of_which_only_the_tail_could_be_written_is_shown(
    pfd: Commands, dispatcher: Dispatcher, served: Settings
) -> None:
    job = replace(dispatcher.submit("add", {"a": 1}).job, claim=3)
    with LogFile(served, job) as file:
        file.write(b"x")
        file.path.unlink()
    folder = served.home / "logs" / job.id
    (folder / "3.0.10.tail").write_text("at last\n", encoding="utf-8")
    assert pfd("logs", job.id).out == "\n... 10 bytes left out ...\nat last\n"
