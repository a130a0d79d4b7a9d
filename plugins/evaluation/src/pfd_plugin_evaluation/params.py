"""Parameters and result of the evaluation task."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from pfd import Params, Refers, Result
from pfd.schema import Unless, misplaced

MAX_EXPERIMENTS = 9
"""Panels that stay legible in one figure."""


class GenerateRocAnalysisParams(Params):
    """Which experiments to draw."""

    experiments: Annotated[tuple[Annotated[int, Field(ge=1, lt=2**31)], ...], Refers("experiment")] = Field(
        min_length=1, max_length=MAX_EXPERIMENTS, description="ids of experiments; one panel each"
    )
    part: Literal["train", "validation", "test"] = Field("test", description="part of the split to evaluate")
    n_bootstrap: int = Field(1000, ge=0, le=20_000, description="resamples for the interval; 0 for none")
    random_seed: Annotated[int, Unless(n_bootstrap=0)] = Field(0, ge=0, lt=2**63, description="of the resampling")

    @field_validator("experiments", mode="before")
    @classmethod
    def _one_is_a_list_of_one(cls, value: object) -> object:
        return (value,) if isinstance(value, int) and not isinstance(value, bool) else value

    @field_validator("experiments")
    @classmethod
    def _each_once(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(dict.fromkeys(value))

    @model_validator(mode="after")
    def _nothing_without_effect(self) -> Self:
        for one in misplaced(self):
            raise ValueError(str(one))
        return self


class ClassAuroc(Result):
    """One class against the rest.  Without an AUROC, `reason` says why."""

    name: str
    n_windows: int
    n_bearings: int
    auroc: float | None
    reason: str | None


class ExperimentRoc(Result):
    """One experiment.  `stamp`, which is its split, and `cautions` belong beside its scores."""

    experiment_id: int
    model: str
    dataset: str
    stamp: str
    leaky: bool
    n_windows: int
    n_recordings: int
    n_bearings: int
    macro_auroc: float | None = Field(description="mean over the classes that have an AUROC")
    accuracy: float | None = Field(description="share of windows named rightly, which a perfect AUROC does not imply")
    baseline_accuracy: float | None = Field(description="of always naming the training part's most frequent class")
    interval: list[float | None] | None = Field(
        description="95 % interval of the macro-AUROC: its 2.5 and 97.5 percentiles where the bearings of each class "
        "are drawn again with replacement (the recordings, where a class has one bearing), never windows; with few of "
        "them it is coarse; null where there is none"
    )
    interval_note: str = Field(description="what was resampled, how many a class, and how coarse that is; or why not")
    cautions: list[str] = Field(
        description="what has to be known of its scores before they are believed; empty where nothing is amiss"
    )
    classes: list[ClassAuroc]


class GenerateRocAnalysisResult(Result):
    """ROC of each experiment, in the order asked for."""

    part: str
    experiments: list[ExperimentRoc]
    comparable: bool = Field(description="whether all were evaluated on the same recordings of the same dataset")
