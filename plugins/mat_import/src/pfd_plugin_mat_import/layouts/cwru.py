"""CWRU: `X105_DE_time`, `X105_FE_time`, `X105_BA_time` and `X105RPM`; what 105 is stands in the site's tables.

The number in the variables counts, not that of the file: 174.mat holds X173.  Some files hold a second recording as
well (99.mat begins with X098, 175.mat has a stray X217): there the file's name must say which one is meant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pfd import DataError
from pfd_plugin_data import ChannelInfo, RecordingInfo
from pfd_plugin_mat_import.layouts.base import Imported, Layout, MatFile, number, samples
from pfd_plugin_mat_import.layouts.cwru_table import NOMINAL_RPM, TESTS, Test

_CHANNEL = re.compile(r"X(\d{3,4})_(DE|FE|BA)_time")
_SENSORS = {
    "DE": ChannelInfo("DE", "radial", "g"),
    "FE": ChannelInfo("FE", "radial", "g"),
    "BA": ChannelInfo("BA", None, "g"),
}

ODD_SPEED = 0.015
"""A file's speed that differs more than this from its load's nominal one is kept, with a note."""


def _numbers(names: Sequence[str]) -> list[int]:
    """The numbers of the recordings in a file, in its order."""
    matches = (_CHANNEL.fullmatch(name) for name in names)
    return list(dict.fromkeys(int(match[1]) for match in matches if match))


def _recognises(names: Sequence[str]) -> bool:
    return bool(_numbers(names))


def _wanted(path: Path, names: Sequence[str]) -> Sequence[str]:
    chosen = _chosen(path, _numbers(names))
    return [name for name in names if re.fullmatch(rf"X0*{chosen}(_(DE|FE|BA)_time|RPM)", name)]


def _chosen(path: Path, numbers: list[int]) -> int:
    """Which of the recordings in a file is the one that its name says."""
    if len(numbers) == 1:
        return numbers[0]
    stem = path.stem.lower()
    for known in ([n for n in numbers if stem == str(n)], [n for n in numbers if n in TESTS and _named(stem, n)]):
        if len(known) == 1:
            return known[0]
    held = " and ".join(f"X{n:03d}" for n in numbers)
    raise DataError(f"it holds {held}, and its name says of neither that it is the one meant")


def _named(stem: str, variable: int) -> bool:
    test = TESTS[variable]
    return test.label.lower() in stem or str(test.number) == stem


def _convert(file: MatFile) -> Imported:
    variable = _numbers(list(file.values))[0]
    test = TESTS.get(variable)
    if test is None:
        raise DataError(f"X{variable:03d} is not in the tables of CWRU: neither its bearing nor its rate is known")
    found = {sensor: name for name in file.values for sensor in _SENSORS if name.endswith(f"_{sensor}_time")}
    channels = [sensor for sensor in _SENSORS if sensor in found]
    rows = [samples(file.values[found[sensor]], found[sensor]) for sensor in channels]
    if len({row.size for row in rows}) > 1:
        lengths = ", ".join(f"{found[s]} {row.size}" for s, row in zip(channels, rows, strict=True))
        raise DataError(f"its channels differ in length: {lengths}")
    rpm, rpm_source = _speed(file.values, test)
    info = RecordingInfo(
        record_id=f"cwru-{test.number}",
        bearing_id=test.bearing_id,
        specimen=test.specimen,
        geometry=test.geometry,
        fault_type=test.fault,
        fault_size=test.size_in,
        fault_origin=None if test.fault == "normal" else "seeded",
        severity=None,
        condition=f"fault at {test.clock} o'clock" if test.clock else None,
        rpm=rpm,
        rpm_source=rpm_source,
        load=f"{test.load_hp} hp",
        channels=tuple(_SENSORS[sensor] for sensor in channels),
        sample_rate_hz=test.rate_hz,
        n_samples=rows[0].size,
        sha256=file.sha256,
        source=f"CWRU Bearing Data Center, {file.path.name}",
        licence="public, no explicit licence: cite the CWRU Bearing Data Center",
    )
    return Imported(info, np.stack(rows), f"CWRU table, X{variable:03d}")


def _speed(values: Mapping[str, Any], test: Test) -> tuple[float, str]:
    nominal = NOMINAL_RPM[test.load_hp]
    name = next((name for name in values if name.endswith("RPM")), None)
    if name is None:
        return nominal, f"CWRU table, nominal at {test.load_hp} hp"
    rpm = number(values[name], name)
    odd = abs(rpm - nominal) > ODD_SPEED * nominal
    return rpm, f"file {name}" + (f"; the table says {nominal:g} at {test.load_hp} hp" if odd else "")


LAYOUT = Layout("cwru", _recognises, _wanted, _convert)
