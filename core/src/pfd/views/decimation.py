"""Long curves with fewer points that look the same: of each stretch its first, lowest, highest and last point stay.

A mean would hide the impulses that a recording is looked at for; the extremes are what a screen shows of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

MOST_POINTS = 4_000
"""Points of a curve that is kept: twice what the widest picture has columns."""

OF_A_STRETCH = 5
"""Points of a stretch that matter: first, lowest, highest, last, and a gap."""


def kept(values: Sequence[float | None], most: int = MOST_POINTS) -> list[int]:
    """The indices of a column that are kept, in order; all where there are no more than `most`.

    Gaps (None) stay gaps: one of each stretch that has any is kept.

    Raises
    ------
    ValueError : fewer than five points are to be kept.
    """
    if most < OF_A_STRETCH:
        raise ValueError(f"{most} points: of a stretch {OF_A_STRETCH} matter")
    if len(values) <= most:
        return list(range(len(values)))
    stretches = most // OF_A_STRETCH
    edges = [len(values) * number // stretches for number in range(stretches + 1)]
    return [index for start, stop in itertools.pairwise(edges) for index in _of_stretch(values, start, stop)]


def _of_stretch(values: Sequence[float | None], start: int, stop: int) -> Iterator[int]:
    piece = values[start:stop]
    chosen = {start, stop - 1}
    if None in piece:
        chosen.add(start + piece.index(None))
        present = [value for value in piece if value is not None]
    else:
        present = piece  # type: ignore[assignment]
    if present:
        chosen.add(start + piece.index(min(present)))
        chosen.add(start + piece.index(max(present)))
    yield from sorted(chosen)
