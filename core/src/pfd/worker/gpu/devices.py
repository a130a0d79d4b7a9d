"""The devices of a worker: which there are, found without a word to CUDA, and how each place on one is named."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pfd.settings import Settings, device_counts
from pfd.task import Task

VARIABLE = "CUDA_VISIBLE_DEVICES"
ORDER = "CUDA_DEVICE_ORDER"

DRIVER = Path("/proc/driver/nvidia")
FILES = Path("/dev")

SMI_PATIENCE = 20.0
"""Seconds that nvidia-smi may take: where no process keeps the driver loaded, it has to load it."""

_NAME = re.compile(r"(\d+|GPU-[\w-]+|MIG-[\w/-]+)\Z")
_SMI_GPU = re.compile(r"GPU (\d+):.*\(UUID: (GPU-[\w-]+)\)")
_SMI_PART = re.compile(r"\s+MIG .*\(UUID: (MIG-[\w/-]+)\)")


@dataclass(frozen=True)
class Device:
    """A device as CUDA_VISIBLE_DEVICES names it.

    `identity` is the same for all names of one device, as far as that can be known: its UUID, or else the name.
    """

    name: str
    identity: str


@dataclass(frozen=True)
class Place:
    """Room for one job on a device; `number` counts the places on it, from 0."""

    device: Device
    number: int


def places(settings: Settings, environ: Mapping[str, str] = os.environ) -> list[Place]:
    """Where jobs that need a device may run on this machine, by the setting `gpus`."""
    if settings.gpus == "none":
        return []
    there = machine_devices()
    if settings.gpus != "auto":
        return _places(device_counts(settings.gpus), there)
    if VARIABLE in environ:
        return _places(Counter(_visible(environ[VARIABLE])), there)
    return [Place(device, 0) for device in there]


def places_for(settings: Settings, tasks: Iterable[Task]) -> list[Place]:
    """The same for a worker that can run these tasks: none where no task could ever need one."""
    return places(settings) if any(task.gpu for task in tasks) else []


def gpu_places(settings: Settings, tasks: Iterable[Task]) -> dict[str, int]:
    """The devices, by name, that a worker with these tasks would have here, and how many jobs at once on each."""
    return counts(places_for(settings, tasks))


def counts(found: Sequence[Place]) -> dict[str, int]:
    """How many places there are on each device, by its name."""
    return dict(Counter(place.device.name for place in found))


def _places(numbers: Mapping[str, int], there: Sequence[Device]) -> list[Place]:
    return [
        Place(Device(name, _identity(name, there)), number) for name, many in numbers.items() for number in range(many)
    ]


def _identity(name: str, there: Sequence[Device]) -> str:
    # CUDA takes the beginning of a UUID for the whole.
    meant = [one for one in there if one.name == name or (not name.isdigit() and one.identity.startswith(name))]
    return meant[0].identity if len(meant) == 1 else name


def _visible(listed: str) -> Iterator[str]:
    """Devices of the variable, as CUDA reads it: all up to the first that is none, each once."""
    for name in dict.fromkeys(part.strip() for part in listed.split(",")):
        if not _NAME.match(name):
            return
        yield name


# -- what a job sees ----------------------------------------------------------------------------------------------


def bound(device: Device, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What binds a process to a device.

    Frameworks for AMD's devices heed the same variable.  Numbers are those that nvidia-smi shows, which CUDA by itself
    would count in another order where devices are not all alike.
    """
    return {VARIABLE: device.name, ORDER: environ.get(ORDER, "PCI_BUS_ID")}


def unbound(settings: Settings) -> dict[str, str]:
    """What keeps a process away from devices, unless the settings say otherwise."""
    return {VARIABLE: ""} if settings.hide_gpus else {}


# -- what there is ------------------------------------------------------------------------------------------------


def machine_devices() -> list[Device]:
    """The NVIDIA devices of this machine that this process may use, in the order of nvidia-smi."""
    listed = _by_driver()
    # The kernel's list knows neither of parts of devices (MIG) nor of those of WSL.
    if listed and not next(DRIVER.glob("capabilities/gpu*/mig/gi*"), None):
        return listed
    return _by_smi() or listed


def _by_driver() -> list[Device]:
    """By what the kernel shows.  A container may be shown devices that it has no file for: they do not count."""
    found: list[Device] = []
    for information in sorted(DRIVER.glob("gpus/*/information")):
        with contextlib.suppress(OSError):
            lines = information.read_text(encoding="utf-8", errors="replace").splitlines()
            facts = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            minor, uuid = facts.get("Device Minor", ""), facts.get("GPU UUID", "")
            if (FILES / f"nvidia{minor}").exists():
                name = str(len(found))
                # Before it is first used its UUID is shown as question marks.
                found.append(Device(name, uuid if _NAME.match(uuid) else name))
    return found


def _by_smi() -> list[Device]:
    """By `nvidia-smi -L`; of a device that is cut into parts, the parts."""
    if (command := shutil.which("nvidia-smi")) is None:
        return []
    try:
        shown = subprocess.run([command, "-L"], capture_output=True, text=True, check=True, timeout=SMI_PATIENCE).stdout
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):  # a driver that is broken, or not there
        return []
    found: list[list[Device]] = []
    for line in shown.splitlines():
        if whole := _SMI_GPU.match(line):
            found.append([Device(whole[1], whole[2])])
        elif (part := _SMI_PART.match(line)) and found:
            found[-1].append(Device(part[1], part[1]))
    return [device for one in found for device in (one[1:] or one)]
