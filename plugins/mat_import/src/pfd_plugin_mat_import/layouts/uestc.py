"""UESTC: `Data` with its `SampleFrequency`; fault and speed stand in the file's name (`B_800_5` is ball, 800 rpm)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pfd import DataError
from pfd_plugin_data import ChannelInfo, RecordingInfo
from pfd_plugin_mat_import.layouts.base import Imported, Layout, MatFile, number, samples

_FAULTS = {"N": "normal", "B": "ball", "I": "inner_race", "O": "outer_race"}
_NAME = re.compile(r"([NBIO])_(\d{2,5})_(\d+)", re.IGNORECASE)


def _recognises(names: Sequence[str]) -> bool:
    return {"Data", "SampleFrequency"} <= set(names)


def _wanted(_path: Path, _names: Sequence[str]) -> Sequence[str]:
    return ("Data", "SampleFrequency")


def _convert(file: MatFile) -> Imported:
    match = _NAME.fullmatch(file.path.stem)
    if match is None:
        raise DataError(
            f"a UESTC file tells fault and speed by its name, such as B_800_5.mat (N, B, I or O), not {file.path.name}"
        )
    fault = _FAULTS[match[1].upper()]
    signal = samples(file.values["Data"], "Data")[np.newaxis]
    info = RecordingInfo(
        record_id=f"uestc-{file.path.stem}",
        # One bearing a fault; the segments of one name are cut from one continuous recording.
        bearing_id=f"uestc-{fault}",
        specimen="ASAHI UCPH",
        geometry=None,
        fault_type=fault,
        fault_size=0.0 if fault == "normal" else None,
        fault_origin=None,
        severity=None,
        condition=f"segment {match[3]}",
        rpm=float(match[2]),
        rpm_source="file name",
        load="no load",
        channels=(ChannelInfo("CH1"),),
        sample_rate_hz=number(file.values["SampleFrequency"], "SampleFrequency"),
        n_samples=signal.shape[1],
        sha256=file.sha256,
        source=f"UESTC bearing data, {file.path.name}",
        licence="research use, cite doi 10.1109/JSEN.2025.3635217",
    )
    return Imported(info, signal, "file SampleFrequency")


LAYOUT = Layout("uestc", _recognises, _wanted, _convert)
