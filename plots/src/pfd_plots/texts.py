"""Foreign texts in pictures: what matplotlib draws is the text itself, and never a formula.

Names of recordings, loads, units, classes and features are drawn as they are: a `$` begins no formula (which cannot be
read, and then no picture is made), a line end none of another label, and what the font has no sign for stands as an
escape instead of as the same box for everything.  Labels of our own axes may be formulas all the same, so it is the
text that is made plain, and not matplotlib that is told to read none.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from pfd.console import one_line

if TYPE_CHECKING:
    from matplotlib.ft2font import FT2Font

MOST = 60
"""Letters of a name: with a longer one nothing else would fit into a picture."""

MOST_LINES = 12
"""Of a text that is broken into lines."""

LETTER = 0.56
"""Width of a letter, in sizes of the font, where room is counted in letters; a `W` takes nearly two of them."""

BOLD = 1.13
"""How much wider bold letters are."""

LEAST = 4
"""Letters of a line, however wide they are."""

SIZE = 100
"""Of the letters that are measured, points."""

_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


def plain_text(text: object, most: int = MOST) -> str:
    """A text for matplotlib on one line in the room of so many letters, a longer one by its beginning and its end."""
    shown = whole = _drawable(text)
    left = min(most, len(whole))
    while len(shown) > most or _width(shown) > most * LETTER:
        left -= 1
        tail = left // 3
        shown = f"{whole[: left - tail]}…{whole[len(whole) - tail :]}"
    return _no_formula(shown)


def letters(inches: float, points: float, *, bold: bool = False) -> int:
    """How many letters have room in so many inches, in a font of this size."""
    return max(LEAST, int(inches * 72 / (points * LETTER * (BOLD if bold else 1.0))))


def plain_lines(text: object, width: int, most: int = MOST_LINES) -> list[str]:
    """A text for matplotlib in lines with the room of so many letters, and in no more lines than `most`."""
    lines = _wrapped(_drawable(text), max(width, LEAST), most)
    if len(lines) > most:
        last = lines[most - 1]
        while last and not _fits(f"{last} …", max(width, LEAST)):
            last = last[:-1]
        lines = [*lines[: most - 1], f"{last.rstrip()} …"]
    return [_no_formula(line) for line in lines]


def _wrapped(text: str, count: int, most: int) -> list[str]:
    """The lines of a text, or one more than `most` of them; words stay whole where they have room in a line."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        joined = f"{line} {word}" if line else word
        if _fits(joined, count):
            line = joined
            continue
        if line:
            lines.append(line)
        while not _fits(word, count) and len(lines) <= most:
            head = word[:count]
            while len(head) > 1 and not _fits(head, count):
                head = head[:-1]
            lines.append(head)
            word = word[len(head) :]
        line = word
        if len(lines) > most:
            return lines[: most + 1]
    return [*lines, line] if line else lines


def _fits(line: str, count: int) -> bool:
    return len(line) <= count and _width(line) <= count * LETTER


def _drawable(text: object) -> str:
    known = _signs(_families())
    return _NOT_ASCII.sub(lambda found: found[0] if ord(found[0]) in known else _escaped(found[0]), one_line(text))


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode()


def _no_formula(text: str) -> str:
    # Last of all: where a line is broken between the two, the sign would begin a formula again.
    return text.replace("$", r"\$")


def _width(text: str) -> float:
    """How wide a text is drawn, in sizes of the font."""
    families = _families()
    return sum(_advance(families[0], char) for char in text)


def _families() -> tuple[str, ...]:
    from matplotlib import rcParams

    return tuple(rcParams["font.family"])


@functools.lru_cache(maxsize=8)
def _signs(families: tuple[str, ...]) -> frozenset[int]:
    """What can be drawn in the fonts of these families, bold as well."""
    known: set[int] = set()
    for family in families:
        known |= set.intersection(*(set(_font(family, weight).get_charmap()) for weight in ("normal", "bold")))
    return frozenset(known)


@functools.lru_cache(maxsize=4096)
def _advance(family: str, char: str) -> float:
    return float(_font(family, "normal").load_char(ord(char)).linearHoriAdvance) / (SIZE * 2**16)


@functools.lru_cache(maxsize=16)
def _font(family: str, weight: str) -> FT2Font:
    """A font of our own: those of matplotlib have the size of what they drew last."""
    from matplotlib.font_manager import FontProperties, findfont
    from matplotlib.ft2font import FT2Font

    font = FT2Font(findfont(FontProperties(family=[family], weight=weight)))
    font.set_size(SIZE, 72)
    return font
