"""The feed of changes while eight workers write, and workers, submitters and readers are killed without a word.

A reader is a program that keeps what it has seen, and behind what, in one write to a file, and goes on from there when
it is started again.  At the end each has exactly what the table says, and has seen every end once.
"""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.tests.support.killed import Programs
from core.tests.support.waiting import until
from pfd import Dispatcher, Job, Settings
from pfd.job import ENDED
from pfd.plugins import Registry

PATIENCE = 90.0

WORKERS, SUBMITTERS, READERS = 8, 4, (1000, 3)


@pytest.fixture
def dispatcher(settings: Settings, registry: Registry) -> Iterator[Dispatcher]:
    with Dispatcher(settings, registry=registry) as found:
        yield found


@pytest.fixture
def programs(settings: Settings, tmp_path: Path) -> Iterator[Programs]:
    made = Programs(settings, tmp_path)
    yield made
    made.kill_all()


def of_table(dispatcher: Dispatcher) -> dict[str, dict[str, Any]]:
    return {job.id: as_kept(job) for job in dispatcher.jobs(limit=None)}


def as_kept(job: Job) -> dict[str, Any]:
    """As it is after a way through JSON."""
    kept: dict[str, Any] = json.loads(json.dumps(job.to_dict()))
    return kept


def check(journal: Path, table: dict[str, dict[str, Any]]) -> None:
    """That a reader has what the table says, and has seen every end once."""
    now: dict[str, dict[str, Any]] = {}
    ends: Counter[str] = Counter()
    for line in journal.read_bytes().splitlines():
        for job in json.loads(line)["jobs"]:
            now[job["id"]] = job
            ends[job["id"]] += job["state"] in ENDED
    assert now.keys() == table.keys()
    assert [job_id for job_id in table if now[job_id] != table[job_id]] == []
    assert {job_id: number for job_id, number in ends.items() if number != 1} == {}


def has_come_to_the_end(dispatcher: Dispatcher, journal: Path) -> bool:
    lines = journal.read_bytes().splitlines()
    return bool(lines) and dispatcher.changes(json.loads(lines[-1])["cursor"]).jobs == ()


def stress(dispatcher: Dispatcher, programs: Programs, seconds: float) -> None:
    for limit in READERS:
        programs.start("reader", limit)
    for number in range(WORKERS):
        programs.start("worker", number)
    for number in range(SUBMITTERS):
        programs.start("submitter", number)
    until(lambda: any(job.state in ENDED for job in dispatcher.jobs()), "a first end", PATIENCE)
    programs.kill_for(seconds, every=0.25)
    programs.kill_all("submitter")
    until(lambda: all(job["state"] in ENDED for job in of_table(dispatcher).values()), "all ends", PATIENCE)
    for limit in READERS:
        until(functools.partial(has_come_to_the_end, dispatcher, programs.journal(limit)), "a reader", PATIENCE)
    table = of_table(dispatcher)
    lost = sum(job["lost"] > 0 for job in table.values())
    print(f"{len(table)} jobs, {lost} of them lost by a worker; killed: {dict(programs.kills)}")
    assert len(table) > 50
    assert lost > 0
    assert min(programs.kills[kind] for kind in ("worker", "reader", "submitter")) >= 2
    for limit in READERS:
        check(programs.journal(limit), table)


@pytest.mark.slow("fourteen programs, killed again and again", first=True)
def test_a_reader_has_what_the_table_says_whatever_is_killed(dispatcher: Dispatcher, programs: Programs) -> None:
    stress(dispatcher, programs, 8.0)


@pytest.mark.slow("the same for a minute")
@pytest.mark.elsewhere("the same as above, for longer")
def test_a_reader_has_what_the_table_says_after_a_minute_of_kills(dispatcher: Dispatcher, programs: Programs) -> None:
    stress(dispatcher, programs, 60.0)


def test_what_is_missed_seen_twice_or_seen_otherwise_is_found(tmp_path: Path, dispatcher: Dispatcher) -> None:
    """That `check` can fail."""
    ids = [dispatcher.submit("add", {"a": number}).id for number in range(3)]
    for job_id in ids:
        dispatcher.cancel(job_id)
    table = of_table(dispatcher)
    jobs = list(table.values())
    seen = {
        "all": [jobs],
        "missed": [jobs[:2]],
        "twice": [jobs, jobs[:1]],
        "otherwise": [[*jobs[:2], {**jobs[2], "progress": 0.5}]],
    }
    for name, pages in seen.items():
        path = tmp_path / name
        path.write_text("".join(json.dumps({"cursor": "", "jobs": page}) + "\n" for page in pages), encoding="utf-8")
        if name == "all":
            check(path, table)
        else:
            with pytest.raises(AssertionError):
                check(path, table)
