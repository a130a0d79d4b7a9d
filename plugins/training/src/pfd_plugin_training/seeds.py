"""Streams of random numbers, one for each purpose, so that none depends on how much another has drawn."""

from __future__ import annotations

import enum

import numpy as np


class Stream(enum.IntEnum):
    """What random numbers are for."""

    WEIGHTS = 0
    ORDER = 1
    FOREST = 2


def generator(seed: int, stream: Stream, index: int = 0) -> np.random.Generator:
    """The generator of a purpose; `index` counts within it (the epoch, for `ORDER`).

    It can be made anew at any epoch, so a resumed run needs no saved state of a generator.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(int(stream), index)))


def integer(seed: int, stream: Stream) -> int:
    """A 31-bit seed for libraries that take one integer."""
    return int(generator(seed, stream).integers(0, 2**31))
