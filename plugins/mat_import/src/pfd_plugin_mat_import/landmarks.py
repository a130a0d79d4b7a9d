"""Landmarks of a signal: where it bends most.  Copies have them at the same places, also scaled, moved or cut ones.

The idea is that of finding a song by its spectral peaks (Wang, "An industrial-strength audio search algorithm", ISMIR
2003): a few places that a copy cannot help sharing, each with a key that tells it from the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

REACH = 64
"""Samples to each side within which no place bends more than a landmark."""

MARGIN = REACH + 1
"""From each end of a signal, samples that cannot be landmarks."""

_AROUND = 8
_GRID = 10
_PIECE = 2**17
"""Samples that are looked at together: what is made of them stays in the cache of a core."""

_Floats = npt.NDArray[np.float32]
_Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Landmarks:
    """Of one channel, in the order of their places.

    `places` are samples, int64.  `keys`, uint64, are equal where the samples around have one shape.  `sizes`, float64,
    are how large that shape is, in units of the signal, and negative where it is upside down; what it is in a scaled
    copy, over what it is here, is the scale.  Each array has the shape `(landmarks,)`.
    """

    places: npt.NDArray[np.int64]
    keys: npt.NDArray[np.uint64]
    sizes: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.places)

    @property
    def n_keys(self) -> int:
        """How many different ones there are."""
        ordered = np.sort(self.keys)  # a third of the time of `np.unique`
        return int(np.count_nonzero(ordered[1:] != ordered[:-1])) + bool(ordered.size)

    def where(self, kept: npt.NDArray[np.bool_ | np.intp] | slice) -> Landmarks:
        """Some of them, as NumPy takes them out of an array."""
        return Landmarks(self.places[kept], self.keys[kept], self.sizes[kept])

    def between(self, begin: int, end: int) -> Landmarks:
        """Those from one place to before another."""
        return self.where(slice(*np.searchsorted(self.places, (begin, end))))


def landmarks(row: _Floats) -> Landmarks:
    """The landmarks of a channel, float32 `(samples,)`: the first of the largest second differences within `REACH`.

    There is none where nothing bends, as in silence.  In noise there is one in 130 samples or so.
    """
    if row.size <= 2 * MARGIN:
        return Landmarks(np.empty(0, np.int64), np.empty(0, np.uint64), np.empty(0))
    step = _PIECE - 2 * MARGIN
    # Differences of the largest numbers are infinite, and those of them no numbers: neither is a landmark.
    with np.errstate(over="ignore", invalid="ignore"):
        found = [_of_piece(row[at : at + _PIECE], at) for at in range(0, row.size - 2 * MARGIN, step)]
    if len(found) == 1:
        return found[0]
    return Landmarks(*(np.concatenate([getattr(one, name) for one in found]) for name in ("places", "keys", "sizes")))


def _of_piece(row: _Floats, begins: int) -> Landmarks:
    slopes = row[1:] - row[:-1]
    bends = slopes[1:] - slopes[:-1]
    np.abs(bends, out=bends)
    at = _largest(bends)
    shapes = _windows(slopes, 2 * _AROUND)[at + 1 - _AROUND] - slopes[at, None]
    shapes /= bends[at, None]  # squares of large numbers are infinite, and of small ones zero
    shapes -= np.einsum("ij->i", shapes)[:, None] / shapes.shape[1]  # a slow wave beneath would make all of them alike
    sizes = np.sqrt(np.einsum("ij,ij->i", shapes, shapes)) * np.sign(shapes[:, _AROUND] - shapes[:, _AROUND - 1])
    shapes *= _GRID / sizes[:, None]
    keys = _keys(np.rint(shapes, out=shapes).astype(np.int8))
    return Landmarks(at + (begins + 1), keys, sizes.astype(float) * bends[at])


def _largest(bends: _Floats) -> _Places:
    """Where a value is larger than all before it, and none smaller than those after it, within `REACH`.

    Such a value is the first of the largest of its block.  It is one for sure where both blocks beside are smaller, and
    none where the largest of one of them is near; only of the others, all around is looked at.
    """
    blocks = bends[: bends.size // REACH * REACH].reshape(-1, REACH)
    at = blocks.argmax(axis=1) + np.arange(0, blocks.size, REACH)
    top = bends[at]
    near = at[1:] - at[:-1] <= REACH
    rising = top[:-1] < top[1:]
    possible = (at >= REACH) & (at < bends.size - REACH) & (top > 0) & np.isfinite(top)
    possible[1:] &= rising | ~near
    possible[:-1] &= ~(near & rising)
    sure = np.zeros_like(possible)
    sure[1:-1] = rising[:-1] & ~rising[1:]
    doubtful = np.flatnonzero(possible & ~sure)
    around = _windows(bends, 2 * REACH + 1)[at[doubtful] - REACH]
    own = top[doubtful, None]
    possible[doubtful] = ~((around[:, :REACH] >= own).any(axis=1) | (around[:, REACH + 1 :] > own).any(axis=1))
    found: _Places = at[possible]
    return found


def _windows(values: _Floats, width: int) -> _Floats:
    return np.lib.stride_tricks.sliding_window_view(values, width)


def _keys(shapes: npt.NDArray[np.int8]) -> npt.NDArray[np.uint64]:
    """A number for each row of 16 bytes, all of whose bits depend on all of the row (the finaliser of MurmurHash3)."""
    words = shapes.view(np.uint64)
    keys: npt.NDArray[np.uint64] = words[:, 0] * np.uint64(0x9E3779B97F4A7C15) + words[:, 1]
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        keys ^= keys >> np.uint64(33)
        keys *= np.uint64(factor)
    keys ^= keys >> np.uint64(33)
    return keys
