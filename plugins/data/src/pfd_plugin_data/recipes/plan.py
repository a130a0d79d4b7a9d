"""Which recordings a dataset is to have, and from which random stream each comes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from pfd_plugin_data.classes import FAULTS, SIMULATORS
from pfd_plugin_data.params import GenerateDatasetParams
from pfd_plugin_data.recording import RecordingInfo


class Stream(IntEnum):
    """What a random stream of a recording is for: one thing each, so that changing one changes no other."""

    SIGNAL = 0
    SPEED = 1
    SEVERITY = 2
    OPERATION = 3
    AUGMENTATION = 4
    NOISE = 5


@dataclass(frozen=True)
class Generated:
    """One generated recording: its columns, float32 `(channels, samples)`, and what the simulator knows of it."""

    info: RecordingInfo
    signal: npt.NDArray[np.float32]
    truth: dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Plan:
    """One recording to be made: the `number`-th of its fault, the `turn`-th of the bearing `which`."""

    fault_type: str
    number: int
    which: int
    turn: int
    rpm: float
    seed: int
    key: tuple[int, ...]

    def dealt(self, levels: int, transients: int) -> tuple[int, int]:
        """Which of so many severities, and which of so many transients, the recording has.

        Each machine goes through all of both, beginning with another one than its neighbours.  Where both would come
        round together they are moved against each other, so that each meets each.
        """
        round_ = self.turn // math.lcm(levels, transients)
        return (self.turn + self.which) % levels, (self.turn + round_ - self.which) % transients

    @property
    def record_id(self) -> str:
        return f"{self.fault_type}-{self.number:04d}"

    @property
    def bearing_id(self) -> str:
        return f"{self.fault_type}-bearing-{self.which:02d}"

    def of_bearing(self) -> np.random.Generator:
        """The stream that all recordings of a bearing share."""
        return self._stream(0, self.which)

    def rng(self, what: Stream, part: int = 0) -> np.random.Generator:
        """A stream of this recording's own."""
        return self._stream(1, self.number, int(what), part)

    def _stream(self, *key: int) -> np.random.Generator:
        # The same as spawning from the seed level by level, without making what lies beside.
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=self.key + key))


def plans(params: GenerateDatasetParams) -> Iterator[Plan]:
    """Deal recordings over the bearings of a class, and over the speeds once each bearing has one.

    A rotor is built for one speed, so its machines are dealt over the speeds instead.

    The streams hang on the place of a fault type in `FAULTS`, so leaving a class out changes no other one.
    """
    simulator = list(SIMULATORS).index(params.simulator)
    for fault in params.fault_types:
        for number in range(params.num_signals_per_fault):
            turn, which = divmod(number, params.bearings_per_fault)
            rpm = params.rpm[(which if params.simulator == "rotor" else turn) % len(params.rpm)]
            yield Plan(fault, number, which, turn, rpm, params.random_seed, (simulator, FAULTS.index(fault)))
