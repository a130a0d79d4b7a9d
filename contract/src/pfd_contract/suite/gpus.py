"""Line 7, for jobs that need a device: which they see, that none is on it beside them, and where they are forked from.

There need be no device: a job is told which one is its own, and none of these touches it.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil

from pfd import State
from pfd_contract.processes import frozen
from pfd_contract.site import Site
from pfd_contract.waiting import PATIENCE, until

_FAKE_TORCH = """
_initialized = False

def is_initialized():
    return _initialized
"""

_TOUCHES = """
import torch.cuda
torch.cuda._initialized = True
"""


class TestGpus:
    def test_a_job_sees_the_device_of_its_slot_and_one_without_a_gpu_slot_sees_none(self, site: Site) -> None:
        with site.worker(PFD_GPUS="3", CUDA_VISIBLE_DEVICES="2,3"):
            assert site.run("on_device").result == {"value": "3"}
            found = (site.run("surroundings").result or {})["value"]
        assert found["devices"] == ""

    def test_of_three_jobs_on_two_devices_two_run_at_once_and_hold_no_other_slot(self, site: Site) -> None:
        with site.worker(slots=1, PFD_GPUS="0,1"):
            handles = [site.submit("on_device", {"gate": "devices"}) for _ in range(3)]
            until(lambda: sum(len(site.sights(handle, "on device")) for handle in handles) == 2, "two run")
            assert site.run("nap").state is State.SUCCESS
            time.sleep(5 * site.settings.sweep)
            running = [handle for handle in handles if site.sights(handle)]
            assert sorted(site.sights(handle, "on device")[0].detail for handle in running) == ["0", "1"]
            site.open_gate("devices")
            for handle in handles:
                assert handle.get(PATIENCE)["value"] in ("0", "1")
        assert [site.sights(handle, "clash") for handle in handles] == [[], [], []]

    def test_a_device_takes_several_jobs_at_once_where_that_is_asked_for(self, site: Site) -> None:
        with site.worker(PFD_GPUS="0*2"):
            handles = [site.submit("on_device", {"gate": "shared"}) for _ in range(2)]
            for handle in handles:
                site.await_sight(handle, "on device")
            site.open_gate("shared")
            assert [handle.get(PATIENCE) for handle in handles] == [{"value": "0"}] * 2

    def test_a_worker_without_devices_leaves_jobs_that_need_one_alone(self, site: Site) -> None:
        handle = site.submit("on_device", priority=100)
        with site.worker(PFD_GPUS="none"):
            assert site.run("nap").state is State.SUCCESS  # it claims on, past the one that it cannot
            time.sleep(5 * site.settings.sweep)
            assert (handle.state, site.sights(handle)) == (State.PENDING, [])
            with site.worker(PFD_GPUS="0"):
                assert handle.get(PATIENCE) == {"value": "0"}

    def test_workers_with_the_same_devices_never_have_two_jobs_on_one(self, site: Site) -> None:
        handles = [site.submit("on_device", {"seconds": 0.2}) for _ in range(8)]
        with site.workers(2, PFD_GPUS="0,1"):
            for handle in handles:
                assert handle.wait(PATIENCE).state is State.SUCCESS
        assert [site.sights(handle, "clash") for handle in handles] == [[]] * 8

    def test_the_device_of_a_killed_worker_is_free_once_nothing_is_left_of_its_job(self, site: Site) -> None:
        first = site.submit("on_device", {"gate": "first"})
        with site.worker(PFD_GPUS="0") as doomed:
            supervisor = psutil.Process(site.await_sight(first, "on device").pid).ppid()
            second = site.submit("on_device")
            with site.worker(PFD_GPUS="0"):
                with frozen(supervisor):  # so that the job outlives its worker for a while
                    doomed.kill()
                    time.sleep(2.0)
                    assert site.sights(second) == []
                assert second.get(PATIENCE) == {"value": "0"}
                site.open_gate("first")
                assert first.wait(PATIENCE).state is State.SUCCESS
        assert [site.sights(job, "clash") for job in (first, second)] == [[], []]

    def test_nothing_is_forked_from_a_server_that_has_initialised_cuda(self, site: Site, tmp_path: Path) -> None:
        modules = tmp_path / "modules"
        (modules / "torch").mkdir(parents=True)
        (modules / "torch" / "__init__.py").touch()
        (modules / "torch" / "cuda.py").write_text(_FAKE_TORCH, encoding="utf-8")
        (modules / "contract_touches_cuda.py").write_text(_TOUCHES, encoding="utf-8")
        with site.worker(PYTHONPATH=os.pathsep.join([str(modules), os.environ["PYTHONPATH"]])) as worker:
            found = (site.run("far_from_cuda").result or {})["value"]
            assert found["main"] == "pfd.runner.child"  # an interpreter of its own
            assert not found["touched"]
            until(lambda: "contract_touches_cuda" in worker.printed, "the worker has said which import it was")
