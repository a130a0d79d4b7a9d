"""How wide the columns of a table are on a terminal: words are not broken while there is any other way."""

from __future__ import annotations

from collections.abc import Sequence

GAP = 2
"""Characters between two columns."""

LONGEST_WORD = 40
"""A word longer than that, such as a path or a fingerprint, may be broken."""


def least_width(cells: Sequence[str]) -> int:
    """Characters that a column needs so that no word of it is broken."""
    words = (len(word) for cell in cells for word in cell.split())
    return min(LONGEST_WORD, max(words, default=0))


def room(terminal: int, columns: int) -> int:
    """Characters that a terminal of a width has for the texts of so many columns."""
    return terminal - GAP * (columns - 1)


def widths(natural: Sequence[int], least: Sequence[int], available: int) -> list[int]:
    """A width for each column, at most its natural one, that add up to at most what is available.

    Each gets at least its least, while that is possible; of what is left first those are served that want little.
    """
    given = [min(pair) for pair in zip(natural, least, strict=True)]
    while sum(given) > available and max(given) > 1:
        given[given.index(max(given))] -= 1
    left = max(0, available - sum(given))
    wanting = sorted(range(len(given)), key=lambda i: natural[i] - given[i])
    for place, i in enumerate(wanting):
        more = min(natural[i] - given[i], left // (len(wanting) - place))
        given[i] += more
        left -= more
    return given
