"""What the task takes and gives."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, FiniteFloat, model_validator

from pfd import Params, Result
from pfd.schema import Unit


class FaultLinesParams(Params):
    n_balls: int = Field(ge=3, le=100, description="number of rolling elements")
    ball_d_mm: Annotated[float, Unit("mm")] = Field(gt=0, le=1000, description="diameter of a rolling element")
    pitch_d_mm: Annotated[float, Unit("mm")] = Field(gt=0, le=10_000, description="pitch diameter")
    contact_deg: Annotated[float, Unit("°")] = Field(0.0, ge=0, lt=90, description="contact angle")
    rpm: Annotated[float, Unit("rev/min")] = Field(
        gt=0, le=1e6, description="speed of the shaft; the outer race stands still"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.ball_d_mm >= self.pitch_d_mm:
            raise ValueError(f"ball_d_mm={self.ball_d_mm:g} must be smaller than pitch_d_mm={self.pitch_d_mm:g}")
        return self


class FaultLines(Result):
    """Frequencies in hertz: cage, outer race, inner race, and spin of a rolling element."""

    ftf_hz: FiniteFloat
    bpfo_hz: FiniteFloat
    bpfi_hz: FiniteFloat
    bsf_hz: FiniteFloat
