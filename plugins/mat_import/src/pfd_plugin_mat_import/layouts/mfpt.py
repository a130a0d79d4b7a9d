"""MFPT: one struct `bearing` with the signal `gs`, its rate `sr`, the `load` and the shaft's `rate`.

The fault stands in the file's name only (`baseline_1`, `InnerRaceFault_vload_4`, `OuterRaceFault_2`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pfd import DataError
from pfd_plugin_data import ChannelInfo, RecordingInfo
from pfd_plugin_mat_import.layouts.base import Imported, Layout, MatFile, number, samples

# NICE bearing: eight elements of 0.235 inch on a pitch diameter of 1.245 inch, no contact angle.
_GEOMETRY = {"n_balls": 8, "ball_d_mm": 5.969, "pitch_d_mm": 31.623, "contact_deg": 0.0}
_WORDS = {"baseline": "normal", "normal": "normal", "inner": "inner_race", "outer": "outer_race"}


def _recognises(names: Sequence[str]) -> bool:
    return "bearing" in names


def _wanted(_path: Path, _names: Sequence[str]) -> Sequence[str]:
    return ("bearing",)


def _convert(file: MatFile) -> Imported:
    bearing = file.values["bearing"]
    missing = [name for name in ("gs", "sr") if not isinstance(bearing, Mapping) or name not in bearing]
    if missing:
        raise DataError(f"the variable bearing is no struct with the field {missing[0]}")
    fault = _fault(file.path)
    signal = samples(bearing["gs"], "bearing.gs")[np.newaxis]
    known_speed = "rate" in bearing
    info = RecordingInfo(
        record_id=f"mfpt-{file.path.stem}",
        bearing_id=f"mfpt-{fault}",
        specimen="NICE",
        geometry=_GEOMETRY,
        fault_type=fault,
        fault_size=0.0 if fault == "normal" else None,
        fault_origin=None,
        severity=None,
        condition=None,
        rpm=60 * number(bearing["rate"], "bearing.rate") if known_speed else None,
        rpm_source="file bearing.rate, Hz" if known_speed else None,
        load=_load(bearing.get("load")),
        channels=(ChannelInfo("CH1", None, "g"),),
        sample_rate_hz=number(bearing["sr"], "bearing.sr"),
        n_samples=signal.shape[1],
        sha256=file.sha256,
        source=f"MFPT bearing fault data set, {file.path.name}",
        licence="CC BY-NC-SA 4.0",
    )
    return Imported(info, signal, "file bearing.sr")


def _fault(path: Path) -> str:
    found = {fault for word, fault in _WORDS.items() if word in path.stem.lower()}
    if len(found) != 1:
        raise DataError(
            f"an MFPT file tells its fault by its name only (baseline, InnerRaceFault, OuterRaceFault), "
            f"and {path.name} names {'several' if found else 'none'}"
        )
    return found.pop()


def _load(value: Any) -> str | None:
    """The load as a number of pounds; MFPT writes some of them as text."""
    text = str(value).strip() if value is not None else ""
    try:
        return f"{float(text):g} lbs"
    except ValueError:
        return text or None


LAYOUT = Layout("mfpt", _recognises, _wanted, _convert)
