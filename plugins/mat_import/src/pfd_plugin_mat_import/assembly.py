"""From what a layout and a user know of a file to its recording, with where each value came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pfd import DataError
from pfd_plugin_data import FAULTS, MEAN_OF, RecordingInfo
from pfd_plugin_mat_import.layouts.base import NUMBERS, Draft, Known, plain
from pfd_plugin_mat_import.places import shortest
from pfd_plugin_mat_import.treatment import Gaps, treat

if TYPE_CHECKING:
    from pfd_plugin_mat_import.speed import SpeedRecord

REQUIRED = ("fault_type", "bearing_id", "sample_rate_hz")
_MAY_BE_ZERO = ("fault_size", "contact_deg", "rpm", "shaft_hz")
_RANGES = {"sample_rate_hz": (1.0, 1e9), "rpm": (0.0, 1e7)}
"""What no machine and no recorder goes beyond."""

_GEOMETRY = ("n_balls", "ball_d_mm", "pitch_d_mm", "contact_deg")

ODD_SPEED = 0.03
"""A declared speed that differs more than this from the measured one is noted."""


@dataclass(frozen=True)
class Imported:
    """A recording: its columns, its array, float32 `(channels, samples)`, and what is odd about it.

    `speed_hz` is the course of its shaft's speed, where the file has one; `gaps` says what was done about samples that
    are no numbers.
    """

    info: RecordingInfo
    signal: npt.NDArray[np.float32]
    notes: tuple[str, ...] = ()
    speed_hz: npt.NDArray[np.float64] | None = None
    gaps: str = ""


def assemble(
    draft: Draft,
    given: Mapping[str, Known],
    words: Mapping[str, str],
    sha256: str,
    *,
    unlabelled: bool = False,
    gaps: Gaps = "refuse",
    speed: SpeedRecord | None = None,
) -> Imported:
    """The recording of a file.  What the user has `given` wins; where it contradicts the file, that is noted.

    One of unknown fault is taken where `unlabelled` allows for it.  The speed is that of the record `speed`, if there
    is one.

    Raises
    ------
    DataError : a column that every recording needs is unknown, or a value cannot be one of its column; there are gaps
        that are to be refused; a speed cannot be told.
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
    _check_ranges(columns)
    treated = treat(draft.rows, draft.channels, gaps)
    rate_hz, n_samples = columns["sample_rate_hz"].value, treated.signal.shape[1]
    speed_hz = None
    if speed:
        speed_hz, rpm, odd = speed.course(treated.start, n_samples, draft.rows[0].size, rate_hz)
        known = Known(rpm, f"{MEAN_OF}user: variable {speed.place}")
        notes += [*odd, *_contradicted(known, columns.get("rpm"))]
        columns["rpm"] = known
        _check_ranges(columns)
    channels, origins = treated.channels, dict(draft.origins) | {name: one.origin for name, one in columns.items()}
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
        "n_samples": n_samples,
        "sha256": sha256,
        "source": draft.source,
        "treatment": treated.treatment,
        "origins": origins,
    }
    return Imported(RecordingInfo(**found), treated.signal, tuple(notes), speed_hz, treated.gaps)


def _check_ranges(columns: Mapping[str, Known]) -> None:
    for name, (least, most) in _RANGES.items():
        if name in columns and not least <= columns[name].value <= most:
            raise DataError(f"{name} is {columns[name].value:g} by {columns[name].origin}: not {least:g} to {most:g}")


def _contradicted(measured: Known, declared: Known | None) -> list[str]:
    """A note where a speed that was declared is another one than that which was measured."""
    if declared is None or abs(declared.value - measured.value) <= ODD_SPEED * measured.value:
        return []
    return [f"rpm is {measured.value:.6g} by {measured.origin}, where {declared.origin} says {declared.value:g}"]


def _typed(given: Mapping[str, Known], words: Mapping[str, str]) -> dict[str, Known]:
    """What the user gives as the columns of a recording: numbers, fault types, a geometry."""
    found = {name: Known(_value(name, known), known.origin) for name, known in given.items()}
    if "fault_type" in found:
        text, origin = found["fault_type"]
        found["fault_type"] = Known(_fault(text, origin, words), origin)
    if "shaft_hz" in found:
        shaft = found.pop("shaft_hz")
        found.setdefault("rpm", Known(60 * shaft.value, f"{shaft.origin}, Hz"))
    if "sample_interval_s" in found:
        interval = found.pop("sample_interval_s")
        found.setdefault("sample_rate_hz", Known(shortest(1 / interval.value), f"{interval.origin}, s a sample"))
    parts = {name: found.pop(name) for name in _GEOMETRY if name in found}
    if parts:
        found["geometry"] = _geometry(parts)
    return found


def _value(name: str, known: Known) -> float | str:
    if name not in NUMBERS:
        return plain(known.value)
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
