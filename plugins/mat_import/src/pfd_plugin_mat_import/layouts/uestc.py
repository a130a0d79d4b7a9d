"""UESTC: `Data` with its `SampleFrequency`; fault and speed stand in the file's name (`B_800_5` is ball, 800 rpm)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from pfd_plugin_data import ChannelInfo
from pfd_plugin_mat_import.layouts.base import Draft, Known, Layout, MatFile, number, samples

_FAULTS = {"N": "normal", "B": "ball", "I": "inner_race", "O": "outer_race"}
_NAME = re.compile(r"([NBIO])_(\d{2,5})_(\d+)", re.IGNORECASE)


def _recognises(names: Sequence[str]) -> bool:
    return {"Data", "SampleFrequency"} <= set(names)


def _wanted(_path: PurePosixPath, _names: Sequence[str]) -> Sequence[str]:
    return ("Data", "SampleFrequency")


def _convert(file: MatFile) -> Draft:
    columns = {
        "specimen": Known("ASAHI UCPH", "data set"),
        "load": Known("no load", "data set"),
        "licence": Known("research use, cite doi 10.1109/JSEN.2025.3635217", "data set"),
        "sample_rate_hz": Known(number(file.values["SampleFrequency"], "SampleFrequency"), "file SampleFrequency"),
    }
    if match := _NAME.fullmatch(file.path.stem):
        fault = _FAULTS[match[1].upper()]
        columns |= {
            "fault_type": Known(fault, "file name"),
            # One bearing a fault; the segments of one name are cut from one continuous recording.
            "bearing_id": Known(f"uestc-{fault}", "data set: one bearing a fault"),
            "rpm": Known(float(match[2]), "file name"),
            "condition": Known(f"segment {match[3]}", "file name"),
        }
        if fault == "normal":
            columns["fault_size"] = Known(0.0, "file name")
    return Draft(
        record_id=f"uestc-{file.path.stem}",
        rows=(samples(file.values["Data"], "Data"),),
        channels=(ChannelInfo("CH1"),),
        columns=columns,
        source=f"UESTC bearing data, {file.path.name}",
    )


LAYOUT = Layout("uestc", _recognises, _wanted, _convert)
