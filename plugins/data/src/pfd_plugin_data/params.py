"""Parameters and results of the tasks of this plugin."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from annotated_types import MaxLen, MinLen
from pydantic import Field, model_validator

from pfd import Params, Result

DatasetName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$")]
"""A name that cannot be taken for an id and is safe in a file name."""

MAX_SAMPLES = 2_000_000_000
"""Most samples that one generated dataset may hold (8 GB of float32)."""

FaultType = Literal["normal", "inner_race", "outer_race", "ball"]
SpeedRpm = Annotated[float, Field(ge=60, le=30_000)]


class Geometry(Params):
    """A rolling-element bearing with its outer ring fixed.  The default is the SKF 6205-2RS."""

    n_balls: int = Field(9, ge=4, le=60, description="number of rolling elements")
    ball_d_mm: float = Field(7.94, gt=0.5, le=200, description="diameter of a rolling element, mm")
    pitch_d_mm: float = Field(39.04, gt=2, le=2000, description="pitch diameter, mm")
    contact_deg: float = Field(0.0, ge=0, le=60, description="contact angle, degrees")

    @model_validator(mode="after")
    def _fits(self) -> Geometry:
        if self.ball_d_mm >= self.pitch_d_mm:
            raise ValueError(f"ball_d_mm={self.ball_d_mm:g} must be less than pitch_d_mm={self.pitch_d_mm:g}")
        if self.n_balls * self.ball_d_mm > math.pi * self.pitch_d_mm:
            raise ValueError(
                f"{self.n_balls} elements of {self.ball_d_mm:g} mm do not fit on a circle of {self.pitch_d_mm:g} mm"
            )
        return self


class GenerateDatasetParams(Params):
    """What `generate_dataset_task` accepts."""

    name: DatasetName = Field("bearings", description="name of the dataset; the newest of a name is the one meant")
    num_signals_per_fault: int = Field(
        6, ge=1, le=1000, description="recordings of each fault type, dealt over its bearings and then over the speeds"
    )
    fault_types: Annotated[tuple[FaultType, ...], MinLen(1), MaxLen(4)] = Field(
        ("normal", "inner_race", "outer_race", "ball"), description="classes to generate"
    )
    bearings_per_fault: int = Field(
        3, ge=1, le=50, description="physically different bearings of each fault type; a split needs at least 2"
    )
    duration_s: float = Field(2.0, ge=0.05, le=120, description="length of a recording, s")
    sample_rate_hz: float = Field(12_000.0, ge=5_000, le=200_000, description="sample rate, Hz")
    rpm: Annotated[tuple[SpeedRpm, ...], MinLen(1), MaxLen(20)] = Field(
        (1772.0,), description="shaft speeds, rev/min; a bearing runs at each in turn"
    )
    snr_db: float = Field(0.0, ge=-40, le=60, description="power of the fault's impacts over that of the noise, dB")
    geometry: Geometry = Field(default_factory=Geometry, description="geometry of the bearings")
    random_seed: int = Field(0, ge=0, lt=2**63, description="same seed, same dataset; other seeds share nothing")

    @model_validator(mode="after")
    def _possible(self) -> GenerateDatasetParams:
        if len(set(self.fault_types)) < len(self.fault_types):
            raise ValueError(f"fault_types={list(self.fault_types)} names one twice")
        if self.bearings_per_fault > self.num_signals_per_fault:
            raise ValueError(
                f"bearings_per_fault={self.bearings_per_fault} needs at least as many recordings, "
                f"but num_signals_per_fault={self.num_signals_per_fault}"
            )
        samples = len(self.fault_types) * self.num_signals_per_fault * self.duration_s * self.sample_rate_hz
        if samples > MAX_SAMPLES:
            raise ValueError(f"{samples:.3g} samples in all, at most {MAX_SAMPLES:.3g} are allowed")
        return self


class GenerateDatasetResult(Result):
    """What `generate_dataset_task` returns."""

    dataset_id: int
    name: str
    fingerprint: str = Field(description="SHA-256 over the content")
    n_recordings: int
    n_bearings: int
    classes: dict[str, int] = Field(description="recordings of each fault type")
