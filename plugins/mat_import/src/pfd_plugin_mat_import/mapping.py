"""What a user says of a file: columns by value, by variable, by a pattern for names, and by the row of a table.

Runs in the reading process only: a pattern that never ends, or a variable that is made to do harm, ends that process.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from pfd import DataError
from pfd_plugin_mat_import.columns import SAME, is_told, meaning
from pfd_plugin_mat_import.layouts.base import Known, plain
from pfd_plugin_mat_import.params import SPEEDS, FileMapping
from pfd_plugin_mat_import.places import Place, number_at, one_each, vector
from pfd_plugin_mat_import.recorded_file import Alias

if TYPE_CHECKING:
    from pfd_plugin_mat_import.speed import SpeedRecord

LEAST_RATE_HZ, MOST_RATE_HZ = 0.001, 1e9
"""Of a record of the shaft's speed."""

_Kind = dict[str, Known]


class Given(NamedTuple):
    """The columns that a user gives for one recording, and where what was given contradicts itself."""

    columns: Mapping[str, Known]
    notes: tuple[str, ...]


def variables_of(mapping: FileMapping, names: Sequence[str]) -> Iterator[str]:
    """The variables of a file, of those called `names`, that the mapping wants.

    Raises
    ------
    DataError : it wants one that is not there.
    """
    for text in _places(mapping):
        place = Place.of(text)
        if not (fitting := place.fitting(names)):
            raise DataError(place.absent(names))
        yield from fitting


def _places(mapping: FileMapping) -> Iterator[str]:
    yield from (channel.variable for channel in mapping.channels)
    yield from _other_places(mapping)


def _other_places(mapping: FileMapping) -> Iterator[str]:
    for channel in mapping.channels:
        yield from (given for given in (channel.scale, channel.offset) if isinstance(given, str))
    yield from mapping.variables.values()
    if mapping.speed:
        yield mapping.speed.variable
        if isinstance(mapping.speed.sample_rate_hz, str):
            yield mapping.speed.sample_rate_hz


def beside(mapping: FileMapping, names: Sequence[str]) -> set[str]:
    """Variables that hold columns, scales or the speed, and so are not channels of a pattern."""
    found = {name for place in _other_places(mapping) for name in Place.of(place).fitting(names)}
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

    rate = None if told.sample_rate_hz is None else number_at(values, told.sample_rate_hz)
    if rate is not None and not LEAST_RATE_HZ <= rate <= MOST_RATE_HZ:
        raise DataError(
            f"mapping.speed.sample_rate_hz is {rate:g} by {told.sample_rate_hz}: "
            f"not {LEAST_RATE_HZ:g} to {MOST_RATE_HZ:g}"
        )
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
    same = {str(name): Known(value, "user: mapping.values") for name, value in mapping.values.items() if is_told(value)}
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
        of_file = {
            name: Known(each[index], f"user: variable {place}")
            for name, (place, each) in held.items()
            if is_told(each[index])
        }
        found.append(_merged((same, of_file, named, tabled), mapping.words))
    return found


def _merged(kinds: Sequence[_Kind], words: Mapping[str, str]) -> Given:
    found: _Kind = {}
    notes = []
    for kind in kinds:
        for other, name, *_ in SAME:
            if other in kind and name in kind:
                raise DataError(f"{name} and {other} are both given by {kind[name].origin}")
        earlier = {}
        for name, known in found.items():
            standard, value = meaning(name, known, words)
            earlier[standard] = name, value
        for name, known in kind.items():
            standard, value = meaning(name, known, words)
            if standard in earlier:
                said_as, said = earlier[standard]
                before = found.pop(said_as)
                if not _equal(said, value):
                    notes.append(
                        f"{standard} is {plain(value)} by {known.origin}, where {before.origin} says {plain(said)}"
                    )
        found |= kind
    return Given(found, tuple(notes))


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
