"""How everything here is measured: runs of both sides interleaved, in random order, medians with their spread."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Side:
    """One side of a comparison: what was measured, in `unit`, and how it was set up."""

    name: str
    setup: str
    values: tuple[float, ...]
    unit: str

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def spread(self) -> tuple[float, float]:
        return min(self.values), max(self.values)


@dataclass(frozen=True)
class Comparison:
    """A figure of PFD beside its peers, from one run."""

    title: str
    goal: str
    ours: Side
    peers: tuple[Side, ...]
    notes: Mapping[str, Any] = field(default_factory=dict)
    larger_is_better: bool = False

    def ratio(self, peer: Side) -> float:
        """How many times better than the peer; below 1 is worse."""
        pair = (self.ours.median, peer.median)
        return pair[0] / pair[1] if self.larger_is_better else pair[1] / pair[0]


def interleaved(sides: Mapping[str, Callable[[], float]], runs: int, seed: int = 0) -> dict[str, tuple[float, ...]]:
    """Call each side `runs` times, all sides once a round in random order; what each returned."""
    order = random.Random(seed)
    found: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(runs):
        names = list(sides)
        order.shuffle(names)
        for name in names:
            found[name].append(sides[name]())
    return {name: tuple(values) for name, values in found.items()}


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
