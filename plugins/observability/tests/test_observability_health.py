"""A slot that died, and has not begun again yet, shows in the health of its worker."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import pytest

from core.tests.support.stores import make_settings
from core.tests.support.waiting import until
from pfd import Dispatcher, State, Worker
from pfd.worker import worker as engine
from pfd_plugin_observability.health import health


def test_a_slot_that_dies_takes_jobs_again_and_health_is_red_meanwhile(
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
        found = until(lambda: None if (one := health(vitals, settings.lease)).ok else one, "its health is red")
        assert "pfd-slot" in found.report["threads"]  # type: ignore[union-attr]
        assert pfd.submit("add", {"a": 1, "b": 2}).wait(30).state is State.SUCCESS
        assert health(vitals, settings.lease).ok
