"""Who submits where no worker serves the queue is told, once."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from sqlalchemy import event

from core.tests.support.commands import PFD
from core.tests.support.stores import as_environment
from pfd import Dispatcher, Settings, State, StoreUnavailable, Worker
from pfd.pipeline import Pipeline, Step
from pfd.plugins import Registry
from pfd.store import workers


@pytest.fixture
def dispatcher(sqlite_settings: Settings, registry: Registry, caplog: pytest.LogCaptureFixture) -> Iterator[Dispatcher]:
    caplog.set_level(logging.WARNING, "pfd.client")
    with Dispatcher(sqlite_settings, registry=registry) as found:
        yield found


def test_where_no_worker_serves_a_queue_the_log_says_so_once(
    dispatcher: Dispatcher, sqlite_settings: Settings, registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        dispatcher.submit("add", {"a": 1})
    with Dispatcher(sqlite_settings, registry=registry) as another:
        another.submit("add", {"a": 1})
        Pipeline("line", {"one": Step("one", "add", {"a": 1})}).submit(another)
    (said,) = caplog.messages
    assert said.startswith("no live worker serves the queue default: ")
    assert "pfd worker --queues default" in said
    dispatcher.submit("add", {"a": 1}, queue="rare")
    Pipeline("line", {"one": Step("one", "add", {"a": 1}, options={"queue": "rarer"})}).submit(dispatcher)
    assert ["queue rare:" in caplog.messages[1], "queue rarer:" in caplog.messages[2]] == [True, True]
    assert len(caplog.messages) == 3


def test_where_a_worker_serves_the_queue_nothing_is_said_and_hardly_looked(
    dispatcher: Dispatcher, sqlite_settings: Settings, registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[str] = []
    with Worker(sqlite_settings, queues=("default",), registry=registry):
        event.listen(dispatcher.store.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
        for _ in range(20):
            dispatcher.submit("add", {"a": 1})
    assert caplog.messages == []
    assert len([query for query in asked if "FROM pfd_worker" in query]) == 1


def test_a_worker_of_another_program_alone_does_not_count(
    dispatcher: Dispatcher, sqlite_settings: Settings, registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    with Worker(sqlite_settings, client_id="another", registry=registry):
        dispatcher.submit("add", {"a": 1})
    assert len(caplog.messages) == 1


def test_a_store_that_goes_away_in_between_is_no_error(
    dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(_: object) -> None:
        raise StoreUnavailable("gone")

    monkeypatch.setattr(workers, "live", away)
    assert dispatcher.submit("add", {"a": 1}).state is State.PENDING
    assert caplog.messages == []


def test_a_program_without_logging_of_its_own_sees_it_and_a_command_says_it_once(sqlite_settings: Settings) -> None:
    def printed(*words: str) -> str:
        variables = {**os.environ, **as_environment(sqlite_settings)}
        return subprocess.run(words, env=variables, capture_output=True, text=True, check=True).stderr

    code = "import pfd; [pfd.Dispatcher().submit('add', {'a': 1}) for _ in range(3)]"
    assert printed(sys.executable, "-c", code).count("no live worker") == 1
    assert printed(PFD, "submit", "add", "a=1").count("no live worker") == 1
    eager = code.replace("import pfd;", "import os; os.environ['PFD_RUNTIME'] = 'eager'; import pfd;")
    assert printed(sys.executable, "-c", eager).count("no live worker") == 0
