"""From what a layout and a user know of a file to its recording, with where each value came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from pfd import DataError
from pfd_plugin_data import FAULTS, RecordingInfo
from pfd_plugin_mat_import.layouts.base import Draft, Known

REQUIRED = ("fault_type", "bearing_id", "sample_rate_hz")
_NUMBERS = ("sample_rate_hz", "rpm", "shaft_hz", "fault_size", "n_balls", "ball_d_mm", "pitch_d_mm", "contact_deg")
_MAY_BE_ZERO = ("fault_size", "contact_deg", "rpm", "shaft_hz")
_RANGES = {"sample_rate_hz": (1.0, 1e9), "rpm": (0.0, 1e7)}
"""What no machine and no recorder goes beyond."""

_GEOMETRY = ("n_balls", "ball_d_mm", "pitch_d_mm", "contact_deg")


@dataclass(frozen=True)
class Imported:
    """A recording: its columns, its array, float32 `(channels, samples)`, and what is odd about it."""

    info: RecordingInfo
    signal: npt.NDArray[np.float32]
    notes: tuple[str, ...] = ()


def assemble(
    draft: Draft, given: Mapping[str, Known], words: Mapping[str, str], sha256: str, *, unlabelled: bool = False
) -> Imported:
    """The recording of a file.  What the user has `given` wins; where it contradicts the file, that is noted.

    One of unknown fault is taken where `unlabelled` allows for it.

    Raises
    ------
    DataError : a column that every recording needs is unknown, or a value cannot be one of its column.
    """
    own, user = dict(draft.columns), _typed(given, words)
    notes = [*draft.notes]
    for name, known in user.items():
        if name in own and own[name].value != known.value:
            notes.append(f"{name} is {known.value} by {known.origin}, where {own[name].origin} says {own[name].value}")
    columns = own | user
    if "record_id" not in columns:
        columns["record_id"] = Known(draft.record_id, "file")
    needed = [name for name in REQUIRED if name != "fault_type" or not unlabelled]
    if missing := [name for name in needed if name not in columns]:
        without = "; mapping.unlabelled=true takes it without a label" if missing == ["fault_type"] else ""
        raise DataError(
            f"neither the file nor its name tells {' and '.join(missing)}; "
            f"say it by mapping.values, mapping.variables, mapping.name_pattern or mapping.table{without}"
        )
    if "geometry" in user and "contact_deg" not in given:
        notes.append("the contact angle is not given, and taken as 0 degrees")
    for name, (least, most) in _RANGES.items():
        if name in columns and not least <= columns[name].value <= most:
            raise DataError(f"{name} is {columns[name].value:g} by {columns[name].origin}: not {least:g} to {most:g}")
    channels, origins = draft.channels, dict(draft.origins) | {name: known.origin for name, known in columns.items()}
    if unit := columns.pop("unit", None):
        own_units = [channel.unit for channel in channels if channel.unit]
        if own_units:
            told = (draft.origins.get("unit", "file"), unit.origin)  # a layout need not say
            origins["unit"] = told[0] if len(own_units) == len(channels) else " and ".join(told)
        channels = tuple(replace(channel, unit=channel.unit or str(unit.value)) for channel in channels)
    found: dict[str, Any] = dict.fromkeys(RecordingInfo.__dataclass_fields__)
    found |= {name: known.value for name, known in columns.items()}
    found |= {
        "rpm_source": columns["rpm"].origin if "rpm" in columns else None,
        "channels": channels,
        "n_samples": draft.signal.shape[1],
        "sha256": sha256,
        "source": draft.source,
        "origins": origins,
    }
    return Imported(RecordingInfo(**found), draft.signal, tuple(notes))


def _typed(given: Mapping[str, Known], words: Mapping[str, str]) -> dict[str, Known]:
    """What the user gives as the columns of a recording: numbers, fault types, a geometry."""
    found = {name: Known(_value(name, known), known.origin) for name, known in given.items()}
    if "fault_type" in found:
        text, origin = found["fault_type"]
        found["fault_type"] = Known(_fault(text, origin, words), origin)
    if "shaft_hz" in found:
        shaft = found.pop("shaft_hz")
        found.setdefault("rpm", Known(60 * shaft.value, f"{shaft.origin}, Hz"))
    parts = {name: found.pop(name) for name in _GEOMETRY if name in found}
    if parts:
        found["geometry"] = _geometry(parts)
    return found


def _value(name: str, known: Known) -> float | str:
    if name not in _NUMBERS:
        value = known.value
        if isinstance(value, float):  # in full: two numbers are two bearings
            return str(int(value)) if value.is_integer() else repr(value)
        return str(value).strip()
    try:
        value = float(known.value)
    except ValueError:
        value = float("nan")
    if np.isfinite(value) and (value > 0 or (value == 0 and name in _MAY_BE_ZERO)):
        return value
    raise DataError(f"{name} is {str(known.value)[:40]!r} by {known.origin}, not a positive number")


def _fault(text: str, origin: str, words: Mapping[str, str]) -> str:
    by_word = {word.lower(): fault for word, fault in words.items()} | {fault: fault for fault in FAULTS}
    if fault := by_word.get(text.lower()):
        return fault
    raise DataError(
        f"fault_type is {text[:40]!r} by {origin}, none of {', '.join(FAULTS)}; say by mapping.words what it means"
    )


def _geometry(parts: Mapping[str, Known]) -> Known:
    if missing := [name for name in _GEOMETRY[:3] if name not in parts]:
        raise DataError(f"a geometry needs {' and '.join(missing)} as well")
    values = {name: float(known.value) for name, known in parts.items()} | {"contact_deg": 0.0}
    values |= {name: float(known.value) for name, known in parts.items()}
    if values["ball_d_mm"] >= values["pitch_d_mm"] or values["contact_deg"] >= 90 or values["n_balls"] % 1:
        raise DataError(f"no bearing has this geometry: {values}")
    return Known(values, parts["n_balls"].origin)
