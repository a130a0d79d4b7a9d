"""Cautions where a person looks: after a job that is waited for, in what is told of a job, and below a pipeline."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.support.command import pfd

pytestmark = pytest.mark.slow("four jobs on end, each waited for by a command", first=True)

PIPELINE = """\
name = "few bearings"

[steps.recordings]
task = "generate_dataset_task"
params = { name = "few", num_signals_per_fault = 3, bearings_per_fault = 3, duration_s = 0.5 }

[steps.features]
task = "extract_features_task"
params = { dataset = "${recordings.dataset_id}", domains = ["time"] }

[steps.forest]
task = "train_model_task"
params = { model = "random_forest", feature_set = "${features.feature_set_id}", n_estimators = 10 }

[steps.curves]
task = "generate_roc_analysis_task"
params = { experiments = ["${forest.experiment_id}"], n_bootstrap = 50 }
"""

LONE = (
    "random_forest (experiment 1): one test bearing of each class: "
    "another deal of the bearings may score quite differently"
)
NO_INTERVAL = "random_forest (experiment 1): no 95 % interval of its macro-AUROC: one recording a class"


def test_cautions_stand_whole_below_whatever_prints_a_score(tmp_path: Path) -> None:
    home, file = tmp_path / "home", tmp_path / "few.toml"
    file.write_text(PIPELINE, encoding="utf-8")
    lines = pfd(home, "run", str(file)).splitlines()
    # Once, though the curves say again what the forest has said.
    below = lines[lines.index("cautions") + 1 :]
    assert [line for line in below if line in (LONE, NO_INTERVAL)] == [LONE, NO_INTERVAL]

    told = pfd(home, "job", "@last").splitlines()
    assert [line for line in told if line in (LONE, NO_INTERVAL)] == [LONE, NO_INTERVAL]
    [status] = [line for line in told if line.startswith("status ")]
    assert re.search(r"\(\d cautions: .*one test bearing of each class", status)

    waited = pfd(home, "submit", "generate_roc_analysis_task", "experiments=[1]", "--wait").splitlines()
    assert {LONE, NO_INTERVAL} <= set(waited[waited.index("cautions") :])
    trained = pfd(
        *(home, "submit", "train_model_task", "model=random_forest", "feature_set=1", "n_estimators=10", "--wait")
    )
    assert LONE.replace("experiment 1", "experiment 2") in trained.splitlines()
    result = json.loads(pfd(home, "job", "@last", "--json"))["result"]
    assert LONE.replace("experiment 1", "experiment 2") in result["cautions"]
