"""Reading tables of delimited text, such as CSV: each column by its name in the header, and by its number, from 1.

All columns that nobody asks for by their own names are a variable as well, `table`: a matrix with a column for each.
"""

from __future__ import annotations

import codecs
import io
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from pfd import DataError
from pfd_plugin_mat_import.csv_division import BLANKS, GAPS
from pfd_plugin_mat_import.csv_layout import CsvLayout, find_layout
from pfd_plugin_mat_import.recorded_file import Alias, Variable, converting, require_room, value_of

WHOLE = "table"
"""What the columns together are called, unless one of them is called so."""

_CHUNK = 1024**2
_BLOCK = 4 * 1024**2
"""Bytes that are read at a time; a line may not be longer than a block."""

_ROW = re.compile(r"Row #(\d+)")
_FIELDS = re.compile(r"Expected \d+ columns, got (\d+)")
_CELL = re.compile(r"CSV column #(\d+): .*?invalid value '(.*)'", re.DOTALL)


@dataclass(frozen=True)
class TextTable:
    """The format, with what the user says: whether the tables have a header."""

    header: bool | None = None

    def variables(self, path: Path) -> tuple[Variable, ...]:
        """The columns of a table, none of them read.

        Raises
        ------
        DataError : it is not a table with a column of numbers, or what in it is the header is not certain.
        """
        with converting("table of text"):
            layout = find_layout(path, self.header)
            return tuple(Variable(name, (), _kind(name, columns, layout)) for name, columns in _places(layout).items())

    def read(self, path: Path, wanted: Collection[Variable]) -> dict[str, Any]:
        """Values of some variables: a column of numbers as float64, NaN where one is missing; one of text as text.

        Raises
        ------
        DataError : a name is that of several columns; a line has another number of fields, or text in a column of
            numbers.
        """
        with converting("table of text"):
            layout = find_layout(path, self.header)
            known = _places(layout)
            places = {variable.name: known[variable.name] for variable in wanted}
            if not places:
                return {}
            for name, columns in places.items():
                if name != WHOLE or WHOLE in layout.names:
                    _require_one(name, columns, layout)
            if WHOLE in places and WHOLE not in layout.names:
                places[WHOLE] = _rest(places, layout)
            found = _columns(path, layout, sorted({column for columns in places.values() for column in columns}))
            return {
                name: value_of(
                    np.stack([found[column] for column in columns], axis=1) if len(columns) > 1 else found[columns[0]]
                )
                for name, columns in places.items()
            }


def _places(layout: CsvLayout) -> dict[str, list[int]]:
    """The columns of each variable, from 0: of its name, of its number, and all."""
    places: dict[str, list[int]] = {}
    for column, name in enumerate(layout.names):
        if name:
            places.setdefault(name, []).append(column)
    for column, name in enumerate(layout.names):
        number = str(column + 1)
        if number in places:  # another may be called so
            places[number] = sorted({*places[number], column})
        else:
            places[Alias(number, name) if name else number] = [column]
    places.setdefault(Alias(WHOLE), list(range(len(layout.names))))
    return places


def _require_one(name: str, columns: Sequence[int], layout: CsvLayout) -> None:
    """Raises `DataError` where a name is that of several columns, or the column is not of one kind."""
    if len(columns) > 1 and all(layout.names[column] == name for column in columns):
        raise DataError(f"{name} is the name of several columns; say which by its number: {_listed(columns)}")
    if len(columns) > 1:
        named = [column for column in columns if layout.names[column] == name]
        raise DataError(
            f"{name} is the name of column {_listed(named)}, and the number of another; "
            f"change the name, or take it as a channel of '{WHOLE}'"
        )
    if columns[0] in layout.odd:
        raise DataError(layout.odd[columns[0]])


def _rest(places: Mapping[str, Sequence[int]], layout: CsvLayout) -> list[int]:
    """The columns that are not asked for by a name of their own."""
    asked = {column for name, columns in places.items() if name != WHOLE for column in columns}
    rest = [column for column in range(len(layout.names)) if column not in asked]
    if not rest:
        raise DataError(f"nothing is left of {WHOLE}: each column is asked for by its own name")
    for column in rest:
        if column in layout.odd:
            raise DataError(layout.odd[column])
        if not layout.numeric[column]:
            called = layout.names[column] or f"column {column + 1}"
            raise DataError(f"{called} holds text: {WHOLE} is of numbers; ask for its columns by their names")
    return rest


def _kind(name: str, columns: Sequence[int], layout: CsvLayout) -> str:
    if name == WHOLE and WHOLE not in layout.names:
        return f"all columns: {len(columns)}"
    if len(columns) > 1:
        return f"columns {_listed(columns)}"
    kind = "numbers" if layout.numeric[columns[0]] or columns[0] in layout.odd else "text"
    return kind if name == str(columns[0] + 1) else f"column {columns[0] + 1}, {kind}"


def _listed(columns: Sequence[int]) -> str:
    return ", ".join(str(column + 1) for column in columns[:10])


def _columns(path: Path, layout: CsvLayout, wanted: Sequence[int]) -> dict[int, npt.NDArray[Any]]:
    """Some columns, from 0.  All lines are divided; only what is wanted of them is made out."""
    import pyarrow as pa
    from pyarrow import csv

    names = [str(column) for column in range(layout.fields)]
    types = {str(column): pa.float64() if layout.numeric[column] else pa.string() for column in wanted}
    if layout.fields > len(layout.numeric):
        types[names[-1]] = pa.null()  # the delimiter at the end: nothing may stand behind it
    parts: dict[int, list[npt.NDArray[Any]]] = {column: [] for column in wanted}
    rows = size = 0
    try:
        with path.open("rb") as raw:
            lines = _Lines(raw, layout)
            for batch in csv.open_csv(
                pa.PythonFile(io.BufferedReader(lines, _BLOCK), mode="r"),
                read_options=csv.ReadOptions(column_names=names, block_size=_BLOCK, use_threads=False),
                # A blank line is a gap in a table of one column, and an error in any other.
                parse_options=csv.ParseOptions(delimiter=layout.delimiter, ignore_empty_lines=False),
                convert_options=csv.ConvertOptions(
                    column_types=types,
                    include_columns=list(types),
                    null_values=GAPS,
                    strings_can_be_null=False,
                    decimal_point=layout.decimal,
                ),
            ):
                rows += batch.num_rows
                for column, part in zip(wanted, batch.columns[: len(wanted)], strict=True):
                    array = part.to_numpy(zero_copy_only=False)
                    parts[column].append(array if layout.numeric[column] else array.astype("U"))
                    size += parts[column][-1].nbytes
                require_room(size)
    except pa.ArrowInvalid as error:
        raise DataError(_told(str(error), layout)) from error
    if rows != lines.number:
        why = "a quotation mark is open at the end of a line" if rows < lines.number else "they end in different ways"
        raise DataError(f"{lines.number:,} lines make {rows:,} rows: {why}")
    for column in wanted:
        longest = max(part.dtype.itemsize for part in parts[column])
        require_room(rows * longest)
    return {column: np.concatenate(parts[column]) for column in wanted}


def _told(message: str, layout: CsvLayout) -> str:
    """What pyarrow says of a line, in terms of the file: it counts rows from where the data begin."""
    row, fields, cell = _ROW.search(message), _FIELDS.search(message), _CELL.search(message)
    line = f"line {layout.line + int(row[1]) - 1}" if row else "a line"
    if fields:
        return f"{line} has {fields[1]} fields, where the others have {layout.fields}"
    if cell and int(cell[1]) < len(layout.numeric):
        return f"{line}: {cell[2][:40]!r} in column {int(cell[1]) + 1} is not a number, as most in it are"
    if cell:
        return f"{line} has a field more than the others, {cell[2][:40]!r}"
    return f"no table that can be read: {' '.join(message.split())[:160]}"


class _Lines(io.RawIOBase):
    """The lines of the data in UTF-8, runs of blanks as one, without the blank lines at the end of the file."""

    def __init__(self, raw: BinaryIO, layout: CsvLayout) -> None:
        super().__init__()
        raw.seek(layout.at)
        self._pieces = self._cleaned(raw, layout)
        self._ready = memoryview(b"")
        self._ends = Counter[bytes]()

    @property
    def number(self) -> int:
        """How many have been read."""
        return 1 + (self._ends[b"\n"] or self._ends[b"\r"])

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """As of any stream."""
        while not self._ready:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._ready = memoryview(piece)
        size = min(len(buffer), len(self._ready))
        buffer[:size], self._ready = self._ready[:size], self._ready[size:]
        return size

    def _cleaned(self, raw: BinaryIO, layout: CsvLayout) -> Iterator[bytes]:
        decoder = None if layout.encoding == "utf-8" else codecs.getincrementaldecoder(layout.encoding)("replace")
        blank = b" \t\r\n" if layout.delimiter == BLANKS else b" \r\n"
        held, first = b"", True
        while chunk := raw.read(_CHUNK):
            text = held + (decoder.decode(chunk).encode() if decoder else chunk)
            piece = text.rstrip(blank)
            held = text[len(piece) :]  # the end of the file, or not
            if layout.delimiter == BLANKS:
                piece = re.sub(rb"[ \t]*([\r\n]+)[ \t]*", rb"\1", piece)
                piece = re.sub(rb"[ \t]+", b" ", piece.lstrip(b" \t") if first else piece)
            first = False
            self._ends.update({end: piece.count(end) for end in (b"\n", b"\r")})
            yield piece
