"""What is known of one recording."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from pfd import DataError
from pfd_plugin_data.classes import FAULTS

__all__ = ["FAULTS", "MEAN_OF", "ORIGINS", "TRACED", "ChannelInfo", "RecordingInfo"]

ORIGINS = ("seeded", "natural", "synthetic")

TRACED = (
    *("record_id", "bearing_id", "specimen", "geometry", "fault_type", "fault_size", "fault_origin", "severity"),
    *("condition", "rpm", "load", "sensor", "axis", "unit", "sample_rate_hz", "licence"),
)
"""Columns of which `RecordingInfo.origins` may say where they came from; the others are counted or computed."""

_TRACED = frozenset(TRACED)

MEAN_OF = "mean of "
"""How an `rpm_source` begins where the speed changes within the recording."""


@dataclass(frozen=True)
class ChannelInfo:
    """One row of a recording's array: where it was measured (`"DE"`), along which axis, and its unit (`"g"`).

    `offset` is what its samples lay beside zero where that was too large for float32 to hold both: it was taken from
    them, in their unit.
    """

    sensor: str
    axis: str | None = None
    unit: str | None = None
    offset: float | None = None


@dataclass(frozen=True)
class RecordingInfo:
    """One measurement: float32 `(channels, samples)` and what is known of it; None is "unknown", never a guess.

    Parameters
    ----------
    record_id : unique within its dataset.
    bearing_id : the physical bearing.  What is learnt from one recording of a bearing is no news on another one.
    specimen : the kind of bearing, such as `"SKF 6205-2RS"`.
    geometry : `n_balls`, `ball_d_mm`, `pitch_d_mm`, `contact_deg`.
    fault_type : one of `FAULTS`; several faults at once are joined by "+".  None where it is unknown: such a recording
        is unlabelled.
    fault_size : width of the defect, inches (as bearing data sets give it); 0 where there is none.
    fault_origin : one of `ORIGINS`.
    severity, condition : free words of the source.
    rpm, rpm_source : shaft speed, rev/min, and where it came from; "mean of …" where it changes within the recording.
    rpm_measured, rpm_uncertainty : the speed that the lines of its signal show, and the standard uncertainty of that,
        rev/min; None where the signal shows none, or nobody has looked.
    treatment : what was done to its samples before they were stored, such as gaps that were filled; None for nothing.
    load : the load in the source's words, with its unit (`"1 hp"`).
    channels : one a row of the array.
    sample_rate_hz, n_samples : samples a second, and how many a channel.
    sha256 : of the file that it was read from; of the signal where it was generated.
    source, licence : where it came from, and on what terms.
    origins : by column, of `TRACED`, where its value came from (`{"unit": "file bearing.gs"}`); a column that is not
        there is unknown, or nobody has said.  It is kept beside the content and is no part of the fingerprint.

    Raises
    ------
    DataError : a value that no recording can have.
    """

    record_id: str
    bearing_id: str
    specimen: str | None
    geometry: Mapping[str, float] | None
    fault_type: str | None
    fault_size: float | None
    fault_origin: str | None
    severity: str | None
    condition: str | None
    rpm: float | None
    rpm_source: str | None
    load: str | None
    channels: tuple[ChannelInfo, ...]
    sample_rate_hz: float
    n_samples: int
    sha256: str
    source: str
    licence: str | None
    rpm_measured: float | None = None
    rpm_uncertainty: float | None = None
    treatment: str | None = None
    origins: Mapping[str, str] = field(default_factory=dict)

    @property
    def speed_changes(self) -> bool:
        """Whether `rpm` is declared to be the mean of a speed that changes within the recording."""
        return self.rpm_source is not None and self.rpm_source.startswith(MEAN_OF)

    def __post_init__(self) -> None:
        for problem in self._problems():
            raise DataError(f"recording {self.record_id!r}: {problem}")

    @property
    def label(self) -> str:
        """The fault type, for whom nothing is to be done without.  Raises `DataError` where it is unknown."""
        if self.fault_type is None:
            raise DataError(
                f"recording {self.record_id!r} is unlabelled", hint="leave it out, or give its fault_type in the import"
            )
        return self.fault_type

    def _problems(self) -> list[str]:
        problems = []
        if not self.record_id or not self.bearing_id:
            problems.append("record_id and bearing_id must not be empty")
        if self.fault_type not in (None, *FAULTS):
            problems.append(f"fault_type={self.fault_type!r} is none of {', '.join(FAULTS)}")
        if self.fault_origin not in (None, *ORIGINS):
            problems.append(f"fault_origin={self.fault_origin!r} is none of {', '.join(ORIGINS)}")
        if not (math.isfinite(self.sample_rate_hz) and self.sample_rate_hz > 0):
            problems.append(f"sample_rate_hz={self.sample_rate_hz} is not a rate")
        if self.rpm is not None and not (math.isfinite(self.rpm) and self.rpm >= 0):
            problems.append(f"rpm={self.rpm} is no speed")
        if (self.rpm_measured is None) != (self.rpm_uncertainty is None):
            problems.append("rpm_measured and rpm_uncertainty go together")
        for name in ("rpm_measured", "rpm_uncertainty"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                problems.append(f"{name}={value} is no speed")
        if any(one.offset is not None and not math.isfinite(one.offset) for one in self.channels):
            problems.append("the offset of a channel is not a number")
        if self.n_samples < 1:
            problems.append("it has no samples")
        if strange := sorted(self.origins.keys() - _TRACED):
            problems.append(f"origins name {strange[0]!r}, which is none of {', '.join(TRACED)}")
        sensors = [channel.sensor for channel in self.channels]
        if not sensors or len(set(sensors)) < len(sensors):
            problems.append(f"channels {sensors} must be one or more, each of its own name")
        return problems
