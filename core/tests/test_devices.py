"""Which devices a worker has: as it is told, as its environment says, as the machine shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.tests.support.stores import make_settings
from pfd.runner import cuda
from pfd.worker.gpu import devices
from pfd.worker.gpu.devices import Device, machine_devices, places

FIRST = "GPU-8f8d51ba-6b1d-8d6d-3d1c-5a2f5a3a9a11"
SECOND = "GPU-8c6ba2c1-44c4-fe0b-e05e-7b0a1d2a7f22"
PART = "MIG-6c5e2f84-9a60-5a0c-8f3a-1f0b4e2d9c33"

TWO = f"GPU 0: NVIDIA H100 80GB HBM3 (UUID: {FIRST})\nGPU 1: NVIDIA H100 80GB HBM3 (UUID: {SECOND})\n"
CUT = f"GPU 0: NVIDIA H100 80GB HBM3 (UUID: {FIRST})\n  MIG 3g.40gb     Device  0: (UUID: {PART})\n"


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing in it, whatever this one has: no driver, and no nvidia-smi on the path."""
    for name in ("driver", "files", "bin"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(devices, "DRIVER", tmp_path / "driver")
    monkeypatch.setattr(devices, "FILES", tmp_path / "files")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def put_device(machine: Path, address: str, minor: int, uuid: str, *, file: bool = True) -> None:
    """A device as the driver shows it."""
    folder = machine / "driver" / "gpus" / address
    folder.mkdir(parents=True)
    text = f"Model: \t\t NVIDIA H100\nIRQ:   \t\t 154\nGPU UUID: \t {uuid}\nDevice Minor: \t {minor}\n"
    (folder / "information").write_text(text, encoding="utf-8")
    if file:
        (machine / "files" / f"nvidia{minor}").touch()


def put_smi(machine: Path, text: str, code: int = 0) -> None:
    """A program in place of nvidia-smi."""
    path = machine / "bin" / "nvidia-smi"
    path.write_text(f"#!/bin/sh\n[ \"$1\" = -L ] && printf '%s' '{text}'\nexit {code}\n", encoding="utf-8")
    path.chmod(0o755)


def named(machine: Path, gpus: str, **environ: str) -> list[str]:
    return [place.device.name for place in places(make_settings(machine, gpus=gpus), environ)]


def test_a_machine_without_a_driver_has_none(machine: Path) -> None:
    assert named(machine, "auto") == []


def test_the_driver_shows_devices_in_the_order_of_their_places_on_the_bus(machine: Path) -> None:
    put_device(machine, "0000:c1:00.0", 0, SECOND)
    put_device(machine, "0000:41:00.0", 1, FIRST)
    assert machine_devices() == [Device("0", FIRST), Device("1", SECOND)]
    assert named(machine, "auto") == ["0", "1"]
    assert named(machine, "none") == []


def test_a_device_that_a_container_has_no_file_for_is_not_there(machine: Path) -> None:
    put_device(machine, "0000:41:00.0", 0, FIRST, file=False)
    put_device(machine, "0000:c1:00.0", 1, SECOND)
    assert machine_devices() == [Device("0", SECOND)]


def test_a_device_that_was_never_used_goes_by_its_number(machine: Path) -> None:
    put_device(machine, "0000:41:00.0", 0, "GPU-????????-????-????-????-????????????")
    assert machine_devices() == [Device("0", "0")]


def test_where_the_driver_shows_none_nvidia_smi_is_asked(machine: Path) -> None:
    put_smi(machine, TWO)
    assert machine_devices() == [Device("0", FIRST), Device("1", SECOND)]


def test_of_a_device_that_is_cut_into_parts_the_parts_are_taken(machine: Path) -> None:
    put_device(machine, "0000:41:00.0", 0, FIRST)
    (machine / "driver" / "capabilities" / "gpu0" / "mig" / "gi1").mkdir(parents=True)
    put_smi(machine, CUT)
    assert machine_devices() == [Device(PART, PART)]


def test_a_broken_nvidia_smi_shows_none(machine: Path) -> None:
    put_smi(machine, "NVIDIA-SMI has failed because it could not communicate with the NVIDIA driver.", code=9)
    assert machine_devices() == []


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        ("1", ["1"]),
        ("1, 0", ["1", "0"]),
        (f"{SECOND},0", [SECOND, "0"]),
        ("", []),
        ("-1", []),
        ("0,-1,1", ["0"]),  # CUDA takes none after one that is none
        ("NoDevFiles", []),
        ("0,0", ["0"]),
    ],
)
def test_what_the_workers_own_environment_lists_comes_before_what_the_machine_has(
    machine: Path, listed: str, found: list[str]
) -> None:
    put_smi(machine, TWO)
    assert named(machine, "auto", CUDA_VISIBLE_DEVICES=listed) == found


def test_what_is_set_comes_before_the_environment(machine: Path) -> None:
    assert named(machine, "1,0*2", CUDA_VISIBLE_DEVICES="7") == ["1", "0", "0"]
    assert named(machine, "none", CUDA_VISIBLE_DEVICES="7") == []


def test_all_names_of_a_device_stand_for_one(machine: Path) -> None:
    put_smi(machine, TWO)
    for name in ("1", SECOND, SECOND[:12]):
        assert {place.device.identity for place in places(make_settings(machine, gpus=name), {})} == {SECOND}
    assert places(make_settings(machine, gpus="GPU-8"), {})[0].device.identity == "GPU-8"  # it could be either


def test_a_list_from_a_file_is_understood(machine: Path) -> None:
    for given in ([0, 1], "0,1", " 0, 1 "):
        assert named(machine, make_settings(machine, gpus=given).gpus) == ["0", "1"]
    assert named(machine, make_settings(machine, gpus=0).gpus) == ["0"]


# -- traces of having touched one ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "touched"),
    [
        ("/dev/nvidiactl", True),
        ("/dev/nvidia0", True),
        ("/dev/nvidia-uvm", True),
        ("/dev/kfd", True),
        ("/dev/null", False),
        ("pipe:[4711]", False),
    ],
)
def test_a_process_that_has_a_device_open_has_touched_it(tmp_path: Path, path: str, touched: bool) -> None:
    descriptors = tmp_path / "fd"
    descriptors.mkdir()
    for number, target in enumerate(["/dev/null", "socket:[1]", path]):
        (descriptors / str(number)).symlink_to(target)
    found = cuda.traces(descriptors)
    assert (found is not None) == touched
    assert not touched or path in str(found)


def test_this_process_has_touched_none() -> None:
    assert cuda.traces() is None
