"""What commands print with, those of plugins too: handsome on a terminal, plain in a pipe, JSON where asked for.

Tables, fields and headings are the answer, on standard output; a bar says on standard error how far a command is.

No text that passes through here reaches a terminal with characters that steer it, and none is markup: what is not shown
stands as an escape (`pfd.characters`).  Line ends are kept; a foreign text that has to stay on its line goes through
`one_line` before it is put into one.
"""

from __future__ import annotations

import codecs
import io
import json
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from pfd.bars import ProgressBar, progress_bar
from pfd.characters import escaped_json, one_line
from pfd.columns import GAP, least_width, room, widths
from pfd.streams import answer
from pfd.terminal import echo, on_terminal, rich_console

__all__ = [
    "ProgressBar",
    "cut",
    "echo",
    "json_text",
    "moment",
    "on_terminal",
    "one_line",
    "print_fields",
    "print_heading",
    "print_json",
    "print_table",
    "progress_bar",
]

STYLES = {
    "PENDING": "dim",
    "RETRY": "yellow",
    "STARTED": "cyan",
    "PROGRESS": "cyan",
    "SUCCESS": "green",
    "FAILURE": "red",
    "REVOKED": "magenta",
    "fired": "green",
    "skipped": "yellow",
    "missed": "red",
    "paused": "dim",
    "loaded": "green",
    "partial": "yellow",
    "misconfigured": "red",
    "disabled": "dim",
    "incompatible": "yellow",
    "broken": "red",
    "ok": "green",
    "warn": "yellow",
    "fail": "red",
}
"""Colours of the words that say how something is."""

LEAST, FEWEST = 20, 8
"""Characters that a column which is cut keeps: before any other is folded, and however narrow the terminal."""


def json_text(value: Any, *, indent: int | None = 2, allow_nan: bool = True) -> str:
    r"""A value as JSON, on one line where `indent` is None; what is not shown is written as `\uXXXX`.

    Raises `ValueError` for NaN and infinities, which JSON does not know, where they are not allowed.
    """
    return escaped_json(json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=allow_nan, default=str))


def print_json(value: Any, *, indent: int | None = 2) -> None:
    """Print what `json_text` gives; what cannot be written to standard output is written as `\\uXXXX`."""
    text = json_text(value, indent=indent)
    try:
        text.encode(answer().encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(json.loads(text), indent=indent)
    echo(text)


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Collection[int] = (),
    wide: int | None = None,
    optional: Sequence[int] = (),
) -> None:
    """Print a table.  On a terminal cells are folded between words to its width.

    Parameters
    ----------
    right : columns of numbers.
    wide : column that is cut to what the others leave of a terminal, and not folded.
    optional : columns that a terminal does without where it is too narrow for all words, the first of them first.
    """
    columns = [one_line(column).upper() for column in columns]
    text = [[one_line(cell) for cell in row] for row in rows]
    if on_terminal():
        _rich_table(columns, text, right, wide, list(optional))
        return
    lines = [columns, *text]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    for line in lines:
        cells = [c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True))]
        echo("  ".join(cells).rstrip())


def print_fields(pairs: Mapping[str, object]) -> None:
    """Print names and values in two columns, without those that have no value."""
    given = [(one_line(name), one_line(value)) for name, value in pairs.items() if value not in (None, "")]
    width = max((len(name) for name, _ in given), default=0)
    if not on_terminal():
        for name, value in given:
            echo(f"{name.ljust(width)}  {value}")
        return
    from rich.table import Table
    from rich.text import Text

    shown = Table.grid(padding=(0, 2, 0, 0))
    shown.add_column(no_wrap=True)
    shown.add_column(overflow="fold")
    for name, value in given:
        shown.add_row(Text(name, "bold"), Text(value, STYLES.get(value.partition(" ")[0], "")))
    rich_console().print(shown)


def print_heading(text: str) -> None:
    """Print a line that stands over what follows, after an empty one."""
    text = one_line(text)
    echo()
    if on_terminal():
        from rich.text import Text

        rich_console().print(Text(text, "bold"))
    else:
        echo(text)


def moment(seconds: float | None) -> str:
    """A time, in seconds since the epoch, as the clock of this machine shows it, with its zone; of None nothing."""
    return "" if seconds is None else datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def cut(text: str, most: int) -> str:
    """A text of at most so many characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


class ByteStream:
    """Prints bytes that come in pieces, as they are or as text: a character may lie on both sides of a cut.

    As text, a line that was written over stands on lines of its own, and a byte that is not UTF-8 as `\\xff`.
    """

    def __init__(self, *, raw: bool = False) -> None:
        self._raw = raw
        utf8 = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._decoder = io.IncrementalNewlineDecoder(utf8, translate=True)

    def write(self, piece: bytes, *, final: bool = False) -> None:
        """Print a piece; the `final` one with what of a character is left over."""
        if self._raw:
            click.echo(piece, file=answer(), nl=False)
        else:
            echo(self._decoder.decode(piece, final=final), nl=False)


def _rich_table(
    columns: Sequence[str], rows: Sequence[list[str]], right: Collection[int], wide: int | None, optional: list[int]
) -> None:
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    terminal = shutil.get_terminal_size().columns
    cells = [[column, *(row[i] for row in rows)] for i, column in enumerate(columns)]
    natural = [max(map(cell_len, column)) for column in cells]
    least = [
        min(LEAST, natural[i]) if i == wide else natural[i] if i in right else least_width(column, cell_len)
        for i, column in enumerate(cells)
    ]
    kept = list(range(len(columns)))
    while optional and sum(least[i] for i in kept) > room(terminal, len(kept)):
        kept.remove(optional.pop(0))
    if wide in kept and (lacking := sum(least[i] for i in kept) - room(terminal, len(kept))) > 0:
        least[wide] = max(min(FEWEST, least[wide]), least[wide] - lacking)
    # The first column names the row, and is copied from.
    found = widths([natural[i] for i in kept], [least[i] for i in kept], room(terminal, len(kept)), {0})
    given = dict(zip(kept, found, strict=True))
    shown = Table(box=None, pad_edge=False, header_style="bold", padding=(0, GAP, 0, 0))
    for i in kept:
        justify: Any = "right" if i in right else "left"
        shown.add_column(Text(columns[i]), justify=justify, overflow="fold", width=given[i])
    for row in rows:
        texts = [Text(row[i], STYLES.get(row[i], "")) for i in kept]
        if wide in kept:
            texts[kept.index(wide)].truncate(given[wide], overflow="ellipsis")
        shown.add_row(*texts)
    rich_console().print(shown)
    if left_out := [column.lower() for i, column in enumerate(columns) if i not in given]:
        rich_console().print(Text(f"without {', '.join(left_out)}: a wider terminal shows more, --json all", "dim"))
