"""Where the meshes of a gearbox show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Mesh(NamedTuple):
    """A stage: its number from 1 on, the speed of its driving shaft and its tooth-mesh frequency, both in hertz."""

    stage: int
    shaft_hz: float
    mesh_hz: float


def meshes(teeth: Sequence[int], rpm: float) -> list[Mesh]:
    """All stages at a speed of the input shaft, each wheel of a stage on the shaft of the next one's pinion."""
    found, shaft = [], rpm / 60
    for stage, (driving, driven) in enumerate(zip(teeth[::2], teeth[1::2], strict=True), start=1):
        found.append(Mesh(stage, shaft, driving * shaft))
        shaft *= driving / driven
    return found
