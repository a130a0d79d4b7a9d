"""Small but complete jobs, one for each task, used wherever a test needs every task to run once.

Each function submits what its task needs first, through whatever `run` is: it takes a task's name and parameters, and
returns the result of a job that succeeded.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[[str, dict[str, Any]], dict[str, Any]]

DATASET = {
    "name": "small",
    "num_signals_per_fault": 6,
    "bearings_per_fault": 3,
    "duration_s": 0.5,
    "fault_types": ["normal", "inner_race", "outer_race"],
    "rpm": [1200, 1800],
    "snr_db": 10,
    "random_seed": 7,
}
WINDOW = 1024


def generate(run: Run) -> dict[str, Any]:
    return run("generate_dataset_task", DATASET)


def import_mat(run: Run, folder: Path) -> dict[str, Any]:
    """Imports files made here in the layout of UESTC: one recording a fault and speed."""
    write_uestc(folder)
    return run("import_mat_dataset_task", {"source": str(folder), "name": "imported", "layout": "uestc"})


def extract(run: Run) -> dict[str, Any]:
    dataset = generate(run)
    return run("extract_features_task", {"dataset": dataset["dataset_id"], "window": WINDOW})


def train_forest(run: Run) -> dict[str, Any]:
    features = extract(run)
    return run(
        "train_model_task",
        {"model": "random_forest", "feature_set": features["feature_set_id"], "n_estimators": 20, "random_seed": 1},
    )


def train_cnn(run: Run, dataset: int) -> dict[str, Any]:
    return run(
        "train_model_task",
        {"model": "cnn1d", "dataset": dataset, "window": WINDOW, "epochs": 2, "random_seed": 1},
    )


def roc(run: Run) -> dict[str, Any]:
    experiment = train_forest(run)["experiment_id"]
    return run("generate_roc_analysis_task", {"experiments": [experiment]})


def write_uestc(folder: Path, repeats: int = 1) -> None:
    """MATLAB files with the names and variables of UESTC: four states at two speeds, half a second of noise each.

    There are so many of each.
    """
    import numpy as np
    from scipy.io import savemat

    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    for state, rpm, number in itertools.product("NBIO", (800, 1200), range(1, repeats + 1)):
        variables = {
            "Data": random.standard_normal((10_000, 1)),
            "SampleFrequency": np.uint16(20_000),
            "Datacount": np.int32(10_000),
            "Linecount": np.uint8(1),
            "StartTime": "00-00 00:00:00:00:000",
        }
        savemat(folder / f"{state}_{rpm}_{number}.mat", variables)
