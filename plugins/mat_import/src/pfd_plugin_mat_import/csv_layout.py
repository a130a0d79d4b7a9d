"""How a table of delimited text is laid out, found by its first lines.

The line before the data is the header where it has a name for each column and no number; what is before that is a
preamble.  A preamble with a line like the data is none: such a file has an odd line in its middle, which is told
instead of leaving out what comes before.  A line of numbers is a header where that is certain, or the user says so;
where it may be either, the user is asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pfd import DataError
from pfd_plugin_mat_import.csv_division import GAPS, Division, divide, read_head

_WHOLE_NUMBER = re.compile(r"[+-]?\d+", re.ASCII)


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


def find_layout(path: Path, header: bool | None = None) -> CsvLayout:
    """The layout of a table, of which the user may say whether it has a header.

    Raises
    ------
    DataError : it is not a text, holds no column of numbers, its first lines contradict each other or what the user
        says, or one of them may be the header or data.
    """
    head = read_head(path)
    table = divide(head.lines)
    named = _header(table, header)
    start = table.first if named is None or named < table.first else table.first + 1
    table.check_preamble(start if named is None else named, start)
    numeric = table.numeric(start)
    odd = _odd(table, start, numeric)
    if odd and named is None and header is None:  # then nothing tells where the data begin
        raise DataError(f"{next(iter(odd.values()))}; mend the line, or write a header above the data")
    at = head.mark + len("".join(head.lines[:start]).encode(head.encoding))
    names = _names(table, named)
    return CsvLayout(head.encoding, table.delimiter, table.decimal, at, start + 1, table.count, numeric, names, odd)


def _header(table: Division, said: bool | None) -> int | None:
    """The line of the header, which is the one above the first line of numbers, or that line itself."""
    first, above = table.first, table.first - 1
    names = table.names(above) if first else []
    # The first may have none: it is the index that pandas writes.
    is_named = any(names) and all(names[1:]) and not any(map(table.is_number, names))
    if said:
        if not any(names) and first + 1 == len(table.rows):
            raise DataError(f"mapping.header=true, and line {first + 1} is the only one of numbers")
        if not any(names) and not any(table.names(first)):
            raise DataError(f"mapping.header=true, and line {first + 1} has no name")
        return above if any(names) else first
    if said is False:
        if is_named or table.alike < first:
            line = min(table.alike, above)
            raise DataError(f"mapping.header=false, and line {line + 1} is {table.shown(line)}, which is not data")
        return None
    if is_named:
        return above
    if first + 1 == len(table.rows):
        return None
    if _is_certain(table):
        return first
    if _may_be_header(table):
        raise DataError(
            f"line {first + 1} is {table.shown(first)}: is it the header, or data?  "
            "Say mapping.header=true or mapping.header=false"
        )
    return None


def _is_certain(table: Division) -> bool:
    """Whether the first line of numbers is a header: quoted, where what is below it is not; or that of pandas, whose
    index below it counts from 0."""
    first = table.first
    if table.is_quoted(first) and not table.is_quoted(first + 1):
        return True
    names = table.names(first)
    return len(names) > 1 and not names[0] and _counts_from(names[1:]) == 0 and table.rows[first + 1][0].strip() == "0"


def _may_be_header(table: Division) -> bool:
    """Whether the first line of numbers may as well be a header: it counts up from 0, or from 1 where what is below is
    not all whole numbers; or it has a text in a column of numbers."""
    first = table.first
    names = table.names(first)
    below = [cell for cells in table.columns(first + 1) for cell in cells if cell not in GAPS]
    begins = _counts_from(names if names[0] else names[1:])
    if begins == 0 or (begins == 1 and not all(_WHOLE_NUMBER.fullmatch(cell.strip()) for cell in below)):
        return True
    return table.numeric(first) != table.numeric(first + 1)


def _counts_from(names: Sequence[str]) -> int | None:
    """The 0 or 1 from which names count up, or None where they do not."""
    return next((begin for begin in (0, 1) if names and list(names) == _numbers(begin, len(names))), None)


def _numbers(begin: int, count: int) -> list[str]:
    return [str(number) for number in range(begin, begin + count)]


def _names(table: Division, header: int | None) -> tuple[str, ...]:
    """What the header calls the columns: nothing where it only counts them."""
    names = [] if header is None else table.names(header)
    if not names or _counts_from(names if names[0] else names[1:]) is not None:
        return ("",) * table.width
    return tuple(names)


def _odd(table: Division, start: int, numeric: Sequence[bool]) -> dict[int, str]:
    """Columns that hold numbers in most lines, and text in some, with the last of these."""
    found = {}
    for column, (cells, is_numeric) in enumerate(zip(table.columns(start), numeric, strict=True)):
        if is_numeric:
            continue
        texts = [line for line, cell in enumerate(cells) if cell not in GAPS and not table.is_number(cell)]
        if len(texts) < sum(map(table.is_number, cells)):
            where = f"line {start + texts[-1] + 1}: {cells[texts[-1]][:40]!r} in column {column + 1}"
            found[column] = f"{where} is not a number, as most in it are"
    return found
