"""`pfd jobs prune`: what it asks, what it says, and that `pfd jobs` is a list as before."""

from __future__ import annotations

import time

import pexpect
import pytest
from click.testing import CliRunner

from core.tests.support.commands import PFD, Commands, program
from pfd import Dispatcher, State
from pfd.store.schema import jobs as job_table

DAY = 86400.0


def cancelled(dispatcher: Dispatcher, days: float) -> str:
    """A job that was cancelled so many days ago."""
    handle = dispatcher.submit("add", {"a": 1})
    handle.revoke()
    moment = time.time() - days * DAY
    with dispatcher.store.write() as connection:
        change = job_table.update().where(job_table.c.id == handle.id)
        connection.execute(change.values(created_at=moment, ended_at=moment))
    return handle.id


def listed(pfd: Commands) -> list[str]:
    return [job["id"] for job in pfd.json("jobs")]


def test_old_jobs_go_and_those_that_stay_are_counted_with_the_reason(pfd: Commands, dispatcher: Dispatcher) -> None:
    old, new, needed = (cancelled(dispatcher, days) for days in (40, 3, 40))
    live = dispatcher.submit("add", {"a": 1})
    with dispatcher.store.write() as connection:
        connection.execute(job_table.update().where(job_table.c.id == needed).values(parent_id=live.id))
    would = pfd("jobs", "prune", "--older-than", "30", "--dry-run")
    assert would.code == 0
    assert would.lines[0] == "would remove 1 job that ended more than 30 days ago, with logs and artifacts"
    assert old in listed(pfd)
    shown = pfd("jobs", "prune", "--older-than", "30", "--yes")
    assert shown.code == 0
    assert shown.lines == [
        "removed 1 job that ended more than 30 days ago, with logs and artifacts",
        "kept 1 job: their parent is live and may run again, which would submit them again",
    ]
    assert listed(pfd) == [live.id, needed, new]
    assert pfd("jobs", "prune", "--older-than", "30").lines[0] == "removed nothing"


def test_the_setting_retention_says_how_old(
    pfd: Commands, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancelled(dispatcher, 40)
    shown = pfd("jobs", "prune", "--yes")
    assert shown.code == 2
    assert "--older-than DAYS" in shown.err
    assert "retention" in shown.err
    monkeypatch.setenv("PFD_RETENTION", "30")
    assert pfd.json("jobs", "prune", "--yes") == {
        "dry_run": False,
        "older_than": 30.0,
        "jobs": 1,
        "folders": 0,
        "orphans": 0,
        "kept": [],
        "stuck": [],
    }


def test_state_and_task_narrow_it_down(pfd: Commands, dispatcher: Dispatcher) -> None:
    first = cancelled(dispatcher, 40)
    assert pfd.json("jobs", "prune", "--older-than", "1", "--yes", "--task", "nap")["jobs"] == 0
    assert pfd.json("jobs", "prune", "--older-than", "1", "--yes", "--state", "success")["jobs"] == 0
    assert listed(pfd) == [first]
    assert pfd.json("jobs", "prune", "--older-than", "1", "--yes", "--state", "revoked", "--task", "add")["jobs"] == 1


def test_where_nobody_can_be_asked_nothing_goes_without_yes(dispatcher: Dispatcher) -> None:
    cancelled(dispatcher, 40)
    ran = program("jobs", "prune", "--older-than", "30")
    assert ran.code == 2
    assert "say --yes" in ran.err
    assert len(dispatcher.jobs()) == 1


@pytest.mark.parametrize(("answer", "code", "left"), [("y", 0, 0), ("n", 130, 1), ("\x03", 130, 1)])
def test_on_a_terminal_it_asks_and_only_yes_removes(dispatcher: Dispatcher, answer: str, code: int, left: int) -> None:
    cancelled(dispatcher, 40)
    terminal = pexpect.spawn(PFD, ["jobs", "prune", "--older-than", "30"], encoding="utf-8", timeout=60)
    terminal.expect_exact("remove 1 job that ended more than 30 days ago, with logs and artifacts? [y/N]")
    terminal.sendline(answer) if answer.isalpha() else terminal.send(answer)
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == code
    assert "Traceback" not in terminal.before
    assert len(dispatcher.jobs()) == left


@pytest.mark.parametrize("words", [("--older-than", "-1"), ("--older-than", "soon"), ("--state", "PENDING")])
def test_what_makes_no_sense_is_a_bad_request(pfd: Commands, words: tuple[str, ...]) -> None:
    assert pfd("jobs", "prune", *words).code == 2


def test_jobs_is_a_list_and_prune_stands_behind_it(pfd: Commands, dispatcher: Dispatcher) -> None:
    job_id = cancelled(dispatcher, 40)
    assert listed(pfd) == [job_id]
    assert pfd("jobs", "--state", "revoked", "--limit", "1").lines[1].startswith(job_id[:8])
    shown = pfd("jobs", "--task", "add", "prune", "--older-than", "1", "--yes")
    assert shown.code == 2
    assert "stand behind it" in shown.err
    shown = pfd("jobs", "nonsense")
    assert shown.code == 2
    assert "no such command 'nonsense'" in shown.err
    assert listed(pfd) == [job_id]


def test_help_and_completion_know_it(pfd: Commands) -> None:
    assert "prune" in pfd("jobs", "--help").out
    assert "--older-than DAYS" in pfd("jobs", "prune", "--help").out
    from pfd.cli.app import cli

    for words, offered in (("pfd jobs ", "prune"), ("pfd jobs prune --", "--dry-run"), ("pfd jobs --st", "--state")):
        variables = {
            "_PFD_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split(" ")) - 1),
        }
        done = CliRunner().invoke(cli, [], prog_name="pfd", env=variables, complete_var="_PFD_COMPLETE")
        assert offered in {line.partition(",")[2] for line in done.output.splitlines()}
    assert State.REVOKED.value.lower() in pfd("jobs", "prune", "--help").out
