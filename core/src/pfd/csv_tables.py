"""Tables as CSV: written whole or not at all, and with no text that a spreadsheet would run as a formula.

A text that begins as a formula does gets a `'` in front, as OWASP advises
(https://owasp.org/www-community/attacks/CSV_Injection).  Numbers, also negative ones and those in a text, stay as
they are.  `from_cell` gives each text back as it was.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from pfd.artifacts import replacing

# A text that has such a mark by itself gets another one, so that taking one away is always right.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def to_cell(value: object) -> object:
    """A value as it stands in a cell: a text that begins as a formula does has a mark in front."""
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def from_cell(text: str) -> str:
    """The text that `to_cell` was given; of cells that others wrote a mark is taken away just so."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def write_csv(
    path: Path, header: Sequence[str], rows: Iterable[Sequence[object]], *, digits: int | None = None
) -> None:
    """Write a table in UTF-8.

    Parameters
    ----------
    digits : of floats; all that they have where left out.
    """
    with (
        replacing(path) as temporary,
        temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        writer = csv.writer(file)  # with line ends of RFC 4180: with others a CR within a text would not be quoted
        writer.writerow([to_cell(name) for name in header])
        for row in rows:
            writer.writerow([_rounded(cell, digits) if isinstance(cell, float) else to_cell(cell) for cell in row])


def _rounded(value: float, digits: int | None) -> object:
    return value if digits is None else f"{value:.{digits}g}"
