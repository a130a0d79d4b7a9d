"""Names of the version before: each still leads to what it was the name of, and says what that is called now."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path
from typing import Any

import pytest

import pfd
from core.tests.support.stores import make_settings
from pfd import Dispatcher, JobSubmission, Settings, State, Tables, Worker
from pfd.notify import Wakeup, as_notifier
from pfd.plugins import Registry


def test_records_with_a_floor_are_tables_with_an_order_of_upgrades() -> None:
    with pytest.warns(DeprecationWarning, match=r"Records\(floor=\) is called Tables\(upgrade_order=\) now") as told:
        found = pfd.Records("rig", "rig.records", "rig.migrations", head="rig_0001", floor=3)
    assert told[0].filename == __file__
    assert isinstance(found, Tables)
    assert (found.name, found.head, found.upgrade_order) == ("rig", "rig_0001", 3)


@pytest.mark.parametrize(("earlier", "present"), [("Ring", "Wakeup"), ("Bell", "WakeupListener")])
def test_classes_of_a_runtime_are_the_same_under_both_names(earlier: str, present: str) -> None:
    from pfd import runtimes

    with pytest.warns(DeprecationWarning, match=rf"pfd\.runtimes\.{earlier} is called {present} now"):
        assert getattr(runtimes, earlier) is getattr(runtimes, present)


class Ringing:
    """A runtime as it was written for the version before."""

    name = "ringing"

    def __init__(self) -> None:
        self.heard: list[Wakeup] = []

    def ring(self, ring: Wakeup) -> None:
        self.heard.append(ring)

    def probe(self) -> str:
        return "it answers"


def test_a_runtime_that_rings_notifies() -> None:
    runtime = Ringing()
    with pytest.warns(DeprecationWarning, match=r"Ringing\.ring is called notify now"):
        notifier: Any = as_notifier(runtime)
    notifier.notify(Wakeup("a", "add", "default"))
    assert runtime.heard == [Wakeup("a", "add", "default")]
    assert (notifier.name, notifier.probe()) == ("ringing", "it answers")


def test_a_service_is_a_worker_that_rings(sqlite_settings: Settings, registry: Registry) -> None:
    from pfd.runtimes import Service

    runtime = Ringing()
    with (
        pytest.warns(DeprecationWarning, match=r"pfd\.runtimes\.Service is called WorkerHost now"),
        pytest.warns(DeprecationWarning, match=r"Ringing\.ring is called notify now"),
    ):
        service = Service(sqlite_settings, registry, {"default": 1}, runtime)
    with Dispatcher(sqlite_settings, registry=registry) as dispatcher:
        service.start()
        try:
            assert dispatcher.submit("add", {"a": 1, "b": 2}).wait(60).state is State.SUCCESS
            with pytest.warns(DeprecationWarning, match=r"Service\.owner is called worker now"):
                assert service.owner is service.worker
        finally:
            service.stop()


def test_a_worker_is_confined_to_a_client_under_both_names(tmp_path: Path) -> None:
    settings = make_settings(tmp_path / "home")
    with pytest.warns(DeprecationWarning, match="session is called client_id now"):
        worker = Worker(settings, session="mine")
    with worker, contextlib.closing(Dispatcher(settings)) as dispatcher:
        [info] = dispatcher.workers()
        assert info.client_id == "mine"
        with pytest.warns(DeprecationWarning, match=r"Worker\.owner is called engine now"):
            assert worker.owner is worker.engine
    with pytest.raises(TypeError, match="unexpected keyword argument 'sessions'"):
        Worker(settings, sessions="mine")


def test_attributes_lead_to_the_present_ones(sqlite_settings: Settings, registry: Registry) -> None:
    with Dispatcher(sqlite_settings, registry=registry) as dispatcher:
        job = dispatcher.submit("add", {"a": 1, "b": 2}).job
        with pytest.warns(DeprecationWarning, match=r"Job\.session is called client_id now"):
            assert job.session == job.client_id is not None
        with pytest.warns(DeprecationWarning, match=r"Dispatcher\.take_back is called reclaim now"):
            assert dispatcher.take_back() == ()
    submission = JobSubmission("a", "add", "default", None)
    with pytest.warns(DeprecationWarning, match=r"JobSubmission\.carried is called headers now"):
        submission.carried["trace"] = "1"
    assert submission.headers == {"trace": "1"}


def test_a_runtime_that_inherits_from_the_protocol_rings_as_well() -> None:
    from pfd.runtimes import Runtime

    class Inherits(Runtime):
        name = "inherits"

        def __init__(self, settings: Settings) -> None:
            self.heard: list[Wakeup] = []

        def ring(self, ring: Wakeup) -> None:
            self.heard.append(ring)

    runtime = Inherits(Settings())  # type: ignore[abstract]
    with pytest.warns(DeprecationWarning, match=r"Inherits\.ring is called notify now"):
        as_notifier(runtime).notify(Wakeup("a", "add", "default"))
    assert runtime.heard == [Wakeup("a", "add", "default")]


def test_records_are_read_and_copied_by_their_earlier_names() -> None:
    with pytest.warns(DeprecationWarning, match=r"Records\(floor=\)"):
        found = pfd.Records("rig", "rig.records", "rig.migrations", "rig_0001", 3)
    with pytest.warns(DeprecationWarning, match=r"Tables\.floor is called upgrade_order now"):
        assert found.floor == 3
    with pytest.warns(DeprecationWarning, match=r"Records\(floor=\)"):
        assert dataclasses.replace(found, head="rig_0002").upgrade_order == 3


def test_who_stops_its_own_task_may_do_so_in_any_words() -> None:
    assert pfd.CancelRequested("a deadline of mine").reason == "a deadline of mine"
    assert pfd.CancelRequested().reason is pfd.StopReason.CANCEL
