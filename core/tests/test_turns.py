"""Turns on a device: one holder, the one who waits before the one who had it, and nobody who is dead."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pfd.worker.gpu.device_lock import Turn
from pfd.worker.gpu.devices import Device, Place

HOME = Path(os.sep)
"""Not looked into while there is a place for locks elsewhere."""

_HOLDER = """
import sys
from pathlib import Path
from pfd.worker.gpu.devices import Device, Place
from pfd.worker.gpu.device_lock import Turn
turn = Turn(Place(Device(sys.argv[1], sys.argv[1]), 0), Path("/"))
print(turn.take(), flush=True)
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
    with Turn(place, HOME) as first, Turn(place, HOME) as second:
        assert first.take()
        assert not second.take()
    with Turn(place, HOME) as third:
        assert third.take()


def test_places_on_one_device_and_devices_are_apart(place: Place) -> None:
    other = Device(f"{place.device.name}-other", f"{place.device.name}-other")
    with (
        Turn(place, HOME) as one,
        Turn(Place(place.device, 1), HOME) as beside,
        Turn(Place(other, 0), HOME) as elsewhere,
    ):
        assert one.take()
        assert beside.take()
        assert elsewhere.take()


def test_who_waits_comes_before_who_has_had_it(place: Place) -> None:
    with Turn(place, HOME) as waits:
        with Turn(place, HOME) as had:
            assert had.take()
            assert not waits.take()  # it stands in line from here on
        with Turn(place, HOME) as again:
            assert not again.take()
            assert waits.take()
            assert not again.take()


def test_who_gives_up_waiting_leaves_the_line(place: Place) -> None:
    with Turn(place, HOME) as had:
        assert had.take()
        with Turn(place, HOME) as waits:
            assert not waits.take()
    with Turn(place, HOME) as another:
        assert another.take()


def test_a_killed_holder_holds_nothing(place: Place, holder: subprocess.Popen[bytes]) -> None:
    with Turn(place, HOME) as turn:
        assert not turn.take()
        holder.kill()
        holder.wait()
        assert turn.take()


def test_a_copy_of_the_descriptor_holds_the_place_for_its_own_process(place: Place) -> None:
    with Turn(place, HOME) as turn:
        assert turn.take()
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(turn.descriptor,))
    with Turn(place, HOME) as turn:
        assert not turn.take()
        child.communicate(os.linesep.encode())
        assert turn.take()
