"""A program that has Python in it, and is none by itself, runs jobs all the same, or says why it cannot."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pfd import Dispatcher, QueueError, Settings, State, Worker
from pfd.plugins import Registry
from pfd.runner.interpreter import interpreter


@pytest.fixture(autouse=True)
def _asked_anew() -> Iterator[None]:
    interpreter.cache_clear()
    yield
    interpreter.cache_clear()


@pytest.mark.parametrize("name", ["/bin/true", "", None])
def test_a_job_runs_in_a_program_that_is_no_python(
    sqlite_settings: Settings, registry: Registry, monkeypatch: pytest.MonkeyPatch, name: str | None
) -> None:
    monkeypatch.setattr(sys, "executable", name)
    with Dispatcher(sqlite_settings, registry=registry) as dispatcher, Worker(sqlite_settings, registry=registry):
        done = dispatcher.submit("add_apart", {"a": 1}).wait(60)
    assert (done.state, done.failure) == (State.SUCCESS, None)


def test_where_there_is_no_python_it_is_said_and_what_else_can_be_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "bin" / "python3"
    other.parent.mkdir()
    other.write_text("#!/bin/sh\necho cpython-27\n", encoding="utf-8")
    other.chmod(0o700)
    monkeypatch.setattr(sys, "executable", "/usr/bin/uwsgi")
    monkeypatch.setattr(sys, "_base_executable", None)
    for prefix in ("exec_prefix", "base_exec_prefix"):
        monkeypatch.setattr(sys, prefix, str(tmp_path))
    with pytest.raises(QueueError) as caught:
        interpreter()
    assert "this program (/usr/bin/uwsgi) is not a Python" in str(caught.value)
    assert str(other) in str(caught.value)
    assert "'pfd worker'" in (caught.value.hint or "")
