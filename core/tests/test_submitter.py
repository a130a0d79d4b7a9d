"""Who has submitted a job: kept with it, inherited by what comes of it, and looked for."""

from __future__ import annotations

import getpass
import socket
import uuid
from collections.abc import Iterator

import pytest

from core.tests.support.commands import Commands
from core.tests.support.waiting import until
from pfd import Dispatcher, Settings, SettingsError, Worker, load_settings
from pfd.plugins import Registry
from pfd.schedules.define import job_of
from pfd.schedules.table import Definition
from pfd.submission.client_message import ClientMessage, import_messages


@pytest.fixture
def dispatcher(settings: Settings, registry: Registry) -> Iterator[Dispatcher]:
    with Dispatcher(settings, registry=registry) as found:
        yield found


def test_it_is_the_user_and_the_machine_or_what_the_setting_says(
    dispatcher: Dispatcher, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = f"{getpass.getuser()}@{socket.gethostname()}"
    assert dispatcher.submit("add", {"a": 1}).job.submitter == here
    named = dispatcher.settings.model_copy(update={"submitter": "the dashboard"})
    with Dispatcher(named, registry=registry) as other:
        handle = other.submit("add", {"a": 1})
        assert handle.job.to_dict()["submitter"] == "the dashboard"
    assert [job.id for job in dispatcher.jobs(submitter="the dashboard")] == [handle.id]
    assert len(dispatcher.jobs(submitter=here, task="add")) == 1
    assert len(dispatcher.jobs(submitter="nobody")) == 0
    monkeypatch.setenv("PFD_SUBMITTER", "me")
    assert load_settings().values.submitter == "me"
    monkeypatch.setenv("PFD_SUBMITTER", "me\u202e")
    with pytest.raises(SettingsError, match="not shown"):
        load_settings()


def test_a_user_without_a_name_submits_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr(getpass, "getuser", fail)
    assert Settings().submitter == f"someone@{socket.gethostname()}"[:200]


def test_children_are_of_who_has_submitted_their_parent(dispatcher: Dispatcher, registry: Registry) -> None:
    named = dispatcher.settings.model_copy(update={"submitter": "ada@rig"})
    with Dispatcher(named, registry=registry) as other:
        parent = other.submit("parent", {"children": 2}).id
    with Worker(dispatcher.settings, registry=registry):
        until(lambda: len(dispatcher.handle(parent).children) == 2)
        children = dispatcher.handle(parent).children
    assert {child.job.submitter for child in children} == {"ada@rig"}


@pytest.mark.parametrize(
    ("says", "kept"),
    [("gen7@host", "gen7@host"), ("", "a client of the broker"), ("a\x1b[31m", "a\\x1b[31m"), ("x" * 900, "x" * 200)],
)
def test_a_client_of_a_broker_says_who_it_is_and_is_shown_as_it_may_be(
    dispatcher: Dispatcher, says: str, kept: str
) -> None:
    identity = str(uuid.uuid4())
    import_messages(dispatcher._silent, [ClientMessage(identity, "add", (), {"a": 1}, submitter=says)])
    assert dispatcher.job(identity).submitter == kept


def test_the_command_line_shows_it_and_looks_for_it(pfd: Commands, served: Settings, registry: Registry) -> None:
    with Dispatcher(served.model_copy(update={"submitter": "ada@rig"}), registry=registry) as other:
        mine = other.submit("add", {"a": 1})
    with Dispatcher(served, registry=registry) as other:
        other.submit("add", {"a": 2})
    assert [job["id"] for job in pfd.json("jobs", "--submitter", "ada@rig")] == [mine.id]
    assert "by ada@rig" in pfd("job", mine.id).out
    assert "no such jobs" in pfd("jobs", "--submitter", "bob@rig").out


def test_a_job_of_a_schedule_says_so(sqlite_settings: Settings, registry: Registry) -> None:
    with Dispatcher(sqlite_settings, registry=registry) as dispatcher:
        dispatcher.schedule("nightly", "* * * * *", "add", {"a": 1})
        [stored] = dispatcher.schedules()
        definition = Definition(stored.name, stored.cron, stored.zone, stored.task, {"a": 1}, {}, stored.overlap, False)
        assert job_of(definition, registry, sqlite_settings).submitter == "schedule nightly"
