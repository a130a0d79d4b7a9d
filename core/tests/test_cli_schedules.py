"""`pfd schedules`: adding, listing, showing, pausing and removing."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

import pexpect
import pytest

from core.tests.support.commands import PFD, Commands
from core.tests.support.waiting import until
from pfd import Dispatcher, Settings, Worker
from pfd.plugins import Registry
from pfd.schedules.cron import Cron
from pfd.store.schema import schedule_slots, schedules

NO_WORKER = "note: no worker is live, and only workers fire schedules; start one with 'pfd worker'"


def add(pfd: Commands, name: str = "nightly", *words: str) -> None:
    assert pfd("schedules", "add", name, "30 2 * * *", "add", "a=1", *words).code == 0


def test_where_there_is_none_it_says_how_to_add_one(pfd: Commands) -> None:
    shown = pfd("schedules")
    assert (shown.code, shown.err) == (0, "")
    assert 'pfd schedules add NAME "0 2 * * *" TASK' in shown.out
    assert pfd.json("schedules") == []


def test_adding_says_when_it_comes_first_on_the_clock_of_its_zone(pfd: Commands, dispatcher: Dispatcher) -> None:
    ran = pfd("schedules", "add", "nightly", "30 2 * * *", "add", "a=1", "--zone", "Europe/Berlin")
    assert ran.code == 0
    [line] = ran.lines
    assert line.startswith("nightly  next ")
    assert " 02:30 CE" in line or " 03:00 CEST" in line
    assert ran.err.strip() == NO_WORKER
    made = dispatcher.find_schedule("nightly")
    assert (made.zone, made.params, made.overlap, made.catch_up, made.options) == (
        "Europe/Berlin",
        {"a": 1},
        "skip",
        True,
        {},
    )


def test_options_are_those_of_the_schedule(pfd: Commands, dispatcher: Dispatcher) -> None:
    how = ("--overlap", "allow", "--no-catch-up", "--key", "k", "--priority", "3", "--queue", "slow")
    more = ("--tag", "a", "--tag", "b", "--time-limit", "4", "--soft-time-limit", "2")
    shown = pfd.json("schedules", "add", "one", "*/5 * * * * *", "nap", "seconds=0.5", *how, *more)
    made = dispatcher.find_schedule("one")
    assert (made.overlap, made.catch_up) == ("allow", False)
    assert made.options == {
        "key": "k",
        "priority": 3,
        "queue": "slow",
        "soft_time_limit": 2.0,
        "tags": ["a", "b"],
        "time_limit": 4.0,
    }
    assert made.params == {"seconds": 0.5}  # and no default, which its task may change
    assert shown == {
        "name": "one",
        "cron": "*/5 * * * * *",
        "zone": "UTC",
        "task": "nap",
        "params": {"seconds": 0.5},
        "overlap": "allow",
        "catch_up": False,
        "enabled": True,
        "next_at": made.next_at,
        "created_at": made.created_at,
        "changed_at": made.changed_at,
        "options": made.options,
        "last": None,
    }


def test_parameters_come_from_a_file_as_well(pfd: Commands, dispatcher: Dispatcher, tmp_path: Path) -> None:
    (tmp_path / "given.toml").write_text("a = 5\nb = 6\n", encoding="utf-8")
    add(pfd, "one", "--params", "given.toml")
    assert dispatcher.find_schedule("one").params == {"a": 1, "b": 6}


def test_a_path_that_is_typed_is_allowed_for_its_jobs(pfd: Commands, dispatcher: Dispatcher) -> None:
    assert pfd("schedules", "add", "one", "30 2 * * *", "read_path", "path=/etc/hostname").code == 0
    assert dispatcher.find_schedule("one").options == {"roots": ["/etc/hostname"]}


def test_all_mistakes_are_told_at_once_with_exit_code_2_and_nothing_is_stored(
    pfd: Commands, dispatcher: Dispatcher
) -> None:
    ran = pfd("schedules", "add", "my job", "61 * * * *", "add", "a=-1", "--zone", "Europe/Berln", "--time-limit", "-1")
    assert ran.code == 2
    for said in ("name='my job'", "bad minute", "did you mean Europe/Berlin", "time_limit=-1", "a=-1"):
        assert said in ran.err
    assert pfd("schedules", "add", "one", "30 2 * * *", "ad", "a=1").code == 2
    assert pfd("schedules", "add", "one", "30 2 * * *", "add", "x=1").code == 2
    assert dispatcher.schedules() == []


def test_a_list_has_a_line_for_each_with_what_comes_and_what_was(pfd: Commands, dispatcher: Dispatcher) -> None:
    add(pfd, "b")
    add(pfd, "a")
    dispatcher.pause_schedule("a")
    with dispatcher.store.write() as connection:
        values = {"slot": int(time.time()) - 7200, "settled_at": time.time() - 7200, "passed_over": 0, "reason": "why"}
        connection.execute(schedule_slots.insert().values(schedule_seq=1, outcome="missed", **values))
    shown = pfd("schedules")
    assert shown.lines[0].split() == ["NAME", "CRON", "ZONE", "TASK", "NEXT", "LAST", "AGE", "JOB"]
    assert shown.lines[1].split() == ["a", "30", "2", "*", "*", "*", "UTC", "add", "paused"]
    assert shown.lines[2].split()[:9] == ["b", "30", "2", "*", "*", "*", "UTC", "add", "in"]
    assert shown.lines[2].split()[-3:] == ["missed", "2", "h"]
    assert shown.err.strip() == NO_WORKER
    assert [one["name"] for one in pfd.json("schedules")] == ["a", "b"]
    assert pfd.json("schedules")[1]["last"]["reason"] == "why"


def test_what_is_due_says_for_how_long(pfd: Commands, dispatcher: Dispatcher) -> None:
    add(pfd)
    with dispatcher.store.write() as connection:
        connection.execute(schedules.update().values(next_at=int(time.time()) - 3 * 3600))
    assert "due for 3 h" in pfd("schedules").out
    shown = pfd("schedules", "show", "nightly")
    assert "due for 3 h" in shown.out
    assert len([line for line in shown.lines if " 02:30 UTC  in " in line]) == 5  # and none that is past


def test_one_is_shown_with_its_next_slots_and_what_became_of_the_last(
    pfd: Commands, dispatcher: Dispatcher, served: Settings, registry: Registry
) -> None:
    add(pfd, "nightly", "--zone", "Asia/Tokyo", "--time-limit", "4")
    made = dispatcher.find_schedule("nightly")
    with dispatcher.store.write() as connection:
        since = int(time.time()) - 3 * 86400
        values = {"settled_until": since, "next_at": Cron(made.cron, made.zone).next(since)}
        connection.execute(schedules.update().values(values))
    with Worker(served, registry=registry):
        until(lambda: [slot.job_state for slot in dispatcher.schedule_slots("nightly")] == ["SUCCESS"])
        assert pfd("schedules", "show", "nightly").err == ""  # there is a worker
    [slot] = dispatcher.schedule_slots("nightly")
    assert slot.job_id is not None
    shown = pfd("schedules", "show", "nightly")
    assert shown.code == 0
    said = " ".join(shown.out.split())
    assert "meaning At 02:30 every day, Asia/Tokyo" in said
    assert "limits ended after 4.0 s" in said
    assert "tags schedule:nightly" in said
    assert "Parameters a 1" in said
    [line] = [line for line in shown.lines if " fired " in line]
    assert f"{slot.job_id} SUCCESS" in line
    assert "2 before it missed" in line
    found = pfd.json("schedules", "show", "nightly")
    assert found["upcoming"] == dispatcher.find_schedule("nightly").upcoming(5)
    assert [one["job_id"] for one in found["slots"]] == [slot.job_id]


def test_pause_resume_and_remove(pfd: Commands, dispatcher: Dispatcher) -> None:
    add(pfd)
    paused = pfd("schedules", "pause", "nightly")
    assert (paused.lines, paused.err) == (["nightly  paused"], "")
    assert not dispatcher.find_schedule("nightly").enabled
    assert "paused" in pfd("schedules", "show", "nightly").out
    add(pfd)
    assert not dispatcher.find_schedule("nightly").enabled
    assert pfd("schedules", "resume", "nightly").lines[0].startswith("nightly  next ")
    assert dispatcher.find_schedule("nightly").enabled
    add(pfd, "other")
    assert pfd("schedules", "remove", "nightly", "nightli").code == 2
    assert len(dispatcher.schedules()) == 2
    assert pfd("schedules", "remove", "nightly", "other", "other").lines == ["nightly  removed", "other  removed"]
    assert dispatcher.schedules() == []


@pytest.mark.parametrize("command", ["show", "pause", "resume", "remove"])
def test_a_name_that_there_is_not_is_told_with_the_nearest(pfd: Commands, command: str) -> None:
    add(pfd)
    ran = pfd("schedules", command, "nightli")
    assert ran.code == 2
    assert "no schedule 'nightli'" in ran.err
    assert "did you mean nightly?" in ran.err


def test_options_of_the_list_do_not_stand_before_another_command(pfd: Commands) -> None:
    ran = pfd("schedules", "--json", "show", "nightly")
    assert ran.code == 2
    assert "stand behind it" in ran.err


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("pfd schedules show ni", "nightly"),
        ("pfd schedules remove nightly ", "nightly"),
        ("pfd schedules add x y ad", "add"),
        ("pfd schedules add x y add ", "a="),
        ("pfd schedules add --zone europe/berl", "Europe/Berlin"),
        ("pfd sched", "schedules"),
    ],
)
def test_the_shell_completes_names_tasks_parameters_and_zones(
    pfd: Commands, served: Settings, words: str, offered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(pfd)
    parts = words.split(" ")
    monkeypatch.setenv("_PFD_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(parts) - 1))
    done = subprocess.run([PFD], capture_output=True, text=True, check=False, timeout=60)
    assert offered in [line.partition(",")[2] for line in done.stdout.splitlines()], done


def test_on_a_terminal_a_job_is_named_as_one_would_type_it(pfd: Commands, dispatcher: Dispatcher) -> None:
    add(pfd)
    job = dispatcher.submit("add", {"a": 1})
    with dispatcher.store.write() as connection:
        values = {"slot": int(time.time()) - 60, "settled_at": time.time(), "passed_over": 0, "reason": ""}
        connection.execute(schedule_slots.insert().values(schedule_seq=1, outcome="fired", job_id=job.id, **values))
    terminal = pexpect.spawn(PFD, ["schedules", "show", "nightly"], encoding="utf-8", timeout=60, dimensions=(40, 100))
    terminal.expect(pexpect.EOF)
    assert f"{job.id[:8]} PENDING" in terminal.before
    assert job.id not in terminal.before


def test_where_the_clock_was_set_back_it_says_so_and_goes_on_from_now(pfd: Commands, dispatcher: Dispatcher) -> None:
    add(pfd)
    with dispatcher.store.write() as connection:
        ahead = int(time.time()) + 1000 * 86400
        connection.execute(schedules.update().values(settled_until=ahead, next_at=ahead + 3600))
    for words in ((), ("show", "nightly"), ("pause", "nightly"), ("resume", "nightly")):
        shown = pfd("schedules", *words)
        assert shown.code == 0
        assert "the clock was set back, and nightly has settled all slots of the next 1000 d" in shown.err
        assert "'pfd schedules resume nightly --from-now'" in shown.err
    # The next slot is that of a time of day, which may be nearly a day later.
    assert re.search("in 100[01] d, the clock was set back", pfd("schedules").out)
    resumed = pfd("schedules", "resume", "nightly", "--from-now")
    assert (resumed.code, "the clock" in resumed.err) == (0, False)
    assert dispatcher.find_schedule("nightly").ahead == 0
    assert (dispatcher.find_schedule("nightly").next_at or 0) < time.time() + 86400
