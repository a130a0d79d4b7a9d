"""The training task: context and storage around the models."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from pfd import DataError, Seal, TaskContext
from pfd.records import upsert_for_job
from pfd.views import Provenance
from pfd_plugin_data import Dataset, DatasetEntry, Split, choose_split, find_dataset, in_brief
from pfd_plugin_features import FeatureSetEntry, find_feature_set
from pfd_plugin_training.cautions import cautions_of
from pfd_plugin_training.figures import bearing_table, class_table, confusion_figure
from pfd_plugin_training.outcome import Outcome
from pfd_plugin_training.params import TrainModelParams, TrainModelResult
from pfd_plugin_training.parts import describe
from pfd_plugin_training.predictions import PARTS, Predictions, write_predictions
from pfd_plugin_training.records import ExperimentRow
from pfd_plugin_training.scores import Scores, score
from pfd_plugin_training.store import entry_of


def train_model(params: TrainModelParams, ctx: TaskContext) -> TrainModelResult:
    """Train one model, score it, and keep it as an experiment."""
    for name in (ignored := params.without_effect()):
        ctx.log.warning("%s has no effect on %s", name, params.model)
    entry, features = _inputs(params, ctx)
    with entry.open() as dataset:
        split = choose_split(params.split, entry, dataset.recordings, seed=params.random_seed, sessions=ctx.session)
        ctx.log.info("split: %s", split.title)
        # On which split features were selected belongs beside the scores: on another they have seen its test part.
        leak = features.leak(split) if features else None
        leaks = [one for one in (leak, split.leak) if one]
        leaky = bool(leaks)
        # While it runs its curves are shown, and what they rest on belongs beside them.
        ctx.write_json("split.json", {"stamp": split.title.removeprefix("LEAKY: "), "leaky": leaky})
        outcome = _run(params, dataset, features, split, ctx)
        recordings = dataset.recordings
    ctx.progress(0.96, "Scoring")
    majority = int(np.bincount(outcome.parts["train"].y_true).argmax())
    scores = {part: score(predictions, majority) for part, predictions in outcome.parts.items()}
    of_features = (features.provenance, features.speeds) if features else ()
    provenance = "; ".join(
        filter(None, (leak and f"LEAKY: {leak}", split.title, outcome.band, outcome.selection, *of_features))
    )
    predictions_path = ctx.artifact("predictions.npz")
    write_predictions(predictions_path, outcome.parts)
    config = {**outcome.config, "params": params.model_dump(mode="json"), "classes": list(outcome.classes)}
    metrics = {part: asdict(values) for part, values in scores.items()}
    ctx.write_json("config.json", {**config, "dataset_fingerprint": entry.fingerprint, "stamp": provenance})
    ctx.write_json("history.json", [asdict(epoch) for epoch in outcome.history])
    row = {
        "model": params.model,
        "dataset_id": entry.id,
        "dataset_name": entry.name,
        "dataset_fingerprint": entry.fingerprint,
        "feature_set_id": features.id if features else None,
        "random_seed": params.random_seed,
        "provenance": provenance,
        "leaky": leaky,
        "leaks": leaks,
        "split_protocol": split.protocol,
        "split_digest": split.digest,
        "classes": list(outcome.classes),
        "split": describe(split, recordings),
        "config": config,
        "metrics": metrics,
        "model_path": ctx.home_relative(outcome.model_path),
        "predictions_path": ctx.home_relative(predictions_path),
        "model_seal": Seal.of(outcome.model_path).to_json(),
        "predictions_seal": Seal.of(predictions_path).to_json(),
    }
    with ctx.session() as session:
        stored = entry_of(upsert_for_job(session, ExperimentRow, ctx.job_id, row), ctx.settings.home)
    cautions = cautions_of(stored, "test", outcome.parts["test"])
    told = [str(caution) for caution in cautions]
    ctx.write_json("metrics.json", {"stamp": provenance, "cautions": told, **metrics})
    for caution in told:
        ctx.log.warning("%s", caution)
    tested, rate = outcome.parts["test"], float(outcome.config["sample_rate_hz"])
    shown = Provenance(text=provenance.removeprefix("LEAKY: "), leaky=leaky)
    ctx.figure("confusion", confusion_figure(tested, "test", shown), pictures=False)
    ctx.table("classes", class_table(tested, "test"))
    ctx.table("bearings", bearing_table(tested, "test", recordings, entry.id, rate))
    validation, test = scores.get("validation"), scores["test"]
    right = f"{test.accuracy:.1%} of the test windows named rightly, {test.baseline_accuracy:.1%} by the majority class"
    ctx.progress(1.0, f"{'LEAKY: ' if leaky else ''}{right}{in_brief(cautions)}")
    return TrainModelResult(
        experiment_id=stored.id,
        model=params.model,
        dataset_id=entry.id,
        dataset_fingerprint=entry.fingerprint,
        classes=list(outcome.classes),
        protocol=split.protocol,
        split_name=split.name,
        split_fold=split.fold,
        stamp=provenance,
        leaky=leaky,
        n_windows={part: _count(outcome.parts.get(part), "start", unique=False) for part in PARTS},
        n_recordings={part: _count(outcome.parts.get(part), "record") for part in PARTS},
        n_bearings={part: _count(outcome.parts.get(part), "bearing_id") for part in PARTS},
        best_epoch=outcome.best_epoch,
        validation_accuracy=validation.accuracy if validation else None,
        **_of_test(test),
        cautions=told,
        without_effect=ignored,
    )


def _of_test(test: Scores) -> dict[str, Any]:
    return {
        "test_accuracy": test.accuracy,
        "test_record_accuracy": test.record_accuracy,
        "test_macro_auroc": test.macro_auroc,
        "test_ece": test.ece,
        "test_brier": test.brier,
        "baseline_accuracy": test.baseline_accuracy,
    }


def _inputs(params: TrainModelParams, ctx: TaskContext) -> tuple[DatasetEntry, FeatureSetEntry | None]:
    """The dataset to split and, for a forest, the feature set that was made from it."""
    home = ctx.settings.home
    with ctx.session() as session:
        if params.model == "cnn1d":
            assert params.dataset is not None
            return find_dataset(session, params.dataset, home=home), None
        assert params.feature_set is not None
        features = find_feature_set(session, params.feature_set, home=home)
        entry = find_dataset(session, features.dataset_id, home=home)
        if params.dataset is not None and (other := find_dataset(session, params.dataset, home=home)).id != entry.id:
            raise DataError(
                f"feature set {features.id} was made from dataset {entry.id} ({entry.name!r}), "
                f"not from {other.id} ({other.name!r})",
                hint="leave dataset out, or name a feature set of it",
            )
    features.require_unchanged(entry)
    return entry, features


def _run(
    params: TrainModelParams, dataset: Dataset, features: FeatureSetEntry | None, split: Split, ctx: TaskContext
) -> Outcome:
    # Each model's libraries are loaded only where it is trained: torch alone takes seconds.
    if features is not None:
        from pfd_plugin_training.forest_run import run_forest

        outcome = run_forest(params, dataset, features, split, ctx)
    else:
        from pfd_plugin_training.network_run import run_network

        outcome = run_network(params, dataset, split, ctx)
    for part in ("train", "test"):
        if part not in outcome.parts:
            raise DataError(f"the {part} part has no window", hint="choose a smaller window or another split")
    return outcome


def _count(predictions: Predictions | None, column: str, *, unique: bool = True) -> int:
    if predictions is None:
        return 0
    values = getattr(predictions, column)
    return int(np.unique(values).size if unique else values.size)
