"""Manifest of the plugin `data`."""

from __future__ import annotations

from collections.abc import Iterable

from pfd import Command, PluginSettings, Reference, ResultView, Tables, Task, hookimpl
from pfd_plugin_data.params import GenerateDatasetParams, GenerateDatasetResult
from pfd_plugin_data.settings import DataSettings

generate_dataset_task = Task(
    "generate_dataset_task",
    run="pfd_plugin_data.tasks:generate_dataset",
    params=GenerateDatasetParams,
    result=GenerateDatasetResult,
    summary="Simulate recordings of rolling-element bearings, or of rotors on journal bearings.",
    queue="data",
    preload=("numpy", "h5py", "scipy.signal", "scipy.integrate", "scipy.fft"),
)


@hookimpl
def pfd_register_tasks() -> Iterable[Task]:
    return [generate_dataset_task]


@hookimpl
def pfd_register_settings() -> type[PluginSettings]:
    return DataSettings


@hookimpl
def pfd_register_records() -> Iterable[Tables]:
    return [
        Tables(
            name="data",
            module="pfd_plugin_data.records",
            migrations="pfd_plugin_data.migrations",
            head="data_0004",
            upgrade_order=1,
            files="pfd_plugin_data.catalog:stored_files",
        )
    ]


@hookimpl
def pfd_register_commands() -> Iterable[Command]:
    return [Command("data", load="pfd_plugin_data.cli:data", help="List, show, verify, plot, split, export datasets.")]


@hookimpl
def pfd_register_result_views() -> Iterable[ResultView]:
    views = "pfd_plugin_data.views"
    return [
        ResultView(
            "generate_dataset_task",
            fields=("dataset_id", "name", "n_recordings", "n_bearings", "classes"),
            blocks=f"{views}:dataset_made",
            live=f"{views}:dataset_so_far",
        )
    ]


@hookimpl
def pfd_register_references() -> list[Reference]:
    return [
        Reference(
            "dataset",
            "pfd_plugin_data.catalog:require_dataset",
            "pfd_plugin_data.names:dataset_names",
            row="pfd_plugin_data.records:DatasetRow",
            show="pfd data show {id}",
            parts={"recording": "pfd data plot {of} {id} recording.png"},
        ),
        Reference("split", "pfd_plugin_data.split_store:require_split", "pfd_plugin_data.names:split_names"),
    ]
