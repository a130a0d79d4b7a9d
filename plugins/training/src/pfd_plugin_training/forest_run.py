"""Training a random forest on a stored feature set."""

from __future__ import annotations

import numpy as np
import sklearn

from pfd import DataError, TaskContext
from pfd_plugin_data import Dataset, Split, band_words
from pfd_plugin_features import FeatureSetEntry, read_features
from pfd_plugin_training.forest import fit_forest
from pfd_plugin_training.forest_file import ForestNames, save_forest
from pfd_plugin_training.outcome import Outcome
from pfd_plugin_training.params import TrainModelParams
from pfd_plugin_training.parts import classes_of, part_of_windows
from pfd_plugin_training.predictions import PARTS, Predictions
from pfd_plugin_training.seeds import Stream, integer


def run_forest(
    params: TrainModelParams, dataset: Dataset, features: FeatureSetEntry, split: Split, ctx: TaskContext
) -> Outcome:
    """Grow the forest on the training part.  Nothing is chosen by validation, so that part is scored only."""
    table = read_features(features)
    if table.record.size and table.record.max() >= len(dataset.recordings):
        raise DataError(f"feature set {features.id} names recordings that dataset {dataset.name!r} does not have")
    if not np.isfinite(table.x).all():
        worst = table.names[int(np.argmin(np.isfinite(table.x).all(axis=0)))]
        raise DataError(f"feature {worst!r} holds values that are not finite", hint="extract the features again")
    classes = classes_of(split, dataset.recordings, np.unique(table.record).tolist())
    part = part_of_windows(split, table.record)
    code = {name: index for index, name in enumerate(classes)}
    y = np.array([code.get(str(label), -1) for label in table.label], dtype=np.int64)
    train = part == PARTS.index("train")

    def on_trees(grown: int) -> None:
        ctx.check_cancelled()
        ctx.progress(0.9 * grown / params.n_estimators, f"Growing tree {grown}/{params.n_estimators}", trees=grown)

    forest = fit_forest(
        table.x[train],
        y[train],
        n_estimators=params.n_estimators,
        seed=integer(params.random_seed, Stream.FOREST),
        threads=params.threads,
        on_trees=on_trees,
    )
    path = ctx.artifact("model.skops")
    save_forest(path, forest, ForestNames(table.names, classes))
    parts = {}
    for index, name in enumerate(PARTS):
        rows = np.flatnonzero(part == index)
        if rows.size:
            ctx.progress(0.92, f"Predicting the {name} part")
            probabilities = forest.predict_proba(table.x[rows]).astype(np.float32)
            parts[name] = Predictions(
                classes, table.record[rows], table.start[rows], table.bearing_id[rows], y[rows], probabilities
            )
    band = band_words(dataset.recordings, features.sample_rate_hz, features.lowpass_hz)
    config = {
        "features": list(table.names),
        "feature_version": features.version,
        "window": features.window,
        "hop": features.hop,
        "sample_rate_hz": features.sample_rate_hz,
        "lowpass_hz": features.lowpass_hz,
        "channel": features.channel,
        "band": band,
        "n_estimators": params.n_estimators,
        "versions": {"scikit-learn": sklearn.__version__, "numpy": np.__version__},
    }
    return Outcome(classes, parts, path, config, band=band)
