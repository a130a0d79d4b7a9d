"""Manifest of the training plugin."""

from __future__ import annotations

from pfd import Command, Reference, ResultView, Tables, Task, hookimpl
from pfd_plugin_training.params import TrainModelParams, TrainModelResult

train_model_task = Task(
    "train_model_task",
    run="pfd_plugin_training.tasks:train_model",
    params=TrainModelParams,
    result=TrainModelResult,
    summary="Train a random forest or a 1-D CNN, and keep the model and its predictions.",
    queue="training",
    isolation="process",
    row="pfd_plugin_training.store:draft",
    gpu={"model": "cnn1d", "device": "cuda"},
    preload=("numpy", "torch", "sklearn.ensemble", "h5py", "scipy.signal", "pyarrow.parquet"),
)


@hookimpl
def pfd_register_tasks() -> list[Task]:
    return [train_model_task]


@hookimpl
def pfd_register_records() -> list[Tables]:
    return [
        Tables(
            name="training",
            module="pfd_plugin_training.records",
            migrations="pfd_plugin_training.migrations",
            head="training_0004",
            upgrade_order=3,
            files="pfd_plugin_training.store:stored_files",
        )
    ]


@hookimpl
def pfd_register_commands() -> list[Command]:
    load = "pfd_plugin_training.cli:experiments"
    return [Command("experiments", load=load, help="List, show and create experiments.")]


@hookimpl
def pfd_register_result_views() -> list[ResultView]:
    fields = ("experiment_id", "model", "test_accuracy", "test_record_accuracy", "test_macro_auroc", "test_ece")
    return [
        ResultView(
            "train_model_task",
            fields=(*fields, "baseline_accuracy", "stamp"),
            lines=("cautions",),
            blocks="pfd_plugin_training.views:trained",
            live="pfd_plugin_training.views:training_so_far",
        )
    ]


@hookimpl
def pfd_register_references() -> list[Reference]:
    store = "pfd_plugin_training.store"
    row = "pfd_plugin_training.records:ExperimentRow"
    return [Reference("experiment", f"{store}:require_experiment", f"{store}:experiment_names", row=row)]
