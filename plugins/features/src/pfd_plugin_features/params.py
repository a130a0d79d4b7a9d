"""Parameters and results of the feature tasks."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, FiniteFloat, field_validator, model_validator

from pfd import Params, Refers, Result
from pfd.schema import Group, Unit, When, misplaced
from pfd_plugin_data import DatasetRef, SpeedSource, SplitParams

Domain = Literal["time", "frequency", "envelope", "wavelet", "bispectrum", "advanced", "general"]


class ExtractFeaturesParams(Params):
    """What to describe, and by which features."""

    dataset: Annotated[DatasetRef, Refers("dataset")] = Field(
        description="id or name of a dataset ('pfd data ls' lists them)"
    )
    window: Annotated[int, Unit("samples"), Group("windows")] = Field(
        2048, ge=64, le=1 << 20, description="length of a window"
    )
    hop: Annotated[int | None, Unit("samples"), Group("windows")] = Field(
        None, ge=1, le=1 << 20, description="from one window's start to the next; the window when absent"
    )
    domains: tuple[Domain, ...] = Field(
        ("time", "frequency", "envelope"), min_length=1, max_length=7, description="which features to compute"
    )
    channel: Annotated[str | None, Group("signal")] = Field(
        None, min_length=1, description="sensor; the one common to all recordings when absent"
    )
    sample_rate_hz: Annotated[float | None, Unit("Hz"), Group("signal")] = Field(
        None, gt=0, le=1e7, description="common rate that recordings are brought down to; their lowest when absent"
    )
    lowpass_hz: Annotated[float | None, Unit("Hz"), Group("signal")] = Field(
        None, gt=0, description="common bandwidth; where rates differ 0.41 of the common one unless given"
    )
    speed_source: Annotated[SpeedSource, Group("signal")] = Field(
        "declared",
        description="the speed that lines and orders go by: the declared one, or the one that the signal shows "
        "(declared where it shows none)",
    )
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
    channel: str = Field(description="the sensor whose signals were described")
    window: int
    hop: int
    sample_rate_hz: FiniteFloat
    reused_from: str | None = Field(None, description="the job that had computed this set; null where this one did")


class OnFeatureSet(Params):
    """What the tasks that learn from a feature set have in common."""

    feature_set: Annotated[int, Refers("feature_set")] = Field(
        ge=1, lt=2**31, description="id of a feature set; extract_features_task makes one"
    )
    split: SplitParams = Field(default_factory=SplitParams, description="how recordings are dealt to the parts")
    max_windows: int = Field(20_000, ge=100, le=10_000_000, description="windows of a part to look at, drawn at random")
    random_seed: int = Field(0, ge=0, lt=2**31, description="same seed, same result")

    @model_validator(mode="after")
    def _nothing_without_effect(self) -> Self:
        for one in misplaced(self):
            raise ValueError(str(one))
        return self


ImportanceMethod = Literal["mutual_information", "forest", "permutation", "shap"]


class ComputeImportanceParams(OnFeatureSet):
    """What to judge features by."""

    methods: tuple[ImportanceMethod, ...] = Field(
        ("mutual_information", "forest", "permutation", "shap"),
        min_length=1,
        max_length=4,
        description="measures of importance; permutation needs a validation part",
    )
    n_estimators: int = Field(
        200, ge=1, le=10_000, description="trees of the forest, whose score on the validation part is told in any case"
    )
    n_repeats: Annotated[int, When(methods="permutation")] = Field(
        5, ge=1, le=100, description="permutations of each feature"
    )

    @field_validator("methods")
    @classmethod
    def _each_once(cls, value: tuple[ImportanceMethod, ...]) -> tuple[ImportanceMethod, ...]:
        return tuple(dict.fromkeys(value))


class LearnedFromFeatures(Result):
    """What was looked at.  `stamp` says how it was split and belongs beside every figure."""

    dataset_id: int
    dataset_fingerprint: str
    stamp: str
    split_name: str | None = Field(None, description="of a stored split; null where it was made by a protocol")
    split_fold: int | None = Field(None, description="of that split, from 1, where it has several")
    leaky: bool
    n_windows: dict[str, int] = Field(description="looked at, of each part; the test part stays untouched")
    n_bearings: dict[str, int] = Field(description="of each part")


class FeatureImportance(Result):
    """One feature.  `scores` is by measure; larger is more."""

    name: str
    mean_rank: float | None = Field(description="mean over the measures of its rank; 1 is the most telling")
    scores: dict[str, float | None]


class ComputeImportanceResult(LearnedFromFeatures):
    """The features, most telling first."""

    feature_set_id: int
    methods: list[str]
    skipped: dict[str, str] = Field(description="measures that could not be taken, and why")
    validation_score: float | None = Field(
        description="balanced accuracy of the forest on the validation part: what its importances are worth"
    )
    chance: FiniteFloat = Field(description="balanced accuracy of guessing")
    cautions: list[str] = Field(
        description="what has to be known of these before they are believed; empty where nothing is amiss"
    )
    features: list[FeatureImportance]


class SelectFeaturesParams(OnFeatureSet):
    """How many features to keep, and by what."""

    n_features: int = Field(10, ge=1, le=1000, description="features to keep")
    method: Literal["variance", "mutual_information", "mrmr", "rfe", "stability"] = Field(
        "mrmr", description="how to choose them"
    )
    n_subsamples: Annotated[int, When(method="stability")] = Field(
        50, ge=2, le=1000, description="halves of the training part that features are chosen on"
    )


class SelectFeaturesResult(LearnedFromFeatures):
    """A stored feature set with the chosen columns, to train on under the same split."""

    feature_set_id: int = Field(description="of the new set")
    selected_from: int = Field(description="the set that it was selected from")
    method: str
    features: list[str] = Field(description="best first")
    scores: dict[str, float | None] = Field(description="of every feature; larger is better")
    score_is: str = Field(description="what a score is")
    validation_score: float | None = Field(description="balanced accuracy of a forest on the chosen features")
    validation_score_all: float | None = Field(description="the same on all features")
    chance: FiniteFloat = Field(description="balanced accuracy of guessing")
    cautions: list[str] = Field(
        description="what has to be known of these before they are believed; empty where nothing is amiss"
    )


class ComputeCorrelationParams(OnFeatureSet):
    """Which correlation, and from where on features say the same."""

    method: Literal["pearson", "spearman"] = Field("spearman", description="of values, or of their ranks")
    threshold: float = Field(0.9, gt=0, lt=1, description="least |correlation| of any two features of a cluster")


class FeatureCluster(Result):
    """Features that go together; `representative` is the one most like the others."""

    representative: str
    members: list[str]


class ComputeCorrelationResult(LearnedFromFeatures):
    """Clusters, largest first; each feature is in one."""

    feature_set_id: int
    method: str
    threshold: FiniteFloat
    n_features: int
    clusters: list[FeatureCluster]
    constant: list[str] = Field(description="features without a correlation: they have one value only")
