"""What a user says of a file: columns by value, by variable, by a pattern for names, and by the row of a table.

Runs in the reading process only: a pattern that never ends, or a variable that is made to do harm, ends that process.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from pfd import DataError
from pfd_plugin_mat_import.layouts import Known
from pfd_plugin_mat_import.layouts.base import NUMBERS, plain
from pfd_plugin_mat_import.params import SPEEDS, FileMapping
from pfd_plugin_mat_import.places import Place, number, one_each, vector
from pfd_plugin_mat_import.recorded_file import Alias

if TYPE_CHECKING:
    from pfd_plugin_mat_import.speed import SpeedRecord

_Kind = dict[str, Known]

_SAME: tuple[tuple[str, str, Callable[[float], float]], ...] = (
    ("shaft_hz", "rpm", lambda hz: 60 * hz),
    ("sample_interval_s", "sample_rate_hz", lambda seconds: 1 / seconds if seconds else math.nan),
)
"""Columns that say what another one says, and how."""


class Given(NamedTuple):
    """The columns that a user gives for one recording, and where what was given contradicts itself."""

    columns: Mapping[str, Known]
    notes: tuple[str, ...]


def variables_of(mapping: FileMapping, names: Sequence[str]) -> Iterator[str]:
    """The variables of a file, of those called `names`, that the mapping wants."""
    for place in _places(mapping):
        yield from Place.of(place).fitting(names)


def _places(mapping: FileMapping) -> Iterator[str]:
    for channel in mapping.channels:
        yield channel.variable
        yield from (given for given in (channel.scale, channel.offset) if isinstance(given, str))
    yield from mapping.variables.values()
    if mapping.speed:
        yield mapping.speed.variable
        if isinstance(mapping.speed.sample_rate_hz, str):
            yield mapping.speed.sample_rate_hz


def beside(mapping: FileMapping, names: Sequence[str]) -> set[str]:
    """Variables that hold columns or the speed, and so are no channel of a pattern that several fit."""
    others = (*mapping.variables.values(), *([mapping.speed.variable] if mapping.speed else ()))
    places = [Place.of(text) for text in others]
    found = {name for place in places if not place.steps for name in place.fitting(names)}
    return found | {name.of for name in found if isinstance(name, Alias)}


def speed(mapping: FileMapping, values: Mapping[str, Any]) -> SpeedRecord | None:
    """The record of the shaft's speed in a file, where the user says that there is one.

    Raises
    ------
    DataError : it is not where the mapping says, or holds no numbers.
    """
    told = mapping.speed
    if told is None:
        return None
    from pfd_plugin_mat_import.speed import SpeedRecord  # here, since SciPy's interpolation takes half a second to load

    rate = None if told.sample_rate_hz is None else number(values, told.sample_rate_hz)
    if rate is not None and rate <= 0:
        raise DataError(f"mapping.speed.sample_rate_hz is {rate:g} by {told.sample_rate_hz}, not a positive number")
    return SpeedRecord(
        vector(Place.of(told.variable).value(values), told.variable),
        told.kind,
        told.variable,
        told.pulses_per_rev or 1.0,
        rate,
    )


def columns(
    mapping: FileMapping, path: PurePosixPath, values: Mapping[str, Any], row: Mapping[str, str], count: int = 1
) -> list[Given]:
    """The columns that the user gives for each of the `count` recordings of a file.

    Of two kinds that give the same, the later one wins, and it is noted where they differ.

    Raises
    ------
    DataError : a variable that the mapping names is not in the file, or holds no single value, nor one for each
        recording; a speed or a rate is given twice.
    """
    match = _match(mapping, path)
    same = {str(name): Known(value, "user: mapping.values") for name, value in mapping.values.items()}
    of_name = match.groupdict() if match else {}
    named = {name: Known(text, "user: mapping.name_pattern") for name, text in of_name.items() if text}
    tabled = {name: Known(text, "user: mapping.table") for name, text in row.items() if text}
    if mapping.speed and (given := sorted(tabled.keys() & SPEEDS)):
        raise DataError(f"mapping.speed gives the speed, and so does {given[0]} of mapping.table; give one of them")
    held = {
        str(column): (place, one_each(Place.of(place).value(values), place, count))
        for column, place in mapping.variables.items()
    }
    found = []
    for index in range(count):
        of_file = {name: Known(each[index], f"user: variable {place}") for name, (place, each) in held.items()}
        found.append(_merged((same, of_file, named, tabled), mapping.words))
    return found


def _merged(kinds: Sequence[_Kind], words: Mapping[str, str]) -> Given:
    found: _Kind = {}
    notes = []
    for kind in kinds:
        for other, name, _ in _SAME:
            if other in kind and name in kind:
                raise DataError(f"{name} and {other} are both given by {kind[name].origin}")
        earlier = dict(_meaning(name, known, words) for name, known in found.items())
        for name, known in kind.items():
            standard, (meaning, told) = _meaning(name, known, words)
            if standard in earlier and not _equal(earlier[standard][0], meaning):
                before = earlier[standard][1]
                notes.append(
                    f"{standard} is {plain(meaning)} by {told.origin}, "
                    f"where {before.origin} says {plain(earlier[standard][0])}"
                )
            found.pop(standard, None)
            for other in (other for other, of, _ in _SAME if of == standard):
                found.pop(other, None)
        found |= kind
    return Given(found, tuple(notes))


def _meaning(name: str, known: Known, words: Mapping[str, str]) -> tuple[str, tuple[float | str, Known]]:
    """What a value says, of which column: a speed in rev/min, a rate in Hz, a fault by the word that is meant."""
    text = plain(known.value)
    if name == "fault_type":
        return name, ({word.lower(): fault for word, fault in words.items()}.get(text.lower(), text.lower()), known)
    try:
        value = float(text)
    except ValueError:
        return name, (text, known)
    for other, standard, convert in _SAME:
        if name == other:
            return standard, (convert(value), known)
    return name, (value if name in NUMBERS else text, known)


def _equal(one: float | str, other: float | str) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-6)
    return one == other


def unmet(mapping: FileMapping, path: PurePosixPath) -> list[str]:
    """What the user has said of names and that does not fit this one."""
    if mapping.name_pattern and not _match(mapping, path):
        return ["mapping.name_pattern does not fit its name"]
    return []


def _match(mapping: FileMapping, path: PurePosixPath) -> re.Match[str] | None:
    return re.search(mapping.name_pattern, str(path)) if mapping.name_pattern else None
