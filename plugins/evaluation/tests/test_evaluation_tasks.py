"""The ROC task, on experiments trained by the training plugin."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from pfd import Dispatcher, ParameterError
from pfd_plugin_evaluation.params import GenerateRocAnalysisParams
from tests.support.homes import eager_home


def submit(task: str, **params: Any) -> Any:
    return Dispatcher().submit(task, params)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[int]]:
    """A home with two forests on the same generated recordings, under two splits."""
    with eager_home(tmp_path_factory.mktemp("made")) as home:
        return home, train()


@pytest.fixture
def experiments(made: tuple[Path, list[int]], pfd_home: Path) -> list[int]:
    home, ids = made
    shutil.copytree(home, pfd_home)
    return ids


def train() -> list[int]:
    dataset = submit(
        "generate_dataset_task", name="bench", num_signals_per_fault=4, bearings_per_fault=4, duration_s=1.0
    ).get()
    features = submit("extract_features_task", dataset=dataset["dataset_id"], window=1024).get()
    ids = []
    for split in ({"protocol": "bearing"}, {"protocol": "leaky-random"}):
        params = {"model": "random_forest", "feature_set": features["feature_set_id"], "n_estimators": 30}
        ids.append(submit("train_model_task", **params, split=split).get()["experiment_id"])
    return ids


def test_it_writes_curves_and_areas_that_agree_with_the_experiment(experiments: list[int]) -> None:
    handle = submit("generate_roc_analysis_task", experiments=experiments, n_bootstrap=100)
    result = handle.get()
    areas = [one["macro_auroc"] for one in result["experiments"]]
    figures, cautions = re.split(r" \(\d+ cautions: ", handle.job.status.removeprefix("Macro AUROC "))
    assert [float(word.split()[0]) for word in figures.split(", ")] == pytest.approx(areas, abs=6e-4)
    assert ["LEAKY" in word for word in figures.split(", ")] == [one["leaky"] for one in result["experiments"]]
    assert f"one test bearing of each class: random_forest (experiment {experiments[0]})" in cautions
    assert f"leaky split: random_forest (experiment {experiments[1]})" in cautions
    assert set(handle.artifacts) == {"roc.png", "roc.svg", "roc.figure.json", "roc.json"}
    assert [one["experiment_id"] for one in result["experiments"]] == experiments
    assert [one["leaky"] for one in result["experiments"]] == [False, True]
    assert result["comparable"] is False
    stored = json.loads(handle.artifacts["roc.json"].read_text(encoding="utf-8"))
    assert stored["experiments"] == result["experiments"]
    honest = result["experiments"][0]
    assert honest["macro_auroc"] == pytest.approx(sum(c["auroc"] for c in honest["classes"]) / 4)
    assert set(stored["curves"][str(experiments[0])]) == {"normal", "inner_race", "outer_race", "ball"}
    text = handle.artifacts["roc.svg"].read_text(encoding="utf-8")
    assert "LEAKY" in text
    assert "split by bearing" in text
    assert "not a comparison" in text
    assert "CAUTION: one test bearing of each class" in text
    assert "CAUTION: leaky split" in text


def test_the_cautions_of_a_model_are_those_of_its_training_and_of_its_interval(experiments: list[int]) -> None:
    dispatcher = Dispatcher()
    trained = [dispatcher.job(job.id).result or {} for job in dispatcher.jobs(task="train_model_task")]
    given = {result["experiment_id"]: result["cautions"] for result in trained}
    result = submit("generate_roc_analysis_task", experiments=experiments, n_bootstrap=100).get()
    alone = submit("generate_roc_analysis_task", experiments=experiments[0], n_bootstrap=100).get()
    for one in result["experiments"]:
        own = given[one["experiment_id"]]
        assert own
        assert all(text.startswith(f"random_forest (experiment {one['experiment_id']}): ") for text in own)
        assert one["cautions"][: len(own)] == own
        of_interval = one["cautions"][len(own) :]
        assert ["no 95 % interval" in text for text in of_interval] == ([True] if one["interval"] is None else [])
    assert alone["experiments"][0] == result["experiments"][0]


def test_a_missing_interval_is_a_caution_only_where_one_was_asked_for(experiments: list[int]) -> None:
    for asked in (0, 100):
        one = submit("generate_roc_analysis_task", experiments=experiments[0], part="train", n_bootstrap=asked).get()
        [found] = one["experiments"]
        assert found["cautions"][0].startswith("random_forest (experiment 1): scored on its training part")
        assert ("no 95 % interval of its macro-AUROC: " in " ".join(found["cautions"])) == bool(asked)


def test_one_id_may_be_given_without_a_list_and_the_part_is_chosen(experiments: list[int]) -> None:
    result = submit("generate_roc_analysis_task", experiments=experiments[0], part="validation", n_bootstrap=0).get()
    assert result["part"] == "validation"
    assert result["comparable"] is True
    assert result["experiments"][0]["interval"] is None


def test_an_unknown_experiment_fails_with_the_ids_that_there_are(experiments: list[int]) -> None:
    with pytest.raises(ParameterError, match=f"no experiment 99; the newest are {experiments[1]}, {experiments[0]}"):
        submit("generate_roc_analysis_task", experiments=[99])


def test_a_seed_of_no_resampling_is_refused_unless_it_is_the_default(pfd_home: Path) -> None:
    with pytest.raises(ParameterError, match="random_seed belongs to n_bootstrap other than 0, but n_bootstrap=0"):
        submit("generate_roc_analysis_task", experiments=[1], n_bootstrap=0, random_seed=5)
    assert GenerateRocAnalysisParams(experiments=(1,), n_bootstrap=0, random_seed=0).random_seed == 0


def test_no_experiment_or_too_many_are_refused(pfd_home: Path) -> None:
    for refused in ([], list(range(1, 11))):
        with pytest.raises(ParameterError, match="experiments"):
            submit("generate_roc_analysis_task", experiments=refused)
