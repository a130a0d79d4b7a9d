"""Manifest of the features plugin."""

from __future__ import annotations

from pfd import Reference, ResultView, Tables, Task, hookimpl
from pfd_plugin_features.params import (
    ComputeCorrelationParams,
    ComputeCorrelationResult,
    ComputeImportanceParams,
    ComputeImportanceResult,
    ExtractFeaturesParams,
    ExtractFeaturesResult,
    SelectFeaturesParams,
    SelectFeaturesResult,
)

LEARNING = (
    "numpy",
    "sklearn.ensemble",
    "pyarrow.parquet",
    "h5py",
    "pfd_plots.files",
)

extract_features_task = Task(
    "extract_features_task",
    run="pfd_plugin_features.tasks:extract_features",
    params=ExtractFeaturesParams,
    result=ExtractFeaturesResult,
    summary="Compute features of every window of a dataset and store them.",
    queue="features",
    isolation="process",
    preload=("numpy", "scipy.signal", "h5py", "pyarrow.parquet", "pywt"),
)

compute_importance_task = Task(
    "compute_importance_task",
    run="pfd_plugin_features.tasks:compute_importance",
    params=ComputeImportanceParams,
    result=ComputeImportanceResult,
    summary="Judge what each feature tells of the fault, by up to four measures.",
    queue="features",
    isolation="process",
    preload=LEARNING,
)

select_features_task = Task(
    "select_features_task",
    run="pfd_plugin_features.tasks:select_features",
    params=SelectFeaturesParams,
    result=SelectFeaturesResult,
    summary="Choose features on the training part, and store them as a feature set.",
    queue="features",
    isolation="process",
    preload=LEARNING,
)

compute_correlation_task = Task(
    "compute_correlation_task",
    run="pfd_plugin_features.tasks:compute_correlation",
    params=ComputeCorrelationParams,
    result=ComputeCorrelationResult,
    summary="Correlate the features, and group those that say the same.",
    queue="features",
    isolation="process",
    preload=LEARNING,
)


@hookimpl
def pfd_register_tasks() -> list[Task]:
    return [extract_features_task, compute_importance_task, select_features_task, compute_correlation_task]


@hookimpl
def pfd_register_records() -> list[Tables]:
    return [
        Tables(
            name="features",
            module="pfd_plugin_features.records",
            migrations="pfd_plugin_features.migrations",
            head="features_0005",
            upgrade_order=2,
            files="pfd_plugin_features.store:stored_files",
        )
    ]


@hookimpl
def pfd_register_result_views() -> list[ResultView]:
    views = "pfd_plugin_features.views"
    return [
        ResultView(
            "extract_features_task",
            fields=("feature_set_id", "n_windows", "n_features", "reused_from"),
            artifacts=("features.parquet",),
            blocks=f"{views}:extracted",
            live=f"{views}:extracted_so_far",
        ),
        ResultView(
            "compute_importance_task",
            fields=("methods", "validation_score", "stamp"),
            lines=("cautions",),
            artifacts=("importance.png", "importance.csv"),
            blocks=f"{views}:importance_measured",
        ),
        ResultView(
            "select_features_task",
            fields=("feature_set_id", "features", "validation_score", "validation_score_all", "stamp"),
            lines=("cautions",),
            artifacts=("selection.png", "selection.csv"),
            blocks=f"{views}:features_selected",
        ),
        ResultView(
            "compute_correlation_task",
            fields=("n_features", "clusters", "stamp"),
            artifacts=("correlation.png", "clusters.csv", "correlation.csv"),
            blocks=f"{views}:features_correlated",
        ),
    ]


@hookimpl
def pfd_register_references() -> list[Reference]:
    store = "pfd_plugin_features.store"
    row = "pfd_plugin_features.records:FeatureSetRow"
    return [Reference("feature_set", f"{store}:require_feature_set", f"{store}:feature_set_names", row=row)]
