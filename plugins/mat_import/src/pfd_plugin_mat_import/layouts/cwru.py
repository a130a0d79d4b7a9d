"""CWRU: `X105_DE_time`, `X105_FE_time`, `X105_BA_time` and `X105RPM`; what 105 is stands in the site's tables.

The number in the variables counts, not that of the file: 174.mat holds X173.  Some files hold a second recording as
well (99.mat begins with X098, 175.mat has a stray X217): which one is meant is told by the file's name, or else by what
is known of the site's own files.  A number that the tables lack is known by the site's words in the file's path only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from pfd import DataError
from pfd_plugin_data import ChannelInfo
from pfd_plugin_mat_import.layouts.base import Draft, Known, Layout, MatFile, number, samples
from pfd_plugin_mat_import.layouts.cwru_names import find_test
from pfd_plugin_mat_import.layouts.cwru_table import NOMINAL_RPM, SHARED, TESTS, Test

_CHANNEL = re.compile(r"X(\d{3,4})_(DE|FE|BA)_time")
_SENSORS = {"DE": ChannelInfo("DE", "radial"), "FE": ChannelInfo("FE", "radial"), "BA": ChannelInfo("BA")}

ODD_SPEED = 0.015
"""A file's speed that differs more than this from its load's nominal one is kept, with a note."""


def _numbers(names: Sequence[str]) -> list[int]:
    """The numbers of the recordings in a file, in its order."""
    matches = (_CHANNEL.fullmatch(name) for name in names)
    return list(dict.fromkeys(int(match[1]) for match in matches if match))


def _recognises(names: Sequence[str]) -> bool:
    return bool(_numbers(names))


def _wanted(path: PurePosixPath, names: Sequence[str]) -> Sequence[str]:
    chosen = _chosen(path, _numbers(names))
    return [name for name in names if re.fullmatch(rf"X0*{chosen}(_(DE|FE|BA)_time|RPM)", name)]


def _chosen(path: PurePosixPath, numbers: list[int]) -> int:
    """Which of the recordings in a file is the one that its name says, or that the site put it there for."""
    if len(numbers) == 1:
        return numbers[0]
    stem = path.stem.lower()
    for known in ([n for n in numbers if stem == str(n)], [n for n in numbers if n in TESTS and _named(stem, n)]):
        if len(known) == 1:
            return known[0]
    if meant := SHARED.get(frozenset(numbers)):
        return meant
    held = " and ".join(f"X{n:03d}" for n in numbers)
    raise DataError(f"it holds {held}, and its name says of neither that it is the one meant")


def _named(stem: str, variable: int) -> bool:
    test = TESTS[variable]
    return test.label.lower() in stem or str(test.number) in re.findall(r"\d+", stem)


def _convert(file: MatFile) -> Draft:
    variable = _numbers(list(file.values))[0]
    found = {sensor: name for name in file.values for sensor in _SENSORS if name.endswith(f"_{sensor}_time")}
    channels = [sensor for sensor in _SENSORS if sensor in found]
    rows = [samples(file.values[found[sensor]], found[sensor]) for sensor in channels]
    if len({row.size for row in rows}) > 1:
        lengths = ", ".join(f"{found[s]} {row.size}" for s, row in zip(channels, rows, strict=True))
        raise DataError(f"its channels differ in length: {lengths}")
    test, origin, notes = TESTS.get(variable), f"CWRU table, X{variable:03d}", []
    if test is None:
        test, origin = find_test(file.path), "file path"
        notes.append(f"X{variable:03d} is not in the tables of CWRU: only what its path says is known")
    elif told := _contradicted(find_test(file.path), test):
        notes.append(f"its path says {told[0]}, where the CWRU table says {told[1]} of X{variable:03d}")
    columns = _described(test, origin) if test else {}
    if rpm := _speed(file.values, test):
        columns["rpm"] = rpm
        notes += _oddities(rpm, test)
    columns["unit"] = Known("g", "data set")
    columns["licence"] = Known("public, no explicit licence: cite the CWRU Bearing Data Center", "data set")
    return Draft(
        record_id=f"cwru-{test.number}" if test and test.number else f"cwru-X{variable:03d}",
        rows=rows,
        channels=tuple(_SENSORS[sensor] for sensor in channels),
        columns=columns,
        source=f"CWRU Bearing Data Center, {file.path.name}",
        notes=tuple(notes),
        origins={"sensor": "file, names of the variables"} | ({"axis": "data set"} if set(channels) - {"BA"} else {}),
    )


def _described(test: Test, origin: str) -> dict[str, Known]:
    """The columns that the tables give; those that `test` does not know are left out."""
    found = {
        "fault_type": test.fault,
        "fault_size": test.size_in,
        "fault_origin": None if test.fault == "normal" else "seeded",
        "bearing_id": test.bearing_id,
        "specimen": test.specimen,
        "geometry": test.geometry,
        "condition": f"fault at {test.clock} o'clock" if test.clock else None,
        "load": f"{test.load_hp} hp",
        "sample_rate_hz": test.rate_hz,
    }
    return {name: Known(value, origin) for name, value in found.items() if value is not None}


def _contradicted(named: Test | None, test: Test) -> tuple[str, str] | None:
    """What a path says of a test and what the table does, where they differ."""
    if named is None:
        return None
    sizes = (f"{named.fault} {named.size_in:g} inch", f"{test.fault} {test.size_in:g} inch")
    loads = (f"{named.load_hp} hp", f"{test.load_hp} hp")
    rates = (f"{named.rate_hz:g} Hz", f"{test.rate_hz:g} Hz") if named.rate_hz and test.rate_hz else ("", "")
    differ = [(one, other) for one, other in (sizes, loads, rates) if one != other]
    return (", ".join(one for one, _ in differ), ", ".join(other for _, other in differ)) if differ else None


def _speed(values: Mapping[str, Any], test: Test | None) -> Known | None:
    if name := next((name for name in values if name.endswith("RPM")), None):
        return Known(number(values[name], name), f"file {name}")
    return Known(NOMINAL_RPM[test.load_hp], f"CWRU table, nominal at {test.load_hp} hp") if test else None


def _oddities(rpm: Known, test: Test | None) -> list[str]:
    nominal = NOMINAL_RPM[test.load_hp] if test else rpm.value
    if test is None or abs(rpm.value - nominal) <= ODD_SPEED * nominal:
        return []
    return [f"{rpm.origin} says {rpm.value:g} rpm, the table {nominal:g} at {test.load_hp} hp"]


LAYOUT = Layout("cwru", _recognises, _wanted, _convert)
