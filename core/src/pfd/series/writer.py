"""Writing the series of one run: cheap to call, and ten times a second on the disk."""

from __future__ import annotations

import logging
import math
import os
import re
import threading
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, SupportsInt

from pfd.characters import is_shown
from pfd.errors import ParameterError, shown
from pfd.modes import fit, make_folder, new_file_mode
from pfd.store.encoding import encode
from pfd.views.text import as_number

INTERVAL = 0.1
"""Seconds between two writes of a run."""

DENSE = 10_000
"""Points of a series that are all kept; of the next so many every second one, of the next every fourth, and so on."""

MOST_VALUES, LONGEST_NAME = 64, 100
"""Values of one point, and characters of the name of one."""

MOST_STEPS = 2**53
"""Steps up to here are whole numbers in every language that reads JSON."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,59}")


def series_path(log_folder: Path, claim: int) -> Path:
    """Where the series of a run lie, in the folder of the job's logs."""
    return log_folder / f"{claim}.series"


_Point = tuple[str, int, float, Mapping[str, Any]]


class _Kept(NamedTuple):
    """How many points of a series were given and written, and the one that was left out last."""

    given: int = 0
    written: int = 0
    left_out: _Point | None = None


class SeriesWriter:
    """Takes the points of all series of a run.  Thread-safe; nothing is made before the first point.

    A disk that is full, or away, does not end the job: points are left out, and its log says so once.
    """

    def __init__(self, path: Path, log: logging.Logger) -> None:
        self._path = path
        self._log = log
        self._kept: dict[tuple[str, ...], _Kept] = {}
        self._known: set[tuple[str, ...]] = set()
        self._told: set[str] = set()
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._kept = {column: kept._replace(left_out=None) for column, kept in self._kept.items()}
        self._pending: deque[_Point] = deque()
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._starting = threading.Lock()
        self._writing = threading.Lock()
        self._file: int | None = None
        self._torn = False

    def record(self, series: str, step: SupportsInt, values: Mapping[str, Any]) -> None:
        """Have a point written soon.

        Raises
        ------
        ParameterError : a name, a step or a value that cannot be stored; it is named.
        """
        if self._process != os.getpid():  # a fork of the task: what waits there is its parent's, and so is the thread
            self._begin()
        if type(series) is not str or (series, *values) not in self._known:
            _check_names(series, values)
            self._known.add((series, *values))
        if type(step) is not int or not 0 <= step < MOST_STEPS:
            step = _step(series, step)
        for value in values.values():
            if type(value) is not float and (type(value) is not int or not -MOST_STEPS < value < MOST_STEPS):
                values = _numbers(series, values)
                break
        self._pending.append((series, step, time.time(), values))
        if self._thread is None:
            self._start()

    def close(self) -> None:
        """Write what there is, and stop.  Raises nothing: what a task has done is not lost for it."""
        self._closing.set()
        if self._thread is None:
            return
        self._wake.set()
        self._write(last=True)
        with self._writing:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="pfd-series", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._write()
            self._wake.wait(INTERVAL)

    def _write(self, *, last: bool = False) -> None:
        with self._writing:
            points = [point for _ in range(len(self._pending)) if (point := self._next()) is not None]
            if last:
                points += [one.left_out for one in self._kept.values() if one.left_out is not None]
            try:
                if points:
                    self._append("".join(map(self._line, points)).encode())
            except OSError as error:
                self._torn = True
                self._tell("disk", f"points of series are left out: {self._path}: {error.strerror or error}")
            except Exception as error:  # of whatever the task's own objects make
                self._tell("value", f"points of series are left out: {error}")

    def _next(self) -> _Point | None:
        """The next point that is to be written, or None."""
        point = self._pending.popleft()
        column = (point[0], *point[3])
        so_far = self._kept.get(column, _Kept())
        stride = 1 << (so_far.written // DENSE)
        if so_far.given % stride:
            self._kept[column] = _Kept(so_far.given + 1, so_far.written, point)
            self._tell(point[0], f"series {point[0]}: more than {DENSE} points; of the further ones fewer are kept")
            return None
        self._kept[column] = _Kept(so_far.given + 1, so_far.written + 1)
        return point

    @staticmethod
    def _line(point: _Point) -> str:
        return encode(point) + "\n"

    def _append(self, data: bytes) -> None:
        if self._file is None:
            make_folder(self._path.parent)
            mode = new_file_mode(self._path.parent)
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, mode)
            fit(self._path)
        rest = memoryview(b"\n" + data if self._torn else data)  # behind a line of which a full disk took a part
        while rest:
            rest = rest[os.write(self._file, rest) :]
        self._torn = False

    def _tell(self, what: str, message: str) -> None:
        if what not in self._told:
            self._told.add(what)
            self._log.warning("%s", message)


def _check_names(series: object, values: Mapping[str, Any]) -> None:
    if not isinstance(series, str) or not _NAME.fullmatch(series):
        raise ParameterError(
            f"series {shown(series)}: not a name of 1 to 60 letters, digits and _ . / -",
            hint="name it after what it counts along, such as 'training'",
        )
    if not 1 <= len(values) <= MOST_VALUES:
        raise ParameterError(f"series {series}: {len(values)} values of a point, and not 1 to {MOST_VALUES}")
    for name in values:
        if not is_shown(name) or not name.strip() or len(name) > LONGEST_NAME:
            raise ParameterError(
                f"series {series}: {shown(name)} is no name of a value, of 1 to {LONGEST_NAME} letters"
            )


def _step(series: str, step: object) -> int:
    number = as_number(step)
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < MOST_STEPS:
        raise ParameterError(f"series {series}: step {shown(step)} is not a whole number from 0 on")
    return number


def _numbers(series: str, values: Mapping[str, Any]) -> dict[str, float | int | None]:
    """The values as JSON has them: NaN and infinities are null."""
    found: dict[str, float | int | None] = {}
    for name, value in values.items():
        number = as_number(value)
        if number is not None and not isinstance(number, float | int):
            raise ParameterError(f"series {series}: {name}={shown(value)} is not a number")
        found[name] = as_number(_float(number)) if number is not None else None
    return found


def _float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf
