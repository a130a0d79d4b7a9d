"""How the commands of this noun print tables and times."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Iterable, Sequence

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text


def when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def _printable(text: str) -> str:
    """`text` with U+FFFD for each character that is neither printed nor a space: control characters, line ends."""
    kept = (char if char.isprintable() or unicodedata.category(char) == "Zs" else "\ufffd" for char in text)
    return "".join(kept)


def print_table(heads: Sequence[str], rows: Iterable[Sequence[object]], *, right: set[int]) -> None:
    """A table on a terminal; in a pipe columns in line, uncut, so that other programs can read them.

    What cannot be printed in a cell stands as U+FFFD: a text of a foreign file must not steer a terminal.
    """
    cells = [[_printable(str(cell)) for cell in row] for row in rows]
    console = Console(highlight=False)
    if console.is_terminal:
        table = Table(box=None, header_style="bold", pad_edge=False)
        for column, head in enumerate(heads):
            table.add_column(head, justify="right" if column in right else "left", overflow="fold")
        for row in cells:
            table.add_row(*(Text(cell) for cell in row))
        console.print(table)
        return
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    for row in [list(heads), *cells]:
        padded = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        click.echo("  ".join(padded).rstrip())
