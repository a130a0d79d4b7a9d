"""The user's table: a CSV file with a column `file` and others that are columns of a recording."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from pfd import DataError, read_regular
from pfd.csv_tables import from_cell
from pfd_plugin_mat_import.params import COLUMNS

MAX_BYTES = 16 * 1024**2


class Table:
    """What a table says of each file.  A row names a file by its path within the source, or by its name alone."""

    def __init__(self, rows: Mapping[str, Mapping[str, str]]) -> None:
        self._rows = rows
        self._used: set[str] = set()

    def row(self, name: str) -> Mapping[str, str]:
        """The columns of a file, by its path within the source; empty where the table has no row of it."""
        for key in (name, PurePosixPath(name).name):
            if key in self._rows:
                self._used.add(key)
                return self._rows[key]
        return {}

    @property
    def unused(self) -> list[str]:
        """Files that rows name and that were not asked for."""
        return [key for key in self._rows if key not in self._used]


def read_table(path: Path | None) -> Table:
    """Read a table, UTF-8 with commas; None is the empty one.

    The `'` by which a text that begins as a formula does is marked for spreadsheets, also in what PFD writes, is taken
    away.

    Raises
    ------
    DataError : it is not there or cannot be read, has no column `file`, an unknown one, or two rows of one file.
    """
    if path is None:
        return Table({})
    try:
        text = read_regular(path, MAX_BYTES).decode("utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        heads = list(reader.fieldnames or ())
        rows = list(reader)
    except DataError as error:
        raise DataError(
            f"mapping.table: {error.message}", hint="a relative path is taken from where the job was submitted"
        ) from error
    except (ValueError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as a table: {error}", hint="save it as CSV in UTF-8") from error
    if "file" not in heads or (unknown := [head for head in heads if head not in ("file", *COLUMNS)]):
        wrong = f"has the unknown column {unknown[0]!r}" if "file" in heads else "has no column 'file'"
        raise DataError(f"{path} {wrong}", hint=f"columns are file, {', '.join(COLUMNS)}")
    found: dict[str, Mapping[str, str]] = {}
    for line, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise DataError(f"{path}, line {line}: it has not {len(heads)} columns", hint="mend the line or its quotes")
        texts = {head: from_cell(text.strip()) for head, text in row.items()}
        if (name := texts.pop("file")) in found:
            raise DataError(f"{path}, line {line}: a second row of {name}", hint="leave one of them")
        found[name] = texts
    return Table(found)
