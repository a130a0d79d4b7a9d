"""Cautions beside what a forest on features scores: each on both sides of its edge."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pfd import Dispatcher
from pfd_plugin_data import Split
from pfd_plugin_features.cautions import cautions_of, lost_by_selection
from pfd_plugin_features.learning import LearningTable, Part

SPLIT = Split("bearing", 0, (0,), (1,), (2,), "split by bearing: 6 bearings train, 6 bearings validation")


def table(bearings: int = 3, *, present: int = 2) -> LearningTable:
    """Two classes, of which the validation part holds the first ones, each on so many bearings."""
    y = np.repeat(np.arange(present), 6)
    bearing = np.array([f"{a}-{b % bearings}" for a, b in zip(y, np.tile(np.arange(6), present), strict=True)])
    part = Part(np.zeros((y.size, 1)), y, bearing, y)
    return LearningTable(("rms",), ("normal", "ball"), part, part, SPLIT)


def briefs(of: LearningTable, reached: float | None, *, leaky: bool = False) -> list[str]:
    found = cautions_of("feature set 3", of, reached, ["random windows"] if leaky else [])
    assert all(str(caution).startswith("feature set 3: ") for caution in found)
    return [caution.brief for caution in found]


def test_each_caution_is_there_on_one_side_of_its_edge_only() -> None:
    assert briefs(table(), 0.51) == []
    assert briefs(table(), 0.50) == ["a forest no better than a guess"]
    assert briefs(table(present=1), 0.4) == []  # one class: there is nothing to guess
    assert briefs(table(2), 0.9) == ["two validation bearings of each class"]
    assert briefs(table(), 0.9, leaky=True) == ["leaky split"]
    assert briefs(replace(table(), validation=None), None) == ["no validation part"]


@pytest.mark.parametrize(
    ("reached", "of_all", "there"),
    [(0.70, 0.71, True), (0.71, 0.71, False), (0.8, 0.7, False), (None, None, False)],
)
def test_a_selection_that_loses_says_so(reached: float | None, of_all: float | None, there: bool) -> None:
    found = [str(caution) for caution in lost_by_selection("8 features of set 3", 30, reached, of_all)]
    text = "a forest does worse on them than on all: balanced validation accuracy 0.700, and 0.710 on all 30"
    assert found == ([f"8 features of set 3: {text}"] if there else [])


def submit(task: str, **params: Any) -> Any:
    return Dispatcher().submit(task, params)


@pytest.mark.parametrize(
    ("task", "own", "picture"),
    [
        ("compute_importance_task", {"methods": ["forest"], "n_estimators": 20}, "importance.svg"),
        ("select_features_task", {"n_features": 3}, "selection.svg"),
    ],
)
def test_they_stand_in_result_status_and_picture(pfd_home: Path, task: str, own: dict[str, Any], picture: str) -> None:
    submit("generate_dataset_task", name="few", num_signals_per_fault=3, bearings_per_fault=3, duration_s=0.5).get()
    submit("extract_features_task", dataset="few", domains=["time"], window=1024).get()
    handle = submit(task, feature_set=1, **own)
    cautions = handle.get()["cautions"]
    assert any("one validation bearing of each class: " in caution for caution in cautions)
    assert "one validation bearing of each class" in handle.job.status
    drawn = handle.artifacts[picture].read_text(encoding="utf-8")
    assert "CAUTION: one validation bearing of each class" in drawn
    # With no validation part there is no score, and the picture says whose.
    two = {"bearings_per_fault": 2, "num_signals_per_fault": 2}
    submit("generate_dataset_task", name="two", duration_s=0.5, **two).get()
    submit("extract_features_task", dataset="two", domains=["time"], window=1024).get()
    handle = submit(task, feature_set=handle.job.result["feature_set_id"] + 1, **own)
    assert [text.partition(": ")[2].partition(":")[0] for text in handle.get()["cautions"]] == ["no validation part"]
    assert "Balanced accuracy of a forest" in handle.artifacts[picture].read_text(encoding="utf-8")
