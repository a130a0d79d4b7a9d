"""The first lines of a file of text, divided into fields: by which delimiter, and which of the lines are data.

The data are the lines at the end of them that are alike: as many fields each, and a number, or nothing, in each field
of a column that ends in numbers.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import compress, groupby
from operator import not_
from pathlib import Path
from typing import NamedTuple

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
_SHOWN = 40


class Head(NamedTuple):
    """The first lines of a file, with their ends, in its encoding, of which a mark of so many bytes may stand first."""

    encoding: str
    mark: int
    lines: list[str]


def read_head(path: Path) -> Head:
    """The first lines of a file, without those that are blank at its end.

    Raises
    ------
    DataError : it is not a text, blank, or of lines that end twice.
    """
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
        raise DataError("no table of numbers: it holds bytes that are not text")
    if "\r\r\n" in text:  # Windows' line ends, written as text once more
        raise DataError(r"its lines end in \r\r\n, which is an end and a blank line; write it again with ends of \n")
    lines = list(io.StringIO(text, newline=""))
    if not whole and lines:
        lines.pop()  # it may be cut
    lines = lines[:HEAD_LINES]
    while lines and not lines[-1].strip(" \r\n"):
        lines.pop()
    if not lines:
        raise DataError("no table of numbers: " + ("it is blank" if whole else "its first line has more than 1 MiB"))
    return Head(encoding, len(mark), lines)


def divide(lines: Sequence[str]) -> Division:
    """The division by tabs or semicolons, or else the one that makes the most columns of numbers, less those of text.

    Raises
    ------
    DataError : none makes any.
    """
    found: list[Division] = []
    refused: list[tuple[int, bool, DataError]] = []
    fitting = [one for one in _CANDIDATES if _divides(one[0], lines[-1])] or [(",", ".")]
    # By what divides the line before alone, none is found: but it says what is wrong with the last one.
    before = [one for one in _CANDIDATES if one not in fitting and _divides(one[0], "".join(lines[-2:-1]))]
    for delimiter, decimal in (*fitting, *before):
        division = Division(lines, delimiter, decimal)
        try:
            division.check()
            found.append(division)
        except DataError as error:
            number = sum(_divides(delimiter, line) for line in lines)
            refused.append((number, not isinstance(error, _NoNumbers), error))
    if not found:
        raise max(refused, key=lambda one: one[:2])[2]
    return max(found, key=_fit)


def _fit(division: Division) -> tuple[bool, int, int]:
    """How well lines are divided.  What tabs and semicolons divide, no comma does: it is of a number or a text."""
    numbers = 2 * sum(division.numeric(division.first)) - division.width
    return division.delimiter in "\t;", numbers, -division.first


def _divides(delimiter: str, line: str) -> bool:
    return len(line.split()) > 1 if delimiter == BLANKS else delimiter in line


def _fields(line: str, delimiter: str) -> list[str]:
    line = line.rstrip("\r\n")
    if delimiter == BLANKS:
        line = " ".join(line.split())
    return next(csv.reader([line], delimiter=delimiter)) if '"' in line else line.split(delimiter)


class _NoNumbers(DataError):
    """No column holds numbers."""


class Division:
    """The first lines, by one delimiter and decimal mark; lines and columns count from 0."""

    def __init__(self, lines: Sequence[str], delimiter: str, decimal: str) -> None:
        self.delimiter = delimiter
        self.decimal = decimal
        self.rows = [_fields(line, delimiter) for line in lines]
        self.count = len(self.rows[-1])
        self._lines = lines

    def check(self) -> None:
        """Raises `DataError` where the last lines are not data."""
        if self.count > MAX_COLUMNS:
            raise DataError(f"its lines have {self.count:,} fields, at most {MAX_COLUMNS:,} are read")
        last = len(self.rows) - 1
        if 0 < last == self.alike and not self.is_comment(last - 1):
            raise DataError(
                f"line {last + 1} has {_count(self.rows[last])}, and line {last} {len(self.rows[last - 1])}: "
                "was it cut off, or is it no data?"
            )
        if not self._begins:
            raise _NoNumbers(f"no table of numbers: no column ends in one, and line {last + 1} is {self.shown(last)}")

    @cached_property
    def alike(self) -> int:
        """The line from which on all have as many fields, and are not a comment."""
        lines = range(len(self.rows) - 1, 0, -1)
        return next((at for at in lines if len(self.rows[at - 1]) != self.count or self.is_comment(at - 1)), 0)

    @cached_property
    def _begins(self) -> dict[int, int]:
        """Where the numbers begin with which columns end, gaps among them passed over; of those that end so."""
        begins = {}
        for column in range(self.count):
            for line in range(len(self.rows) - 1, self.alike - 1, -1):
                cell = self.rows[line][column]
                if self.is_number(cell):
                    begins[column] = line
                elif cell not in GAPS:
                    break
        return begins

    @cached_property
    def first(self) -> int:
        """The first line of numbers: where one of the columns begins, and the gaps above that."""
        first = min(self._begins.values())
        while first > self.alike and all(self._is_value(self.rows[first - 1][column]) for column in self._begins):
            first -= 1
        return first

    @cached_property
    def width(self) -> int:
        """How many columns there are, without the one that a delimiter at the end of each line makes."""
        above = self.rows[self.first - 1] if self.first else []
        is_named = len(above) == self.count and bool(above[-1].strip())
        ends_so = self.count > 1 and not is_named and not any(row[-1] for row in self.rows[self.first :])
        return self.count - 1 if ends_so else self.count

    def numeric(self, start: int) -> tuple[bool, ...]:
        """Which columns hold numbers, or nothing, from a line on."""
        return tuple(all(map(self._is_value, cells)) for cells in self.columns(start))

    def columns(self, start: int) -> list[tuple[str, ...]]:
        """The cells of each column from a line on."""
        return list(zip(*self.rows[start:], strict=True))[: self.width]

    def is_number(self, cell: str) -> bool:
        """Whether a cell holds a number."""
        return _is_number(cell, self.decimal)

    def _is_value(self, cell: str) -> bool:
        return cell in GAPS or self.is_number(cell)

    def is_comment(self, line: int) -> bool:
        """Whether a line begins with the mark of a comment, and so is not data."""
        if self.rows[line][0] in GAPS or _COMMENT.match(self._lines[-1]):  # then it is how data begin
            return False
        return _COMMENT.match(self._lines[line]) is not None

    def names(self, line: int) -> list[str]:
        """What a line calls the columns, where it has as many fields; else an empty list."""
        names = [name.strip() for name in _fields(_COMMENT.sub("", self._lines[line], count=1), self.delimiter)]
        if len(names) == self.width + 1 and not names[-1]:
            names.pop()
        return names if len(names) == self.width else []

    def is_quoted(self, line: int) -> bool:
        """Whether each field of a line is quoted."""
        fields = self._lines[line].rstrip("\r\n").split(None if self.delimiter == BLANKS else self.delimiter)
        return all(field.strip().startswith('"') for field in fields[: self.width])

    def shown(self, line: int) -> str:
        """A line, as it is shown."""
        return repr(" ".join(self._lines[line].split())[:_SHOWN])

    def check_preamble(self, end: int, start: int) -> None:
        """Raises `DataError` where one of the lines before `end` is data, as those from `start` on or of a kind of its
        own; so may be what stands as a header between them."""
        numeric = self.numeric(start)
        rows = self._rows_before(self.first)
        if end in rows:
            end += 1
        is_data = [line in rows or self._is_data(line, numeric) for line in range(end)]
        if True not in is_data:
            return
        first = is_data.index(True)
        fields = len(self.rows[first])
        odd = next((at for at in range(first, end) if not is_data[at] or len(self.rows[at]) != fields), end)
        if len(self.rows[odd]) != fields:
            odd_is = f"has {_count(self.rows[odd])}, where line {first + 1} has {fields}"
        else:
            odd_is = f"is {self.shown(odd)}, and line {first + 1} is data"
        raise DataError(f"line {odd + 1} {odd_is}; where line {first + 1} is none, take it away or write # before it")

    def _is_data(self, line: int, numeric: Sequence[bool]) -> bool:
        """Whether a line has numbers where the data have them, as far as it goes."""
        cells = [cell for cell, is_numeric in zip(self.rows[line], numeric, strict=False) if is_numeric]
        return _are_numbers(cells, self.decimal) and not self.is_comment(line)

    def _rows_before(self, end: int) -> set[int]:
        """Lines before `end` that are rows by themselves, whatever the data are, and no comments."""
        lines = [line for line in range(end) if not self.is_comment(line)]
        found = set()
        for delimiter, decimal in dict.fromkeys(((self.delimiter, self.decimal), *_CANDIDATES)):
            rows = {line: _fields(self._lines[line], delimiter) for line in lines}
            found |= {line for line, cells in rows.items() if _are_numbers(cells, decimal)}
            if delimiter == self.delimiter or self.count == 1:  # of one column, nothing says what divides the others
                found |= _alike_rows(rows, decimal)
        return found


def _alike_rows(rows: Mapping[int, Sequence[str]], decimal: str) -> set[int]:
    """Lines that follow one another, with as many fields and numbers in the same of them, and are not notes."""
    found = set()
    gaps = GAPS[2:]
    places = {line: tuple(_is_number(cell, decimal) or cell in gaps for cell in cells) for line, cells in rows.items()}
    for held, group in groupby(places, key=places.__getitem__):
        lines = list(group)
        if any(held) and len(lines) > 1 and not _are_notes([rows[line] for line in lines], held):
            found.update(lines)
    return found


def _are_notes(rows: Sequence[Sequence[str]], numbers: Sequence[bool]) -> bool:
    """Whether rows are as `rate,25600`: each begins with a letter, and none has the words of another."""
    words = {tuple(compress(row, map(not_, numbers))) for row in rows}
    return len(words) == len(rows) and all(row[0].strip()[:1].isalpha() for row in rows)


def _is_number(cell: str, decimal: str) -> bool:
    return _NUMBER[decimal].fullmatch(cell.strip(" ")) is not None


def _are_numbers(cells: Sequence[str], decimal: str) -> bool:
    """Whether cells are numbers, at least one, and gaps."""
    are = [_is_number(cell, decimal) for cell in cells]
    return any(are) and all(is_one or cell in GAPS for is_one, cell in zip(are, cells, strict=True))


def _count(fields: Sequence[str]) -> str:
    return "1 field" if len(fields) == 1 else f"{len(fields)} fields"
