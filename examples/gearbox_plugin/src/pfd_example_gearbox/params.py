"""What the tasks take and give."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, FiniteFloat, model_validator

from pfd import Params, Refers, Result
from pfd.schema import DefaultWhen, Group, Unit, Unless, misplaced, with_defaults

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
Fault = Literal["none", "eccentric", "tooth"]
Gearbox = Annotated[int | str, Refers("gearbox")]
Speed = Annotated[float, Unit("rev/min"), Group("operation")]


class AddGearboxParams(Params):
    """A gearbox, the stages from the input on."""

    name: Name = Field(description="what it is called from now on")
    teeth: tuple[Annotated[int, Field(ge=5, le=500)], ...] = Field(
        min_length=2, max_length=12, description="teeth of the driving and the driven gear of each stage: 23,67,19,71"
    )

    @model_validator(mode="after")
    def _in_pairs(self) -> Self:
        if len(self.teeth) % 2:
            raise ValueError(f"teeth={','.join(map(str, self.teeth))}: each stage has two gears")
        return self


class AddedGearbox(Result):
    """A stored gearbox."""

    gearbox_id: int
    stages: int
    ratio: FiniteFloat = Field(description="speed of the input over that of the output")


class SpectrumParams(Params):
    """A gear to simulate, and to look at."""

    gearbox: Gearbox = Field(description="id or name of a gearbox")
    stage: int = Field(1, ge=1, le=6, description="stage whose driving gear is looked at")
    rpm: Speed = Field(1500.0, gt=0, le=100_000, description="speed of the input shaft")
    realtime: Annotated[bool, Group("operation")] = Field(
        False, description="take as long for a block of eight revolutions as a rig would"
    )
    blocks: int = Field(64, ge=1, le=10_000, description="blocks that are averaged")
    fault: Annotated[Fault, Group("fault")] = Field("none", description="what is wrong with the driving gear")
    depth: Annotated[
        float,
        Group("fault"),
        Unit("1"),
        Unless(fault="none"),
        DefaultWhen(0.3, fault="eccentric"),
        DefaultWhen(2.0, fault="tooth"),
    ] = Field(0.0, ge=0, le=10, description="modulation of the mesh by the fault")
    seed: int = Field(0, ge=0, description="of the noise")

    @model_validator(mode="before")
    @classmethod
    def _filled(cls, given: Any) -> Any:
        return with_defaults(cls, given)

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        for one in misplaced(self):
            raise ValueError(str(one))
        return self


class Spectrum(Result):
    """What the sidebands of a mesh say of its gear."""

    gearbox_id: int
    gearbox: str
    mesh_hz: FiniteFloat = Field(description="tooth-mesh frequency in hertz")
    sideband_ratio: FiniteFloat = Field(description="amplitude of the sidebands over that of the meshes")
    suspect: bool = Field(description="whether that is above the limit that is set")


class CampaignParams(Params):
    """The same gear with faults of growing depth, until one of them is seen for certain."""

    gearbox: Gearbox = Field(description="id or name of a gearbox")
    rpm: Speed = Field(1500.0, gt=0, le=100_000, description="speed of the input shaft")
    realtime: Annotated[bool, Group("operation")] = Field(False, description="measure as long as a rig would")
    blocks: int = Field(64, ge=1, le=10_000, description="blocks that are averaged at each depth")
    fault: Literal["eccentric", "tooth"] = Field("eccentric", description="what is wrong with the gear")
    depths: tuple[Annotated[float, Field(gt=0, le=10)], ...] = Field(
        (0.05, 0.1, 0.2, 0.4, 0.8), min_length=1, max_length=20, description="modulation of the mesh by the fault"
    )
    enough: float = Field(0.5, gt=0, description="running ratio at which deeper faults need not be measured any more")


class Campaign(Result):
    """What became of each depth."""

    smallest_suspect: float | None = Field(description="smallest depth that is seen; null where none is")
    measured: int
    spared: int = Field(description="deeper ones that were cancelled")
    failed: int
