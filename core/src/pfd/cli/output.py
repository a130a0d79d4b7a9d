"""Tables and lines: handsome on a terminal, plain aligned text in a pipe, JSON where asked for."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

import click

if TYPE_CHECKING:
    from rich.console import Console

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
    "disabled": "dim",
    "incompatible": "yellow",
    "broken": "red",
    "ok": "green",
    "warn": "yellow",
    "fail": "red",
}
"""Colours of the words that say how something is."""

SHORT_ID = 8

LEAST = 20
"""Characters that a column keeps, however narrow the terminal."""


def on_terminal(stream: TextIO | None = None) -> bool:
    """Whether a stream (standard output) is a terminal that wants more than plain text."""
    return (stream or sys.stdout).isatty() and os.environ.get("TERM") != "dumb"


def console(*, stderr: bool = False) -> Console:
    """A rich console; NO_COLOR is respected by rich itself."""
    from rich.console import Console

    return Console(highlight=False, stderr=stderr)


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def clean(text: object) -> str:
    """Text of a job or a file on one line, with no control characters that would reach the terminal."""
    shown = "" if text is None else str(text)
    if shown.isprintable():
        return shown
    return "".join(
        c if c.isprintable() else " " if c in "\n\r\t" else c.encode("unicode_escape").decode() for c in shown
    )


def short(job_id: str) -> str:
    """An id as a person would type it; whole in a pipe, where a program may keep it."""
    return job_id[:SHORT_ID] if on_terminal() else job_id


def cut(text: str, most: int) -> str:
    """A text of at most so many characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def table(
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    right: Collection[int] = (),
    wide: int | None = None,
    whole: bool = False,
) -> None:
    """Print a table.

    Parameters
    ----------
    right : columns of numbers.
    wide : column that is cut to what the others leave of a terminal.
    whole : whether the first column may be folded, too: it is a text as long as any other.
    """
    columns = [column.upper() for column in columns]
    text = [[clean(cell) for cell in row] for row in rows]
    if on_terminal():
        if wide is not None:
            others = [max(len(row[i]) for row in [columns, *text]) for i in range(len(columns)) if i != wide]
            room = shutil.get_terminal_size().columns - sum(others) - 2 * len(columns)
            for row in text:
                row[wide] = cut(row[wide], max(LEAST, room))
        _rich_table(columns, text, right, whole=whole)
        return
    lines = [columns, *text]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    for line in lines:
        cells = [c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True))]
        click.echo("  ".join(cells).rstrip())


def fits(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a table can be read on the terminal: no name of a column is folded, nor a cell that is short."""
    cells = zip(*rows, strict=True)
    least = [max(len(name), min(LEAST, max(map(len, cell)))) for name, cell in zip(columns, cells, strict=True)]
    return sum(least) + 2 * len(least) <= shutil.get_terminal_size().columns


def _rich_table(columns: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int], *, whole: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for index, column in enumerate(columns):
        # The first column names the row and is copied from; others are folded on a narrow terminal, the longest first.
        justify: Any = "right" if index in right else "left"
        shown.add_column(column, justify=justify, overflow="fold", no_wrap=index == 0 and not whole)
    for row in rows:
        shown.add_row(*(Text(cell, STYLES.get(cell, "")) for cell in row))
    console().print(shown)


def fields(pairs: Mapping[str, object]) -> None:
    """Print names and values in two columns, without those that have no value."""
    given = {name: clean(value) for name, value in pairs.items() if value not in (None, "")}
    width = max(map(len, given), default=0)
    if not on_terminal():
        for name, value in given.items():
            click.echo(f"{name.ljust(width)}  {value}")
        return
    from rich.table import Table
    from rich.text import Text

    shown = Table.grid(padding=(0, 2, 0, 0))
    shown.add_column(no_wrap=True)
    shown.add_column(overflow="fold")
    for name, value in given.items():
        shown.add_row(Text(name, "bold"), Text(value, STYLES.get(value.partition(" ")[0], "")))
    console().print(shown)


def heading(text: str) -> None:
    """A line that stands over what follows, after an empty one."""
    click.echo()
    if on_terminal():
        from rich.text import Text

        console().print(Text(text, "bold"))
    else:
        click.echo(text)


def ago(moment: float | None) -> str:
    """A moment as a span before now: `12 s`, `5 min`, `3 h`, `2 d`."""
    return "" if moment is None else span(max(0.0, time.time() - moment))


def span(seconds: float | None) -> str:
    """Seconds for people."""
    if seconds is None:
        return ""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    for limit, unit, length in ((119.5, "s", 1), (7170, "min", 60), (172_000, "h", 3600)):
        if seconds < limit:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds / 86400:.0f} d"


def size(number: float) -> str:
    """Bytes for people."""
    for unit in ("B", "KiB", "MiB"):
        if number < 1023.95:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} GiB"


def counted(number: int, one: str, many: str | None = None) -> str:
    """How many of a thing: `1 bearing`, `2 bearings`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def short_value(value: object) -> str:
    """A value of a result or parameter for people: four digits of a fraction, lists and objects on one line."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return _decimal(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {short_value(inner)}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(short_value(inner) for inner in value)
    return str(value)


def _decimal(value: float) -> str:
    """A float in four digits, no whole digit left out: `0.6667`, `1.0`, `12000`."""
    if not 1e4 <= abs(value) < 1e15:
        text = f"{value:.4g}"
        return f"{text}.0" if abs(value) < 999.5 and text.lstrip("-").isdigit() else text
    return f"{value:.0f}"
