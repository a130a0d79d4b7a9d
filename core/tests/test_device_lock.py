"""Turns on a device: one holder, the one who waits before the one who had it, and nobody who is dead."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pfd.worker.gpu.device_lock import DeviceLock
from pfd.worker.gpu.devices import Device, Place

HOME = Path(os.sep)
"""Not looked into while there is a place for locks elsewhere."""

_HOLDER = """
import sys
from pathlib import Path
from pfd.worker.gpu.devices import Device, Place
from pfd.worker.gpu.device_lock import DeviceLock
lock = DeviceLock(Place(Device(sys.argv[1], sys.argv[1]), 0), Path("/"))
print(lock.try_acquire(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Place:
    """A place on a device of this test alone."""
    name = request.node.name
    return Place(Device(name, name), 0)


@pytest.fixture
def holder(place: Place) -> Iterator[subprocess.Popen[bytes]]:
    """Another process, which has the place."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, place.device.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"True\n"
    yield process
    process.kill()
    process.communicate()


def test_a_place_has_one_holder(place: Place) -> None:
    with DeviceLock(place, HOME) as first, DeviceLock(place, HOME) as second:
        assert first.try_acquire()
        assert not second.try_acquire()
    with DeviceLock(place, HOME) as third:
        assert third.try_acquire()


def test_places_on_one_device_and_devices_are_apart(place: Place) -> None:
    other = Device(f"{place.device.name}-other", f"{place.device.name}-other")
    with (
        DeviceLock(place, HOME) as one,
        DeviceLock(Place(place.device, 1), HOME) as beside,
        DeviceLock(Place(other, 0), HOME) as elsewhere,
    ):
        assert one.try_acquire()
        assert beside.try_acquire()
        assert elsewhere.try_acquire()


def test_who_waits_comes_before_who_has_had_it(place: Place) -> None:
    with DeviceLock(place, HOME) as waits:
        with DeviceLock(place, HOME) as had:
            assert had.try_acquire()
            assert not waits.try_acquire()  # it stands in line from here on
        with DeviceLock(place, HOME) as again:
            assert not again.try_acquire()
            assert waits.try_acquire()
            assert not again.try_acquire()


def test_who_gives_up_waiting_leaves_the_line(place: Place) -> None:
    with DeviceLock(place, HOME) as had:
        assert had.try_acquire()
        with DeviceLock(place, HOME) as waits:
            assert not waits.try_acquire()
    with DeviceLock(place, HOME) as another:
        assert another.try_acquire()


def test_a_killed_holder_holds_nothing(place: Place, holder: subprocess.Popen[bytes]) -> None:
    with DeviceLock(place, HOME) as turn:
        assert not turn.try_acquire()
        holder.kill()
        holder.wait()
        assert turn.try_acquire()


def test_a_copy_of_the_descriptor_holds_the_place_for_its_own_process(place: Place) -> None:
    with DeviceLock(place, HOME) as turn:
        assert turn.try_acquire()
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(turn.descriptor,))
    with DeviceLock(place, HOME) as turn:
        assert not turn.try_acquire()
        child.communicate(os.linesep.encode())
        assert turn.try_acquire()
