"""Parameters and result of the feature tasks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, model_validator

from pfd import Params, Result

Domain = Literal["time", "frequency", "envelope", "wavelet", "bispectrum", "advanced", "general"]


class ExtractFeaturesParams(Params):
    """What to describe, and by which features."""

    dataset: Annotated[int, Field(ge=1, lt=2**31)] | Annotated[str, Field(min_length=1, max_length=64)] = Field(
        description="id or name of a dataset ('pfd data ls' lists them)"
    )
    window: int = Field(2048, ge=64, le=1 << 20, description="samples a window")
    hop: int | None = Field(None, ge=1, le=1 << 20, description="samples between window starts; the window when absent")
    domains: tuple[Domain, ...] = Field(
        ("time", "frequency", "envelope"), min_length=1, max_length=7, description="which features to compute"
    )
    channel: str | None = Field(None, min_length=1, description="sensor; the one common to all recordings when absent")
    sample_rate_hz: float | None = Field(
        None, gt=0, le=1e7, description="common rate that recordings are brought down to; their lowest when absent"
    )
    lowpass_hz: float | None = Field(None, gt=0, description="common bandwidth, where recordings differ in theirs")
    reuse: bool = Field(True, description="take a stored feature set that is the same, where there is one")

    @model_validator(mode="after")
    def _band_below_nyquist(self) -> ExtractFeaturesParams:
        if self.sample_rate_hz and self.lowpass_hz and self.lowpass_hz >= self.sample_rate_hz / 2:
            raise ValueError(
                f"lowpass_hz={self.lowpass_hz:g} must lie below half of sample_rate_hz={self.sample_rate_hz:g}"
            )
        return self


class ExtractFeaturesResult(Result):
    """A stored feature set.  `absent` names each feature that could not be computed for all recordings, and why."""

    feature_set_id: int
    dataset_id: int
    dataset_fingerprint: str
    n_windows: int
    n_unusable: int = Field(description="windows left out: constant, or holding a value that is not finite")
    n_features: int
    features: list[str]
    absent: dict[str, str]
    window: int
    hop: int
    sample_rate_hz: FiniteFloat
    reused_from: str | None = Field(None, description="the job that had computed this set; null where this one did")
