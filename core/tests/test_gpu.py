"""Gpu slots under a worker and on the command line.  The devices are but names: a job is told which is its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.tests.support.commands import Commands
from core.tests.support.stores import make_settings
from pfd import Dispatcher, Settings, State, Worker
from pfd.hooks import JobStart, hookimpl
from pfd.plugins import Registry
from pfd.worker.gpu.device_lock import DeviceLock
from pfd.worker.gpu.devices import Device, Place

PATIENCE = 90.0
ON_DEVICE = {"device": "cuda"}


@pytest.fixture
def pfd(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Commands:
    """The command line, with the sample plugin alone, in an empty folder, on a machine without devices."""
    monkeypatch.setenv("PFD_PLUGINS", "sample")
    monkeypatch.setenv("PFD_GPUS", "none")
    monkeypatch.chdir(tmp_path)
    return Commands(capsys)


@pytest.fixture
def dispatcher(sqlite_settings: Settings, registry: Registry) -> Iterator[Dispatcher]:
    with Dispatcher(sqlite_settings, registry=registry) as found:
        yield found


def worker(dispatcher: Dispatcher, registry: Registry, **settings: Any) -> Worker:
    return Worker(dispatcher.settings.model_copy(update=settings), slots=1, registry=registry)


# -- what a job sees ----------------------------------------------------------------------------------------------


def test_parameters_decide_whether_a_job_is_bound_to_a_device(
    dispatcher: Dispatcher, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_DEVICE_ORDER", raising=False)
    with worker(dispatcher, registry, gpus="1"):
        bound = dispatcher.submit("see_devices", ON_DEVICE).get(PATIENCE)["value"]
        unbound = dispatcher.submit("see_devices").get(PATIENCE)["value"]
        above = dispatcher.submit("see_devices_above").get(PATIENCE)["value"]
    # Numbers are those of nvidia-smi.
    assert bound == {"CUDA_VISIBLE_DEVICES": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    assert unbound["CUDA_VISIBLE_DEVICES"] == above["CUDA_VISIBLE_DEVICES"] == ""


def test_devices_are_not_hidden_where_that_is_turned_off(
    dispatcher: Dispatcher, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    with worker(dispatcher, registry, gpus="3", hide_gpus=False):
        assert dispatcher.submit("see_devices", ON_DEVICE).get(PATIENCE)["value"]["CUDA_VISIBLE_DEVICES"] == "3"
        assert dispatcher.submit("see_devices").get(PATIENCE)["value"]["CUDA_VISIBLE_DEVICES"] == "2,3"


class Meddler:
    """Would have a job use a device that is not its own."""

    @hookimpl
    def pfd_before_job(self, start: JobStart) -> None:
        start.environment["CUDA_VISIBLE_DEVICES"] = "7"


def test_a_plugin_does_not_say_which_device_a_job_sees(dispatcher: Dispatcher, registry: Registry) -> None:
    meddler = Meddler()
    registry.listen("meddler", meddler)
    try:
        with worker(dispatcher, registry, gpus="1"):
            assert dispatcher.submit("see_devices", ON_DEVICE).get(PATIENCE)["value"]["CUDA_VISIBLE_DEVICES"] == "1"
            assert dispatcher.submit("see_devices").get(PATIENCE)["value"]["CUDA_VISIBLE_DEVICES"] == ""
    finally:
        registry.unlisten(meddler)


def test_a_worker_waits_for_a_device_without_claiming_and_stops_when_told_to(
    dispatcher: Dispatcher, registry: Registry
) -> None:
    with DeviceLock(Place(Device("0", "0"), 0), Path("/")) as turn:
        assert turn.try_acquire()
        waits = worker(dispatcher, registry, gpus="0").start()
        handle = dispatcher.submit("see_devices", ON_DEVICE)
        time.sleep(1.0)
        assert (handle.state, handle.job.attempt) == (State.PENDING, 0)
        began = time.monotonic()
        waits.stop()
        assert time.monotonic() - began < 10.0  # and not the half minute that a running job may take
    with worker(dispatcher, registry, gpus="0"):
        assert handle.get(PATIENCE)["value"]["CUDA_VISIBLE_DEVICES"] == "0"


def test_the_eager_runtime_runs_what_needs_a_device_as_well(registry: Registry, tmp_path: Path) -> None:
    with Dispatcher(make_settings(tmp_path / "home", runtime="eager"), registry=registry) as eager:
        assert eager.submit("see_devices", ON_DEVICE).state is State.SUCCESS


# -- what is said of it -------------------------------------------------------------------------------------------


def test_a_task_says_when_it_needs_a_gpu_slot(pfd: Commands) -> None:
    assert "needs a gpu slot where device=cuda" in pfd("tasks", "show", "see_devices").out
    assert pfd.json("tasks", "show", "see_devices")["gpu"] == {"device": "cuda"}
    assert pfd.json("tasks", "show", "add")["gpu"] is False


def test_a_job_without_a_gpu_slot_says_what_it_waits_for(pfd: Commands, registry: Registry) -> None:
    note = "no live worker has a gpu slot for the queue default; start one where there is a device"
    submitted = pfd("submit", "see_devices", "device=cuda")
    assert submitted.code == 0
    assert note in submitted.err
    assert "1 job waits for a gpu slot: no live worker has" in pfd("workers").err
    with Dispatcher() as dispatcher, worker(dispatcher, registry) as present:
        assert present.engine is not None
        listed = pfd("jobs")
        assert "queued, for a gpu slot" in listed.out
        assert note in listed.err
        assert pfd.json("jobs")[0]["gpu"] is True
        shown = pfd("job").lines
        assert ["slot", "gpu"] in [line.split() for line in shown]
        assert "1 job waits for a gpu slot: no live worker has" in pfd("workers").err
        checks = {check["name"]: check for check in pfd.json("doctor")}
        assert checks["gpu slots of default"]["status"] == "warn"
        assert checks["gpu slots of default"]["found"].startswith("1 job waits for a gpu slot, and no live worker has")
        assert "pfd worker --queues default" in checks["gpu slots of default"]["mend"]
        assert checks["gpus"]["found"] == "none (PFD_GPUS=none)"
        waited = pfd("submit", "see_devices", "device=cuda", "--wait", "--timeout", "1")
        assert waited.code == 124
        assert note in waited.err


def test_a_worker_shows_its_gpu_slots_and_is_no_reason_to_complain(pfd: Commands, registry: Registry) -> None:
    with Dispatcher() as dispatcher, worker(dispatcher, registry, gpus="0,1*2"):
        [info] = pfd.json("workers")
        assert info["gpus"] == {"0": 1, "1": 2}
        shown = pfd("workers")
        assert "gpu 0; gpu 1 (2 slots)" in shown.out
        submitted = pfd("submit", "see_devices", "device=cuda")
        assert "note" not in submitted.err + pfd("jobs").err + pfd("workers").err
        assert not [check for check in pfd.json("doctor") if check["name"].startswith("gpu slots")]
        assert dispatcher.handle("@last").get(PATIENCE)["value"]["CUDA_VISIBLE_DEVICES"] in ("0", "1")


def test_a_job_that_is_waited_for_gets_a_worker_with_a_device_in_the_command(
    pfd: Commands, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Dispatcher() as dispatcher, worker(dispatcher, registry):  # it serves the queue, and has no device
        monkeypatch.setenv("PFD_GPUS", "4")
        waited = pfd("submit", "see_devices", "device=cuda", "--wait", "--json")
    assert waited.code == 0
    assert waited.json["result"]["value"]["CUDA_VISIBLE_DEVICES"] == "4"
    assert "no live worker" not in waited.err


def test_the_doctor_shows_the_devices_of_this_machine(pfd: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PFD_GPUS", "0,1*2")
    checks = {check["name"]: check for check in pfd.json("doctor")}
    assert checks["gpus"]["found"] == "0, 1 (2 jobs at once) (PFD_GPUS=0,1*2)"
