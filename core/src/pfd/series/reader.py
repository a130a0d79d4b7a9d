"""Reading the series of a job, of all its runs, while they are written or later."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pfd.cursors import place
from pfd.errors import ParameterError
from pfd.series.writer import MOST_STEPS, series_path

_FILE = re.compile(r"(\d{1,18})\.series")
_CURSOR = re.compile(r"(\d{1,18}):(\d{1,18})")


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


_DECODER = json.JSONDecoder(parse_constant=lambda _: None, parse_float=_finite)  # of a foreign writer: 1e999, NaN
_VALUES = {float, int, type(None)}

LONGEST = 64 * 1024
"""Bytes of a line; a longer one is none of ours."""


class Point(NamedTuple):
    """One point of a series; `time` in seconds since the epoch, `claim` the number of the run that recorded it."""

    step: int
    time: float
    values: dict[str, float | None]
    claim: int = 0


class Points(NamedTuple):
    """Points, and the place behind them, from which further ones are read."""

    points: tuple[Point, ...]
    cursor: str


def names(log_folder: Path) -> tuple[str, ...]:
    """The series of a job, in the order in which they began."""
    return tuple(read_all(log_folder))


def read_all(log_folder: Path) -> dict[str, tuple[Point, ...]]:
    """The points of all series of a job, by name, in the order of their writing."""
    found: dict[str, list[Point]] = {}
    for claim, path in _files(log_folder):
        for name, point in _lines(path, 0, claim)[0]:
            found.setdefault(name, []).append(point)
    return {name: tuple(points) for name, points in found.items()}


def read(log_folder: Path, name: str, since: str = "") -> Points:
    """The points of a series in the order of their writing, of all runs of the job.

    A run that began anew at an earlier step has taken back what an earlier run recorded from there on; `merged` leaves
    that out.

    Parameters
    ----------
    since : the cursor of what was read before; from the beginning where it is empty.

    Raises
    ------
    ParameterError : `since` is no such cursor, or one of another job.
    """
    claim, offset = place(since, _CURSOR, "a series") or (0, 0)
    points: list[Point] = []
    files = _files(log_folder)
    if claim and (claim not in dict(files) or offset > dict(files)[claim].stat().st_size):
        raise ParameterError(f"since={since} is of another job", hint="begin anew, with an empty cursor")
    for number, path in files:
        if number < claim:
            continue
        lines, end = _lines(path, offset if number == claim else 0, number)
        points += [point for series, point in lines if series == name]
        claim, offset = number, end
    return Points(tuple(points), f"{claim}:{offset}")


def merged(points: tuple[Point, ...]) -> tuple[Point, ...]:
    """The same by steps, without what was taken back, and with what one run recorded of one step in one point.

    A run that begins at an earlier step than where the one before had come stands for all from there on.
    """
    kept: dict[int, Point] = {}
    for claim in dict.fromkeys(point.claim for point in points):
        of_run = [point for point in points if point.claim == claim]
        first = min(point.step for point in of_run)
        kept = {step: point for step, point in kept.items() if step < first}
        for point in of_run:
            before = kept.get(point.step)
            kept[point.step] = point if before is None else point._replace(values=before.values | point.values)
    return tuple(kept[step] for step in sorted(kept))


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


def _lines(path: Path, offset: int, claim: int) -> tuple[list[tuple[str, Point]], int]:
    """The whole lines of a file from a place on, and the place behind them.  What is no point is left out."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return [], offset
    whole = data[: data.rfind(b"\n") + 1]
    return list(_points(whole, claim)), offset + len(whole)


def _points(data: bytes, claim: int = 0) -> Iterator[tuple[str, Point]]:
    for line in data.splitlines():
        if len(line) > LONGEST:
            continue
        try:
            name, step, moment, values = _DECODER.decode(line.decode())
            numbers = values.values()
        except (ValueError, TypeError, AttributeError, RecursionError):
            continue
        of_types = (type(name), type(step), type(moment)) == (str, int, float) and _VALUES.issuperset(
            map(type, numbers)
        )
        if of_types and 0 <= step < MOST_STEPS:
            yield name, Point(step, moment, values, claim)
