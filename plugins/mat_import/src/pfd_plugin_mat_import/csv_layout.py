"""How a table of delimited text is laid out, found by its first lines.

The data are the lines that are alike: as many fields each, and a number in each field of a column of numbers.  They are
looked for from the last of the first lines backwards.  The line before them is the header where it has a name for each
column and no number; what is before that is a preamble.  A preamble with a line like the data is none: such a file has
an odd line in its middle, which is told instead of leaving out what comes before.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pfd import DataError

HEAD_BYTES = 1024**2
HEAD_LINES = 250
"""How much of a file is looked at."""

MAX_COLUMNS = 20_000
"""Most fields of a line."""

GAPS = ("", " ", "NA", "N/A", "#N/A", "NULL", "null")
"""What stands where a number is missing; NaN is a number."""

BLANKS = " "
"""The delimiter of a table whose columns are divided by any number of blanks and tabs."""

_CANDIDATES = (("\t", "."), ("\t", ","), (";", "."), (";", ","), (",", "."), (BLANKS, "."), (BLANKS, ","))
"""Delimiters and decimal marks, of two that fit as well the first.  A comma is either of them, and never both."""

_NUMBER = {
    mark: re.compile(
        rf"[+-]?(?:\d+{re.escape(mark)}?\d*|{re.escape(mark)}\d+)(?:[eE][+-]?\d+)?|[+-]?(?i:inf|infinity|nan)", re.ASCII
    )
    for mark in ".,"
}
_COMMENT = re.compile(r"\s*[#%]+\s*")
_BOMS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


@dataclass(frozen=True)
class CsvLayout:
    """Where in a file the data begin (`at`, in bytes; `line`, from 1), how their lines are divided, which columns hold
    numbers, and what the header calls them (empty: nothing).  `fields` of a line may be one more, and empty.  `odd`
    says of columns, from 0, that hold numbers but for some lines, where it is not so."""

    encoding: str
    delimiter: str
    decimal: str
    at: int
    line: int
    fields: int
    numeric: tuple[bool, ...]
    names: tuple[str, ...]
    odd: Mapping[int, str]


def find_layout(path: Path) -> CsvLayout:
    """The layout of a table.

    Raises
    ------
    DataError : it is no text, holds no column of numbers, or its first lines contradict each other.
    """
    encoding, mark, lines = _first_lines(path)
    delimiter, decimal, table = _divided(lines)
    start = table.start
    header = _fields(_COMMENT.sub("", lines[table.header], count=1), delimiter) if table.header >= 0 else []
    names, odd = table.names(header), table.odd()
    if odd and not any(names):  # then nothing tells where the data begin
        raise DataError(f"{next(iter(odd.values()))}; mend the line, or write a header above the data")
    at = mark + len("".join(lines[:start]).encode(encoding))
    return CsvLayout(encoding, delimiter, decimal, at, start + 1, table.count, table.numeric, names, odd)


def _first_lines(path: Path) -> tuple[str, int, list[str]]:
    """Encoding, bytes of the mark of it, and lines with their ends; those that are blank at the end are left out."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        whole = not file.read(1)
    mark = next((mark for mark in _BOMS if head.startswith(mark)), b"")
    encoding = _BOMS.get(mark, "utf-8")
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head[len(mark) :])
    except UnicodeDecodeError as error:
        if mark:
            raise DataError(f"its text is not {encoding.upper()}, as it says") from error
        encoding = "latin-1"
        text = head.decode(encoding)
    if any(letter < " " and letter not in "\t\r\n\f" for letter in set(text)):
        raise DataError("no table of numbers: it holds bytes that are no text")
    lines = list(io.StringIO(text, newline=""))
    if not whole and lines:
        lines.pop()  # it may be cut
    lines = lines[:HEAD_LINES]
    while lines and not lines[-1].strip(" \r\n"):
        lines.pop()
    if not lines:
        raise DataError("no table of numbers: " + ("it is blank" if whole else "its first line has more than 1 MiB"))
    return encoding, len(mark), lines


def _fields(line: str, delimiter: str) -> list[str]:
    line = line.rstrip("\r\n")
    if delimiter == BLANKS:
        line = " ".join(line.split())
    return next(csv.reader([line], delimiter=delimiter)) if '"' in line else line.split(delimiter)


def _divided(lines: Sequence[str]) -> tuple[str, str, _Table]:
    """The delimiter, the decimal mark and the table that make the most columns of numbers, less those of text."""
    found: list[tuple[str, str, _Table]] = []
    refused: list[DataError] = []
    for delimiter, decimal in [one for one in _CANDIDATES if _divides(one[0], lines[-1])] or [(",", ".")]:
        try:
            found.append((delimiter, decimal, _Table([_fields(line, delimiter) for line in lines], decimal)))
        except DataError as error:
            refused.append(error)
    if not found:
        raise next((error for error in refused if not isinstance(error, _NoNumbers)), refused[0])
    return max(found, key=lambda one: (2 * sum(one[2].numeric) - len(one[2].numeric), -one[2].start))


def _divides(delimiter: str, line: str) -> bool:
    return len(line.split()) > 1 if delimiter == BLANKS else delimiter in line


def _is_number(cell: str, decimal: str) -> bool:
    return _NUMBER[decimal].fullmatch(cell.strip(" ")) is not None


class _NoNumbers(DataError):
    """No column holds numbers."""


class _Table:
    """The first lines, divided: `count` fields each from line `start` on, from 0; what may be the header is line
    `header`.  `numeric` says which columns hold numbers, or nothing, without the one that a delimiter at the end of
    each line makes."""

    def __init__(self, rows: Sequence[Sequence[str]], decimal: str) -> None:
        self.count = len(rows[-1])
        if self.count > MAX_COLUMNS:
            raise DataError(f"its lines have {self.count:,} fields, at most {MAX_COLUMNS:,} are read")
        self._rows = rows
        self._decimal = decimal
        alike = next((at for at in range(len(rows), 0, -1) if len(rows[at - 1]) != self.count), 0)
        if alike and alike == len(rows) - 1:
            raise DataError(
                f"line {alike + 1} has {self.count} fields, and line {alike} {len(rows[-2])}: was it cut off?"
            )
        self.start = self._start(alike)
        self.header = self.start - 1
        if self._counts_up(self.start):
            self.header, self.start = self.start, self.start + 1
        columns = self._columns()
        if self.count > 1 and not any(columns[-1]):
            columns.pop()
        self.numeric = tuple(all(self._number(cell) or cell in GAPS for cell in column) for column in columns)
        self._check_preamble()

    def _start(self, alike: int) -> int:
        """Where the first of the columns of numbers begins, of the lines that are alike."""
        begins = [begin for column in range(self.count) if (begin := self._begin(column, alike)) is not None]
        if not begins:
            shown = " ".join("".join(self._rows[-1]).split())[:40]
            raise _NoNumbers(f"no table of numbers: no column ends in one, and its lines are as {shown!r}")
        return min(begins)

    def _begin(self, column: int, alike: int) -> int | None:
        """The first of the numbers with which a column ends, gaps among them passed over."""
        begin = None
        for line in range(len(self._rows) - 1, alike - 1, -1):
            cell = self._rows[line][column]
            if self._number(cell):
                begin = line
            elif cell not in GAPS:
                break
        return begin

    def _counts_up(self, line: int) -> bool:
        """Whether a line is `,0,1,2` or `0,1,2`, as pandas calls columns without names, and no data."""
        if line + 1 == len(self._rows):
            return False
        cells = [cell.strip() for cell in self._rows[line]]
        numbers = [str(number) for number in range(len(cells))]
        if len(cells) > 1 and cells == ["", *numbers[:-1]]:
            return True
        return len(cells) > 2 and cells == numbers and not all(cell.strip().isdigit() for cell in self._rows[line + 1])

    def _check_preamble(self) -> None:
        before = range(max(self.header, 0))
        if (first := next(filter(self._is_data, before), None)) is None:
            return
        odd = next(line for line in range(first, self.start) if not self._is_data(line))
        if (fields := len(self._rows[odd])) != self.count:
            raise DataError(f"line {odd + 1} has {fields} fields, where line {first + 1} has {self.count}")
        raise DataError(f"line {odd + 1} is {' '.join(self._rows[odd])[:40]!r}, and line {first + 1} is data")

    def _is_data(self, line: int) -> bool:
        """Whether a line has as many fields, and numbers where the data have them."""
        if len(self._rows[line]) != self.count:
            return False
        cells = [cell for cell, is_numeric in zip(self._rows[line], self.numeric, strict=False) if is_numeric]
        return any(map(self._number, cells)) and all(self._number(cell) or cell in GAPS for cell in cells)

    def names(self, header: Sequence[str]) -> tuple[str, ...]:
        """What the line before the data calls the columns; empty where that is no header."""
        names = [name.strip() for name in header]
        if len(names) == len(self.numeric) + 1 and not names[-1]:
            names.pop()
        # The first may have none: it is the index that pandas writes.
        fits = len(names) == len(self.numeric) and all(names[1:]) and any(names)
        return tuple(names) if fits and not any(map(self._number, names)) else ("",) * len(self.numeric)

    def odd(self) -> dict[int, str]:
        """Columns that hold numbers in most lines, and text in some, with the last of these."""
        found = {}
        for column, (cells, is_numeric) in enumerate(zip(self._columns(), self.numeric, strict=False)):
            if is_numeric:
                continue
            texts = [line for line, cell in enumerate(cells) if cell not in GAPS and not self._number(cell)]
            if len(texts) < sum(map(self._number, cells)):
                where = f"line {self.start + texts[-1] + 1}: {cells[texts[-1]][:40]!r} in column {column + 1}"
                found[column] = f"{where} is no number, as most in it are"
        return found

    def _columns(self) -> list[tuple[str, ...]]:
        return list(zip(*self._rows[self.start :], strict=True))

    def _number(self, cell: str) -> bool:
        return _is_number(cell, self._decimal)
