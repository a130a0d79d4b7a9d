"""The public names of each package.  A change here is a change for everyone who uses the package."""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
from types import ModuleType

import pytest

from tests.support.workspace import distributions

PUBLIC: dict[str, list[str]] = {
    "pfd": [
        "ArtifactError",
        "AsyncDispatcher",
        "AsyncJobHandle",
        "CancelRequested",
        "Command",
        "DataError",
        "Dispatcher",
        "EventKind",
        "Handle",
        "Hint",
        "Job",
        "JobCancelled",
        "JobEnd",
        "JobError",
        "JobEvent",
        "JobFailed",
        "JobFailure",
        "JobHandle",
        "JobList",
        "JobStart",
        "JobSubmission",
        "JobView",
        "KeyConflict",
        "ParameterError",
        "Params",
        "PfdError",
        "PipelineSubmission",
        "PipelineSubmitted",
        "PluginError",
        "PluginSettings",
        "PluginsLoaded",
        "Point",
        "ProcessKind",
        "ProcessStart",
        "QueueError",
        "Ref",
        "Reference",
        "Refers",
        "Result",
        "ResultView",
        "Schedule",
        "ScheduleSlot",
        "SchemaError",
        "Seal",
        "Settings",
        "SettingsError",
        "SlotOutcome",
        "StaleClaim",
        "State",
        "StopReason",
        "StoreError",
        "StoreReading",
        "StoreUnavailable",
        "StoredFile",
        "Sweep",
        "Tables",
        "Task",
        "TaskContext",
        "TimeLimitExceeded",
        "UnknownJob",
        "UnknownSchedule",
        "UnknownTask",
        "UserPath",
        "Vitals",
        "Worker",
        "WorkerInfo",
        "WorkerLost",
        "WorkerStart",
        "WorkerStop",
        "artifact_path",
        "home_path",
        "home_relative",
        "hookimpl",
        "load_settings",
        "open_regular",
        "read_regular",
        "reading",
        "replacing",
        "write_json",
        "writing",
    ],
    "pfd_contract": [
        "LocalSite",
        "MakeSite",
        "PATIENCE",
        "SHORT",
        "Site",
        "calm_site",
        "contract_full",
        "contract_plugins",
        "contract_settings",
        "crew",
        "pair",
        "site",
        "solo",
        "until",
        "write_plugins",
    ],
    "pfd_plots": ["draw", "plain_lines", "plain_text", "png", "save", "svg", "svgs"],
    "pfd_runtime_celery": ["CeleryRuntime"],
    "pfd_runtime_dramatiq": ["DramatiqRuntime"],
    "pfd_plugin_data": [
        "Caution",
        "ChannelInfo",
        "Conditioning",
        "Dataset",
        "DatasetEntry",
        "DatasetName",
        "DatasetRef",
        "DatasetWriter",
        "Finding",
        "FAULTS",
        "MEAN_OF",
        "PARTS",
        "PROTOCOLS",
        "RecordingInfo",
        "SpeedProfile",
        "SpeedSource",
        "Split",
        "SplitParams",
        "StoredSplit",
        "StoredTensor",
        "WindowBatch",
        "ZNorm",
        "band_words",
        "choose_split",
        "common_bandwidth",
        "common_channel",
        "common_lowpass",
        "common_rate",
        "common_samples_per_rev",
        "count_windows",
        "croissant",
        "dataset_overview",
        "dataset_so_far",
        "even_samples",
        "export_dataset",
        "fault_line",
        "fault_orders",
        "few_bearings",
        "find_dataset",
        "find_split",
        "fit_znorm",
        "generate_dataset_task",
        "in_brief",
        "is_constant",
        "iter_windows",
        "keep_overview",
        "leak",
        "leakage",
        "list_datasets",
        "list_splits",
        "make_folds",
        "make_split",
        "open_dataset",
        "open_zip",
        "plain_lines",
        "plain_text",
        "read_array",
        "reading_foreign",
        "register_dataset",
        "require_arrays",
        "save_splits",
        "speed_words",
        "tensor_header",
        "window_starts",
        "znorm",
    ],
    "pfd_plugin_evaluation": [
        "ClassRoc",
        "GenerateRocAnalysisParams",
        "GenerateRocAnalysisResult",
        "Interval",
        "class_rocs",
        "generate_roc_analysis_task",
        "macro_auroc",
        "macro_auroc_interval",
    ],
    "pfd_plugin_features": [
        "ComputeCorrelationParams",
        "ComputeCorrelationResult",
        "ComputeImportanceParams",
        "ComputeImportanceResult",
        "EQUAL_TO_TSFEL",
        "ExtractFeaturesParams",
        "ExtractFeaturesResult",
        "FEATURES",
        "Feature",
        "FeatureSetEntry",
        "FeatureTable",
        "SelectFeaturesParams",
        "SelectFeaturesResult",
        "UNLIKE_TSFEL",
        "VERSION",
        "Windows",
        "compute_correlation_task",
        "compute_importance_task",
        "extract_features_task",
        "find_feature_set",
        "read_features",
        "select_features_task",
    ],
    "pfd_plugin_mat_import": [
        "import_mat_dataset_task",
    ],
    "pfd_plugin_observability": [
        "METRICS",
        "Metric",
    ],
    "pfd_plugin_training": [
        "ExperimentEntry",
        "ExperimentSummary",
        "Predictions",
        "Scores",
        "TrainModelParams",
        "TrainModelResult",
        "TrainedModel",
        "WindowDataset",
        "cautions_of",
        "create_experiment",
        "find_experiment",
        "list_experiments",
        "load_model",
        "read_predictions",
        "score",
        "subject_of",
        "summarize_experiment",
        "train_model_task",
    ],
}

PACKAGES = [found.package for found in distributions() if found.package]


@pytest.mark.parametrize("package", PACKAGES)
def test_the_public_names_are_those_listed_here(package: str) -> None:
    module = importlib.import_module(package)
    assert sorted(module.__all__) == sorted(PUBLIC[package])


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_there(package: str) -> None:
    module = importlib.import_module(package)
    for name in module.__all__:
        assert getattr(module, name) is not None


@pytest.mark.parametrize("package", PACKAGES)
def test_a_name_that_is_not_there_is_an_attribute_error(package: str) -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        importlib.import_module(package).no_such_name  # noqa: B018


def test_no_package_is_missing_from_the_list() -> None:
    assert set(PUBLIC) == set(PACKAGES)


def test_the_names_of_the_console_are_those_listed_here() -> None:
    """Which plugins print with: the public submodule of the core that has names of its own."""
    names = ["ProgressBar", "cut", "echo", "json_text", "moment", "on_terminal", "one_line"]
    names += ["print_fields", "print_heading", "print_json", "print_table", "progress_bar"]
    assert importlib.import_module("pfd.console").__all__ == names


def test_the_names_of_the_reader_of_schemas_are_those_listed_here() -> None:
    """Which the models of plugins and whoever makes forms of them use: another public submodule of the core."""
    module = importlib.import_module("pfd.schema")
    assert module.__all__ == [
        "Bounds",
        "Choice",
        "Choices",
        "Clause",
        "Condition",
        "DefaultWhen",
        "DependentDefault",
        "Field",
        "Group",
        "Kind",
        "MarkFault",
        "Misplaced",
        "Missing",
        "Needed",
        "OrNamed",
        "Refers",
        "Shape",
        "Source",
        "Unit",
        "Unless",
        "When",
        "allowed_in_words",
        "at",
        "cases",
        "choices_of",
        "condition_in_words",
        "default_in_words",
        "example",
        "fields_of",
        "fields_within",
        "json_schema",
        "listed",
        "mark_faults",
        "misplaced",
        "missing",
        "samples",
        "shape_of",
        "text_of",
        "type_in_words",
        "value_in_words",
        "value_of",
        "with_defaults",
    ]
    assert [name for name in module.__all__ if isinstance(getattr(module, name), ModuleType)] == []


OF_THE_ENVIRONMENT = {
    *("pfd.runtimes.celery", "pfd_runtime_celery.program"),
    *("pfd.runtimes.dramatiq", "pfd_runtime_dramatiq.program"),
}
"""For the command lines of Celery and Dramatiq: they connect to what the environment names when they are imported."""

EARLIER = {"pfd.testing.contract"}
"""Modules that lead to others, with a warning."""


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_can_be_imported_and_none_hides_a_public_name(package: str) -> None:
    module = importlib.import_module(package)
    for found in pkgutil.walk_packages(module.__path__, prefix=f"{package}."):
        if found.name.endswith("__main__") or found.name in OF_THE_ENVIRONMENT:
            continue
        with pytest.warns(DeprecationWarning, match="is called") if found.name in EARLIER else contextlib.nullcontext():
            importlib.import_module(found.name)
    # A submodule becomes an attribute of its package once imported, in place of a function of the same name.
    assert [name for name in module.__all__ if isinstance(getattr(module, name), ModuleType)] == []
