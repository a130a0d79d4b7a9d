"""What a user says of a file: columns by value, by variable, by a pattern for names, and by the row of a table.

Runs in the reading process only: a pattern that never ends, or a variable that is made to do harm, ends that process.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from pfd import DataError
from pfd_plugin_mat_import.layouts import Known
from pfd_plugin_mat_import.params import FileMapping

_SPEEDS = ("rpm", "shaft_hz")
_STEP = re.compile(r"\.(\w+)|\((\d+)\)|\{(\d+)\}")


def variables_of(mapping: FileMapping, names: Sequence[str]) -> Iterator[str]:
    """The variables of a file, of those called `names`, that the mapping wants."""
    for place in (*(channel.variable for channel in mapping.channels), *mapping.variables.values()):
        yield from (name for name in names if fnmatchcase(name, _split(place)[0]))


def columns(
    mapping: FileMapping, path: PurePosixPath, values: Mapping[str, Any], row: Mapping[str, str]
) -> dict[str, Known]:
    """The columns that the user gives for one file; of two that give the same, the later kind wins.

    Raises
    ------
    DataError : a variable that the mapping names is not in the file, or holds no single value; a speed is given twice.
    """
    found: dict[str, Known] = {}
    match = _match(mapping, path)
    kinds: tuple[dict[str, Known], ...] = (
        {str(name): Known(value, "user: mapping.values") for name, value in mapping.values.items()},
        {
            str(column): Known(_single(lookup(values, place), place), f"user: variable {place}")
            for column, place in mapping.variables.items()
        },
        {
            name: Known(text, "user: mapping.name_pattern")
            for name, text in (match.groupdict() if match else {}).items()
            if text
        },
        {name: Known(text, "user: mapping.table") for name, text in row.items() if text},
    )
    for kind in kinds:
        if set(_SPEEDS) <= set(kind):
            raise DataError(f"rpm and shaft_hz are both given by {kind['rpm'].origin}")
        if set(_SPEEDS) & set(kind):  # they say the same
            found = {name: known for name, known in found.items() if name not in _SPEEDS}
        found |= kind
    return found


def unmet(mapping: FileMapping, path: PurePosixPath) -> list[str]:
    """What the user has said of names and that does not fit this one."""
    if mapping.name_pattern and not _match(mapping, path):
        return ["mapping.name_pattern does not fit its name"]
    return []


def _match(mapping: FileMapping, path: PurePosixPath) -> re.Match[str] | None:
    return re.search(mapping.name_pattern, str(path)) if mapping.name_pattern else None


def lookup(values: Mapping[str, Any], place: str) -> Any:
    """What lies at a place such as `run.vibration(2)`; indices count from 1, in structs, cells and struct arrays.

    Raises
    ------
    DataError : there is no such place, or a pattern fits several variables.
    """
    head, steps = _split(place)
    names = [name for name in values if fnmatchcase(name, head)]
    if len(names) != 1:
        raise DataError(f"{head} {'fits ' + ', '.join(names[:3]) if names else 'is no variable of the file'}")
    value = values[names[0]]
    for step in steps:
        value = _field(value, step, place) if isinstance(step, str) else _item(value, step, place)
    return value


def _split(place: str) -> tuple[str, list[str | int]]:
    """`run.vibration(2)` as `run` and the steps `vibration`, 2."""
    head = re.match(r"[^.({]+", place)
    at = head.end() if head else 0
    steps: list[str | int] = []
    while match := _STEP.match(place, at):
        steps.append(match[1] or int(match[2] or match[3]))
        at = match.end()
    if head is None or at < len(place):
        raise DataError(f"mapping: {place!r} is no place such as run.vibration(2)")
    return head[0], steps


def _field(value: Any, name: str, place: str) -> Any:
    if isinstance(value, Mapping) and name in value:
        return value[name]
    held = ", ".join(map(str, value)) if isinstance(value, Mapping) else f"a {type(value).__name__}"
    raise DataError(f"{place}: there is no field {name}, but {held[:100]}")


def _item(value: Any, number: int, place: str) -> Any:
    many = isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim > 0)
    items = value if many else [value]  # a cell or struct array of one is read as what is in it
    if not 1 <= number <= len(items):
        raise DataError(f"{place}: there is no ({number}) of {len(items)}")
    return items[number - 1]


def _single(value: Any, place: str) -> float | str:
    array = np.asarray(value)
    if array.size == 1 and array.dtype.kind in "fiub":
        return float(array.item())
    if array.size == 1 and array.dtype.kind == "U":
        return str(array.item())
    raise DataError(f"{place} holds no single number or text")
