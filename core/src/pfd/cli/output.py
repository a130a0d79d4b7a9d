"""Ids, times, sizes and values in words that people read."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence

from pfd.columns import least_width, room
from pfd.console import LEAST, on_terminal

SHORT_ID = 8


def short(job_id: str) -> str:
    """An id as a person would type it; whole in a pipe, where a program may keep it."""
    return job_id[:SHORT_ID] if on_terminal() else job_id


def fits(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a table can be read on the terminal: no word of it is broken, and a text keeps some words a line."""
    from rich.cells import cell_len

    cells = zip(columns, *rows, strict=True)
    least = [max(least_width(cell, cell_len), min(LEAST, max(map(cell_len, cell)))) for cell in cells]
    return sum(least) <= room(shutil.get_terminal_size().columns, len(least))


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
