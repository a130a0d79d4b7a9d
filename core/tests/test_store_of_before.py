"""A store that the version before has written, with jobs in every state: all is read, and goes on."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from core.tests.support.stores import make_settings
from pfd import Dispatcher, JobCancelled, JobFailed, Settings, State, Worker
from pfd.plugins import Registry

DUMP = Path(__file__).parent / "data" / "store_pfd_0008.sql"
"""Written by the version before, which may go on to serve it beside this one."""

SUCCEEDED, FAILED, REVOKED, PENDING, WAITING, LATE, STARTED, PROGRESSED, RETRIED = range(1, 10)
"""Its jobs, by their numbers."""


@pytest.fixture
def old(tmp_path: Path) -> Settings:
    settings = make_settings(tmp_path / "home")
    settings.home.mkdir(mode=0o700)
    with contextlib.closing(sqlite3.connect(settings.home / "pfd.sqlite3")) as connection:
        connection.executescript(DUMP.read_text(encoding="utf-8"))
    return settings


def test_what_is_stored_reads_as_before(old: Settings, registry: Registry) -> None:
    with Dispatcher(old, registry=registry) as dispatcher:
        found = {job.seq: dispatcher.job(job.id) for job in dispatcher.jobs()}
        [schedule] = dispatcher.schedules()
        assert {number: job.state for number, job in found.items()} == {
            SUCCEEDED: State.SUCCESS,
            FAILED: State.FAILURE,
            REVOKED: State.REVOKED,
            PENDING: State.PENDING,
            WAITING: State.PENDING,
            LATE: State.PENDING,
            STARTED: State.STARTED,
            PROGRESSED: State.PROGRESS,
            RETRIED: State.RETRY,
        }
        assert not any(job.damage for job in found.values())
        assert {job.client_id for job in found.values()} == {"6622-94dee4eddc794f66", "mine"}
        assert dispatcher.handle(found[SUCCEEDED].id).get(1) == {"value": 3}
        with pytest.raises(JobFailed, match="this value is wrong: 7"):
            dispatcher.handle(found[FAILED].id).get(1)
        with pytest.raises(JobCancelled):
            dispatcher.handle(found[REVOKED].id).get(1)
        assert found[SUCCEEDED].tags == ("kept",)
        assert found[PENDING].key == "one"
        assert [claim.outcome for claim in dispatcher.claims(found[SUCCEEDED].id)] == [None]
        assert (schedule.name, schedule.cron) == ("nightly", "0 3 * * *")
        assert dispatcher.store.versions()["pfd"][0] == "pfd_0012"


def test_what_had_not_ended_ends(old: Settings, registry: Registry) -> None:
    """What waits is run, and what workers had that are no more is reclaimed; each once."""
    with Dispatcher(old, registry=registry) as dispatcher:
        ids = {job.seq: job.id for job in dispatcher.jobs()}
        with Worker(old, slots=2, registry=registry):
            for number in (PENDING, WAITING, STARTED, PROGRESSED, RETRIED):
                assert dispatcher.handle(ids[number]).wait(60).state is State.SUCCESS
        assert dispatcher.job(ids[LATE]).state is State.PENDING
        assert [dispatcher.job(ids[number]).lost for number in (STARTED, PROGRESSED, RETRIED)] == [1, 1, 0]
        assert [len(dispatcher.claims(ids[number])) for number in (PENDING, WAITING, RETRIED)] == [1, 1, 1]
