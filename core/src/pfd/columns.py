"""How wide the columns of a table are on a terminal: words are not broken while there is any other way."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

GAP = 2
"""Characters between two columns."""

LONGEST_WORD = 40
"""A word longer than that, such as a path or a fingerprint, may be broken."""


def least_width(cells: Sequence[str], measure: Callable[[str], int] = len) -> int:
    """Characters that a column needs so that no word of it is broken; `measure` tells how many a word takes."""
    words = (measure(word) for cell in cells for word in cell.split())
    return min(LONGEST_WORD, max(words, default=0))


def room(terminal: int, columns: int) -> int:
    """Characters that a terminal of a width has for the texts of so many columns."""
    return terminal - GAP * (columns - 1)


def widths(natural: Sequence[int], least: Sequence[int], available: int, whole: Collection[int] = ()) -> list[int]:
    """A width for each column, at most its natural one, that add up to at most what is available.

    Each gets at least its least, while that is possible; where it is not, those that are to stay `whole` lose last.
    Of what is left first those are served that want little.
    """
    given = [min(pair) for pair in zip(natural, least, strict=True)]
    while sum(given) > available and max(given) > 1:
        may = [i for i in range(len(given)) if given[i] > 1 and i not in whole] or range(len(given))
        given[max(may, key=given.__getitem__)] -= 1
    left = max(0, available - sum(given))
    wanting = sorted(range(len(given)), key=lambda i: natural[i] - given[i])
    for place, i in enumerate(wanting):
        more = min(natural[i] - given[i], left // (len(wanting) - place))
        given[i] += more
        left -= more
    return given
