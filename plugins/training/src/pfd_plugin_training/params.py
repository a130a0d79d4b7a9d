"""Parameters and result of the training task."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from pfd import Params, Refers, Result
from pfd_plugin_data import DatasetRef, SplitParams

ModelName = Literal["random_forest", "cnn1d"]

ONLY_FOR: dict[str, frozenset[str]] = {
    "random_forest": frozenset({"feature_set", "n_estimators"}),
    "cnn1d": frozenset(
        {"window", "hop", "channel", "sample_rate_hz", "lowpass_hz", "epochs", "batch_size", "learning_rate", "device"}
    ),
}
"""Parameters that only one of the models heeds."""


def _needs(model: str, source: str, kinds: list[dict[str, Any]]) -> dict[str, Any]:
    return {"properties": {"model": {"const": model}, source: {"anyOf": kinds}}, "required": ["model", source]}


class TrainModelParams(Params):
    """Which model to train on what."""

    # That each model needs its own input is part of the schema, so that a form or a generator can see it.
    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                _needs("random_forest", "feature_set", [{"type": "integer"}]),
                _needs("cnn1d", "dataset", [{"type": "integer"}, {"type": "string"}]),
            ]
        }
    )

    model: ModelName = Field(description="random_forest on a feature set, or cnn1d on raw windows")
    dataset: Annotated[DatasetRef | None, Refers("dataset")] = Field(
        None, description="id or name of a dataset; needed by cnn1d"
    )
    feature_set: Annotated[int | None, Refers("feature_set")] = Field(
        None, ge=1, lt=2**31, description="id of a feature set; needed by random_forest"
    )
    split: SplitParams = Field(default_factory=SplitParams, description="how recordings are dealt to the parts")
    window: int = Field(2048, ge=64, le=1 << 17, description="samples a window (cnn1d)")
    hop: int | None = Field(None, ge=1, le=1 << 20, description="samples between windows; the window if absent (cnn1d)")
    channel: str | None = Field(None, min_length=1, description="sensor; the common one when absent (cnn1d)")
    sample_rate_hz: float | None = Field(None, gt=0, le=1e7, description="common rate; the lowest when absent (cnn1d)")
    lowpass_hz: float | None = Field(
        None, gt=0, description="common bandwidth, Hz; where rates differ 0.41 of the common one unless given (cnn1d)"
    )
    epochs: int = Field(20, ge=1, le=10_000, description="passes over the training part (cnn1d)")
    batch_size: int = Field(64, ge=2, le=8192, description="windows a step (cnn1d)")
    learning_rate: float = Field(1e-3, gt=0, le=1, description="of Adam (cnn1d)")
    device: Literal["cpu", "cuda"] = Field("cpu", description="where to train; cuda needs a gpu slot (cnn1d)")
    n_estimators: int = Field(200, ge=1, le=5_000, description="trees (random_forest)")
    threads: int = Field(1, ge=1, le=256, description="processor threads")
    random_seed: int = Field(0, ge=0, lt=2**63, description="same seed, same model")
    experiment_id: int | None = Field(
        None, ge=1, lt=2**31, description="an experiment that was created beforehand; a new one unless given"
    )

    @model_validator(mode="after")
    def _has_its_input(self) -> TrainModelParams:
        if self.model == "random_forest" and self.feature_set is None:
            raise ValueError("model='random_forest' needs feature_set; extract_features_task makes one")
        if self.model == "cnn1d" and self.dataset is None:
            raise ValueError("model='cnn1d' needs dataset ('pfd data ls' lists them)")
        return self

    def without_effect(self) -> list[str]:
        """Parameters that were set to something but that this model does not heed."""
        others = frozenset[str]().union(*(names for model, names in ONLY_FOR.items() if model != self.model))
        fields = type(self).model_fields
        return sorted(name for name in others if getattr(self, name) != fields[name].get_default())


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
