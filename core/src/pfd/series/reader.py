"""Reading the series of a job, of all its runs, while they are written or later."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pfd.cursors import place
from pfd.series.writer import series_path

_FILE = re.compile(r"(\d{1,18})\.series")
_CURSOR = re.compile(r"(\d{1,18}):(\d{1,18})")

_DECODER = json.JSONDecoder(parse_constant=lambda _: None)  # of a foreign writer: NaN and infinities are gaps
_VALUES = {float, int, type(None)}

LONGEST = 64 * 1024
"""Bytes of a line; a longer one is none of ours."""


class Point(NamedTuple):
    """One point of a series; `time` in seconds since the epoch."""

    step: int
    time: float
    values: dict[str, float | None]


class Points(NamedTuple):
    """Points, and the place behind them, from which further ones are read."""

    points: tuple[Point, ...]
    cursor: str


def names(log_folder: Path) -> tuple[str, ...]:
    """The series of a job, in the order in which they began."""
    found: dict[str, None] = {}
    for _, path in _files(log_folder):
        for name, _ in _lines(path, 0)[0]:
            found.setdefault(name)
    return tuple(found)


def read(log_folder: Path, name: str, since: str = "") -> Points:
    """The points of a series in the order of their writing, of all runs of the job.

    A run that began anew at an earlier step has taken back what an earlier run recorded from there on; `merged` leaves
    that out.

    Parameters
    ----------
    since : the cursor of what was read before; from the beginning where it is empty.

    Raises
    ------
    ParameterError : `since` is no such cursor.
    """
    claim, offset = place(since, _CURSOR, "a series") or (0, 0)
    points: list[Point] = []
    for number, path in _files(log_folder):
        if number < claim:
            continue
        lines, end = _lines(path, offset if number == claim else 0)
        points += [point for series, point in lines if series == name]
        claim, offset = number, end
    return Points(tuple(points), f"{claim}:{offset}")


def merged(points: tuple[Point, ...]) -> tuple[Point, ...]:
    """The same without what was taken back: where a step is not beyond the one before, it stands for all from it on."""
    kept: list[Point] = []
    for point in points:
        while kept and kept[-1].step >= point.step:
            kept.pop()
        kept.append(point)
    return tuple(kept)


def _files(log_folder: Path) -> list[tuple[int, Path]]:
    try:
        found = [
            int(match[1])
            for path in log_folder.iterdir()
            # A link may lead anywhere, and a pipe would keep its reader for ever.
            if (match := _FILE.fullmatch(path.name)) and not path.is_symlink() and path.is_file()
        ]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [(claim, series_path(log_folder, claim)) for claim in sorted(found)]


def _lines(path: Path, offset: int) -> tuple[list[tuple[str, Point]], int]:
    """The whole lines of a file from a place on, and the place behind them.  What is no point is left out."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return [], offset
    whole = data[: data.rfind(b"\n") + 1]
    return list(_points(whole)), offset + len(whole)


def _points(data: bytes) -> Iterator[tuple[str, Point]]:
    for line in data.splitlines():
        if len(line) > LONGEST:
            continue
        try:
            name, step, moment, values = _DECODER.decode(line.decode())
            numbers = values.values()
        except (ValueError, TypeError, AttributeError, RecursionError):
            continue
        if type(name) is str and type(step) is int and type(moment) is float and _VALUES.issuperset(map(type, numbers)):
            yield name, Point(step, moment, values)
