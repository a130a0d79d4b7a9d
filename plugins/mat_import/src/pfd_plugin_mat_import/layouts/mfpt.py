"""MFPT: one struct `bearing` with the signal `gs`, its rate `sr`, the `load` and the shaft's `rate`.

The fault stands in the name of the file, or of its folder, only (`baseline_1`, `InnerRaceFault_vload_4`,
`2 - Three Outer Race Fault Conditions`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from pfd import DataError
from pfd_plugin_data import ChannelInfo, fault_orders
from pfd_plugin_mat_import.layouts.base import Draft, Known, Layout, MatFile, number, samples

# NICE bearing: eight elements of 0.235 inch on a pitch diameter of 1.245 inch, no contact angle.
_GEOMETRY = {"n_balls": 8, "ball_d_mm": 5.969, "pitch_d_mm": 31.623, "contact_deg": 0.0}
_RIG_HZ = 25.0
_WORDS = {"baseline": "normal", "normal": "normal", "inner": "inner_race", "outer": "outer_race"}


def _recognises(names: Sequence[str]) -> bool:
    return "bearing" in names


def _wanted(_path: PurePosixPath, names: Sequence[str]) -> Sequence[str]:
    return [name for name in names if name in ("bearing", "BPFO")]


def _convert(file: MatFile) -> Draft:
    bearing = file.values["bearing"]
    missing = [name for name in ("gs", "sr") if not isinstance(bearing, Mapping) or name not in bearing]
    if missing:
        raise DataError(f"the variable bearing is not a struct with the field {missing[0]}")
    columns = {
        "sample_rate_hz": Known(number(bearing["sr"], "bearing.sr"), "file bearing.sr"),
        "unit": Known("g", "file bearing.gs"),
        "licence": Known("CC BY-NC-SA 4.0", "data set"),
    }
    if "rate" in bearing:
        columns["rpm"] = Known(60 * number(bearing["rate"], "bearing.rate"), "file bearing.rate, Hz")
    if load := _load(bearing.get("load")):
        columns["load"] = Known(load, "file bearing.load")
    if _on_the_rig(columns, file.values.get("BPFO")):
        columns["specimen"] = Known("NICE", "data set")
        columns["geometry"] = Known(_GEOMETRY, "data set")
    if named := _fault(file.path):
        columns["fault_type"] = named
        columns["bearing_id"] = Known(f"mfpt-{named.value}", "data set: one bearing a fault")
        if named.value == "normal":
            columns["fault_size"] = Known(0.0, named.origin)
    return Draft(
        record_id=f"mfpt-{file.path.stem}",
        rows=(samples(bearing["gs"], "bearing.gs"),),
        channels=(ChannelInfo("CH1"),),
        columns=columns,
        source=f"MFPT bearing fault data set, {file.path.name}",
    )


def _fault(path: PurePosixPath) -> Known | None:
    """The fault that a name tells: that of the file, or else of the nearest folder."""
    for index, part in enumerate((path.stem, *reversed(path.parent.parts))):
        found = {fault for word, fault in _WORDS.items() if word in part.lower()}
        if len(found) > 1:
            raise DataError(f"{part!r} names several faults: {', '.join(sorted(found))}")
        if found:
            return Known(found.pop(), "folder name" if index else "file name")
    return None


def _on_the_rig(columns: Mapping[str, Known], bpfo: Any) -> bool:
    """Whether it is a recording of the test rig, whose bearing is known, and not one of the real-world examples.

    The rig's shaft turns at 25 Hz; where the file names its BPFO, it has to be that of the rig's bearing.
    """
    if "rpm" not in columns or columns["rpm"].value != 60 * _RIG_HZ:
        return False
    given = np.asarray(bpfo)
    if given.dtype.kind not in "fiu" or given.size != 1:
        return True
    expected = _RIG_HZ * fault_orders(_GEOMETRY)["bpfo"]
    return bool(abs(given.item() - expected) < 0.01 * expected)


def _load(value: Any) -> str | None:
    """The load as a number of pounds; MFPT writes some of them as text."""
    text = str(value).strip() if value is not None else ""
    try:
        return f"{float(text):g} lbs"
    except ValueError:
        return text or None


LAYOUT = Layout("mfpt", _recognises, _wanted, _convert)
