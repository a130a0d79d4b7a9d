"""Manifest of the features plugin."""

from __future__ import annotations

from pfd import Records, ResultView, Task, hookimpl
from pfd_plugin_features.params import ExtractFeaturesParams, ExtractFeaturesResult

extract_features_task = Task(
    "extract_features_task",
    run="pfd_plugin_features.tasks:extract_features",
    params=ExtractFeaturesParams,
    result=ExtractFeaturesResult,
    summary="Compute features of every window of a dataset and store them.",
    queue="features",
    isolation="process",
    preload=("numpy", "scipy.signal", "h5py", "pyarrow.parquet"),
)


@hookimpl
def pfd_register_tasks() -> list[Task]:
    return [extract_features_task]


@hookimpl
def pfd_register_records() -> list[Records]:
    return [
        Records(
            name="features",
            module="pfd_plugin_features.records",
            migrations="pfd_plugin_features.migrations",
            head="features_0002",
            floor=2,
        )
    ]


@hookimpl
def pfd_register_result_views() -> list[ResultView]:
    return [ResultView("extract_features_task", fields=("feature_set_id", "n_windows", "n_features"))]
