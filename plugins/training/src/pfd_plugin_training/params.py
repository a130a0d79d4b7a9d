"""Parameters and result of the training task."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from pfd import Params, Refers, Result
from pfd.schema import Group, Needed, Unit, When, cases, misplaced, missing
from pfd_plugin_data import DatasetRef, SplitParams

ModelName = Literal["random_forest", "cnn1d"]

_FOREST, _NETWORK = When(model="random_forest"), When(model="cnn1d")

_WHENCE = {"feature_set": "extract_features_task makes one", "dataset": "'pfd data ls' lists them"}
"""Where what a model needs comes from."""


class TrainModelParams(Params):
    """Which model to train on what."""

    model_config = ConfigDict(json_schema_extra=cases("model", refused=False))

    model: ModelName = Field(description="random_forest on a feature set, or cnn1d on raw windows")
    dataset: Annotated[DatasetRef | None, Refers("dataset"), Needed(model="cnn1d")] = Field(
        None, description="id or name of a dataset; of a forest, that of its feature set"
    )
    feature_set: Annotated[int | None, Refers("feature_set"), _FOREST, Needed(model="random_forest")] = Field(
        None, ge=1, lt=2**31, description="id of a feature set"
    )
    split: SplitParams = Field(default_factory=SplitParams, description="how recordings are dealt to the parts")
    window: Annotated[int, Unit("samples"), Group("windows"), _NETWORK] = Field(
        2048, ge=64, le=1 << 17, description="length of a window"
    )
    hop: Annotated[int | None, Unit("samples"), Group("windows"), _NETWORK] = Field(
        None, ge=1, le=1 << 20, description="from one window to the next; the window if absent"
    )
    channel: Annotated[str | None, Group("windows"), _NETWORK] = Field(
        None, min_length=1, description="sensor; the common one when absent"
    )
    sample_rate_hz: Annotated[float | None, Unit("Hz"), Group("windows"), _NETWORK] = Field(
        None, gt=0, le=1e7, description="common rate; the lowest when absent"
    )
    lowpass_hz: Annotated[float | None, Unit("Hz"), Group("windows"), _NETWORK] = Field(
        None, gt=0, description="common bandwidth; where rates differ 0.41 of the common one unless given"
    )
    epochs: Annotated[int, Group("training"), _NETWORK] = Field(
        20, ge=1, le=10_000, description="passes over the training part"
    )
    batch_size: Annotated[int, Unit("windows"), Group("training"), _NETWORK] = Field(
        64, ge=2, le=8192, description="windows a step"
    )
    learning_rate: Annotated[float, Group("training"), _NETWORK] = Field(1e-3, gt=0, le=1, description="of Adam")
    device: Annotated[Literal["cpu", "cuda"], Group("training"), _NETWORK] = Field(
        "cpu", description="where to train; cuda needs a gpu slot"
    )
    n_estimators: Annotated[int, Group("training"), _FOREST] = Field(200, ge=1, le=5_000, description="trees")
    threads: int = Field(1, ge=1, le=256, description="processor threads")
    random_seed: int = Field(0, ge=0, lt=2**63, description="same seed, same model")
    experiment_id: int | None = Field(
        None, ge=1, lt=2**31, description="an experiment that was created beforehand; a new one unless given"
    )

    @model_validator(mode="after")
    def _has_its_input(self) -> TrainModelParams:
        for one in missing(self):
            raise ValueError(f"{one} ({_WHENCE[one.name]})")
        return self

    def without_effect(self) -> list[str]:
        """Parameters that were set to something but that this model does not heed."""
        return sorted(one.name for one in misplaced(self))


class TrainModelResult(Result):
    """A stored experiment.  Scores are shares from 0 to 1; `stamp` and `cautions` belong beside them."""

    experiment_id: int
    model: str
    dataset_id: int
    dataset_fingerprint: str
    classes: list[str]
    protocol: str
    split_name: str | None = Field(None, description="of a stored split; null where it was made by a protocol")
    split_fold: int | None = Field(None, description="of that split, from 1, where it has several")
    stamp: str
    leaky: bool
    n_windows: dict[str, int] = Field(description="of each part")
    n_recordings: dict[str, int] = Field(description="of each part")
    n_bearings: dict[str, int] = Field(description="of each part")
    best_epoch: int | None = Field(description="the epoch whose weights were kept (cnn1d)")
    validation_accuracy: float | None
    test_accuracy: float | None = Field(description="of windows")
    test_record_accuracy: float | None = Field(description="of recordings, by their mean probabilities")
    test_macro_auroc: float | None = Field(
        description="area under the ROC curve, one class against the rest, mean over the classes that the test part "
        "holds; 0.5 is chance, 1 is best; it judges how windows are ranked, not which class they are said to be"
    )
    test_ece: float | None = Field(
        description="expected calibration error: by how much the largest probability misses the share of windows named "
        "rightly, mean over the test windows in 15 equal bins of that probability; 0 is best, 1 is worst; few windows "
        "in a bin make it larger"
    )
    test_brier: float | None = Field(description="Brier score summed over classes; 0 is best, 2 is worst")
    baseline_accuracy: float | None = Field(description="of always naming the training part's most frequent class")
    cautions: list[str] = Field(
        description="what has to be known of these scores before they are believed; empty where nothing is amiss"
    )
    without_effect: list[str] = Field(description="parameters given that this model does not heed")
