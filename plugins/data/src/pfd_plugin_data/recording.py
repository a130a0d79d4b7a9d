"""What is known of one recording."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from pfd import DataError
from pfd_plugin_data.classes import FAULTS

__all__ = ["FAULTS", "MEAN_OF", "ORIGINS", "ChannelInfo", "RecordingInfo"]

ORIGINS = ("seeded", "natural", "synthetic")

MEAN_OF = "mean of "
"""How an `rpm_source` begins where the speed changes within the recording."""


@dataclass(frozen=True)
class ChannelInfo:
    """One row of a recording's array: where it was measured (`"DE"`), along which axis, and its unit (`"g"`)."""

    sensor: str
    axis: str | None = None
    unit: str | None = None


@dataclass(frozen=True)
class RecordingInfo:
    """One measurement: float32 `(channels, samples)` and what is known of it; None is "unknown", never a guess.

    Parameters
    ----------
    record_id : unique within its dataset.
    bearing_id : the physical bearing.  What is learnt from one recording of a bearing is no news on another one.
    specimen : the kind of bearing, such as `"SKF 6205-2RS"`.
    geometry : `n_balls`, `ball_d_mm`, `pitch_d_mm`, `contact_deg`.
    fault_type : one of `FAULTS`; several faults at once are joined by "+".
    fault_size : width of the defect, inches (as bearing data sets give it); 0 where there is none.
    fault_origin : one of `ORIGINS`.
    severity, condition : free words of the source.
    rpm, rpm_source : shaft speed, rev/min, and where it came from; "mean of …" where it changes within the recording.
    load : the load in the source's words, with its unit (`"1 hp"`).
    channels : one a row of the array.
    sample_rate_hz, n_samples : samples a second, and how many a channel.
    sha256 : of the file that it was read from; of the signal where it was generated.
    source, licence : where it came from, and on what terms.

    Raises
    ------
    DataError : a value that no recording can have.
    """

    record_id: str
    bearing_id: str
    specimen: str | None
    geometry: Mapping[str, float] | None
    fault_type: str
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

    @property
    def speed_changes(self) -> bool:
        """Whether `rpm` is declared to be the mean of a speed that changes within the recording."""
        return self.rpm_source is not None and self.rpm_source.startswith(MEAN_OF)

    def __post_init__(self) -> None:
        for problem in self._problems():
            raise DataError(f"recording {self.record_id!r}: {problem}")

    def _problems(self) -> list[str]:
        problems = []
        if not self.record_id or not self.bearing_id:
            problems.append("record_id and bearing_id must not be empty")
        if self.fault_type not in FAULTS:
            problems.append(f"fault_type={self.fault_type!r} is none of {', '.join(FAULTS)}")
        if self.fault_origin not in (None, *ORIGINS):
            problems.append(f"fault_origin={self.fault_origin!r} is none of {', '.join(ORIGINS)}")
        if not (math.isfinite(self.sample_rate_hz) and self.sample_rate_hz > 0):
            problems.append(f"sample_rate_hz={self.sample_rate_hz} is no rate")
        if self.rpm is not None and not (math.isfinite(self.rpm) and self.rpm >= 0):
            problems.append(f"rpm={self.rpm} is no speed")
        if self.n_samples < 1:
            problems.append("it has no samples")
        sensors = [channel.sensor for channel in self.channels]
        if not sensors or len(set(sensors)) < len(sensors):
            problems.append(f"channels {sensors} must be one or more, each of its own name")
        return problems
