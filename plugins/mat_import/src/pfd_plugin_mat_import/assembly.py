"""From what a layout and a user know of a file to its recording, with where each value came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pfd import DataError
from pfd_plugin_data import MEAN_OF, ChannelInfo, RecordingInfo
from pfd_plugin_mat_import.columns import RANGES, require_range, typed
from pfd_plugin_mat_import.layouts.base import Draft, Known
from pfd_plugin_mat_import.treatment import Gaps, treat

if TYPE_CHECKING:
    from pfd_plugin_mat_import.speed import SpeedRecord

REQUIRED = ("fault_type", "bearing_id", "sample_rate_hz")
CONTRADICTED = 0.03
"""A declared speed that differs more than this from the measured one is noted."""


@dataclass(frozen=True)
class Imported:
    """A recording: its columns, its array, float32 `(channels, samples)`, and what is odd about it.

    `speed_hz` is the course of its shaft's speed, where the file has one; `gaps` says what was done about samples that
    are not numbers.
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
    own, user = dict(draft.columns), typed(given, words)
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
    origins = dict(draft.origins) | {name: one.origin for name, one in columns.items()}
    channels = treated.channels
    if unit := columns.pop("unit", None):
        channels, origins["unit"] = _in_unit(channels, unit, draft.origins.get("unit", "file"))
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


def _in_unit(channels: Sequence[ChannelInfo], unit: Known, own_origin: str) -> tuple[tuple[ChannelInfo, ...], str]:
    """The channels, those without a unit in this one, and where their units are from."""
    own = sum(channel.unit is not None for channel in channels)
    told = unit.origin if not own else own_origin if own == len(channels) else f"{own_origin} and {unit.origin}"
    return tuple(replace(channel, unit=channel.unit or str(unit.value)) for channel in channels), told


def _check_ranges(columns: Mapping[str, Known]) -> None:
    for name in RANGES.keys() & columns.keys():
        require_range(name, columns[name])


def _contradicted(measured: Known, declared: Known | None) -> list[str]:
    """A note where a speed that was declared is another one than that which was measured."""
    if declared is None or abs(declared.value - measured.value) <= CONTRADICTED * measured.value:
        return []
    return [f"rpm is {measured.value:.6g} by {measured.origin}, where {declared.origin} says {declared.value:g}"]
