"""Manifest of the plugin `mat_import`."""

from __future__ import annotations

from collections.abc import Iterable

from pfd import ResultView, Task, hookimpl
from pfd_plugin_mat_import.params import ImportMatDatasetParams, ImportMatDatasetResult

import_mat_dataset_task = Task(
    "import_mat_dataset_task",
    run="pfd_plugin_mat_import.tasks:import_mat_dataset",
    params=ImportMatDatasetParams,
    result=ImportMatDatasetResult,
    summary="Import recordings of CWRU, MFPT, UESTC or a layout of your own (.mat, .csv, .npz, .h5) as a dataset.",
    queue="data",
    preload=("numpy", "h5py", "scipy.fft"),
)


@hookimpl
def pfd_register_tasks() -> Iterable[Task]:
    return [import_mat_dataset_task]


@hookimpl
def pfd_register_result_views() -> Iterable[ResultView]:
    return [
        ResultView(
            "import_mat_dataset_task",
            fields=("dataset_id", "name", "n_recordings", "n_bearings", "classes", "bearings", "findings", "failures"),
            artifacts=("bearings.csv", "findings.json"),
            blocks="pfd_plugin_mat_import.views:dataset_imported",
            live="pfd_plugin_mat_import.views:imported_so_far",
        )
    ]
