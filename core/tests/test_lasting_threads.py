"""A thread of a worker that dies begins again, and counts as down meanwhile."""

from __future__ import annotations

import contextlib
import sys
import threading
from pathlib import Path

import pytest

from core.tests.support.stores import make_settings
from pfd import Dispatcher, State, Worker, threads
from pfd.threads import LastingThread
from pfd.vitals import Alarm
from pfd.worker import worker as engine
from pfd_contract import until


@pytest.mark.parametrize("error", [ValueError("odd"), SystemExit(3), MemoryError()], ids=lambda one: type(one).__name__)
def test_it_is_down_for_a_moment_and_then_goes_on(
    error: BaseException, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(threads, "PAUSE", 0.2)
    alarm, done, turns = Alarm(), threading.Event(), iter([error, None])

    def work() -> None:
        if (raised := next(turns)) is not None:
            raise raised
        done.set()

    thread = LastingThread("pfd-some", work, alarm)
    thread.start()
    until(lambda: alarm.down, "it is down")
    assert list(alarm.down) == ["pfd-some"]
    assert type(error).__name__ in alarm.down["pfd-some"]
    assert done.wait(10)
    thread.join(10)
    assert not thread.is_alive()
    assert alarm.down == {}
    assert alarm.deaths == 1
    assert "pfd-some has died" in caplog.text


def test_a_slot_that_dies_takes_jobs_again_and_is_down_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings(tmp_path / "home")
    serve = engine.Worker._serve
    once = iter([True])

    def dying(self: engine.Worker, wanted: object) -> None:
        if next(once, False):
            sys.exit("a fault that nobody has thought of")
        serve(self, wanted)  # type: ignore[arg-type]

    monkeypatch.setattr(engine.Worker, "_serve", dying)
    with Worker(settings) as worker, contextlib.closing(Dispatcher(settings)) as pfd:
        assert worker.engine is not None
        vitals = worker.engine._heartbeat.vitals
        [down] = until(lambda: vitals.alarm.down, "it is down")
        assert down.startswith("pfd-slot")
        assert pfd.submit("add", {"a": 1, "b": 2}).wait(30).state is State.SUCCESS
        assert vitals.alarm.down == {}
