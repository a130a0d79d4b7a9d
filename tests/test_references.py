"""What parameters name and is not there is refused where it is submitted, and the shell offers what there is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pfd import DataError, Dispatcher, ParameterError, Reference, State, Worker, load_settings
from pfd.pipeline import Pipeline
from pfd.plugins import load_registry
from pfd.references import kinds_of
from pfd_plugin_evaluation.params import GenerateRocAnalysisParams
from pfd_plugin_training.params import TrainModelParams

DATA = {"name": "there", "num_signals_per_fault": 3, "duration_s": 0.2, "fault_types": ["normal", "ball"]}


@pytest.fixture(scope="module")
def dispatcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dispatcher]:
    settings = load_settings({"home": tmp_path_factory.mktemp("references")}).values
    with Dispatcher(settings, tells_unserved=False) as found:
        with Worker(settings):
            found.submit("generate_dataset_task", DATA).get(60)
        yield found


@pytest.mark.parametrize(
    ("task", "params", "said", "hint"),
    [
        ("extract_features_task", {"dataset": "nix"}, "dataset: no dataset 'nix'", "'pfd data ls'"),
        ("extract_features_task", {"dataset": "thero"}, "dataset: no dataset 'thero'", "did you mean there?"),
        ("extract_features_task", {"dataset": 99}, "dataset: no dataset 99", "'pfd data ls'"),
        ("compute_importance_task", {"feature_set": 7}, "feature_set: no feature set 7", "extract_features_task"),
        ("generate_roc_analysis_task", {"experiments": [3, 4]}, "experiments: no experiment 4", "train_model_task"),
        (
            "train_model_task",
            {"model": "cnn1d", "dataset": "nix", "split": {"name": "no-such"}},
            "split.name: no split 'no-such'",
            "'pfd data split'",
        ),
    ],
)
def test_what_is_not_there_is_refused_at_submission(
    dispatcher: Dispatcher, task: str, params: dict[str, object], said: str, hint: str
) -> None:
    before = dispatcher.counts()
    with pytest.raises(ParameterError) as caught:
        dispatcher.submit(task, params)
    assert said in caught.value.message
    assert hint in (caught.value.hint or "")
    assert "after" in (caught.value.hint or "")
    assert dispatcher.counts() == before


def test_all_that_is_missing_is_named_at_once(dispatcher: Dispatcher) -> None:
    with pytest.raises(ParameterError) as caught:
        dispatcher.submit("train_model_task", {"model": "cnn1d", "dataset": "nix", "split": {"name": "no-such"}})
    assert len(caught.value.problems) == 2


def test_what_is_there_and_what_another_job_may_make_is_taken(dispatcher: Dispatcher) -> None:
    made = dispatcher.submit("generate_dataset_task", DATA | {"name": "to-come"}, countdown=1000)
    later = dispatcher.submit("extract_features_task", {"dataset": "to-come"}, after=[made.id])
    by_name = dispatcher.submit("extract_features_task", {"dataset": "there"}, countdown=1000)
    by_id = dispatcher.submit("train_model_task", {"model": "cnn1d", "dataset": 1}, countdown=1000)
    for handle in (later, by_name, by_id, made):
        assert handle.revoke().state is State.REVOKED
    assert dispatcher.retry(by_name.id).revoke().state is State.REVOKED


def test_a_pipeline_is_refused_as_a_whole_and_its_steps_are_named(dispatcher: Dispatcher, tmp_path: Path) -> None:
    file = tmp_path / "p.toml"
    file.write_text(
        '[steps.a]\ntask = "extract_features_task"\nparams = { dataset = "nix" }\n'
        '[steps.b]\ntask = "train_model_task"\nparams = { model = "cnn1d", dataset = 99 }\n'
        '[steps.c]\ntask = "compute_importance_task"\nparams = { feature_set = "${a.feature_set_id}" }\n'
    )
    before = dispatcher.counts()
    with pytest.raises(ParameterError) as caught:
        Pipeline.load(file).submit(dispatcher)
    assert caught.value.problems == ("a: dataset: no dataset 'nix'", "b: dataset: no dataset 99")
    assert dispatcher.counts() == before


@pytest.mark.parametrize("error", [RuntimeError("odd"), SystemError(), KeyError("x"), DataError("gone")])
def test_a_plugin_that_cannot_tell_refuses_nothing(
    dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def find(*_: object) -> None:
        raise error

    monkeypatch.setattr("pfd_plugin_data.catalog.require_dataset", find)
    if isinstance(error, DataError):
        with pytest.raises(ParameterError, match="dataset: gone"):
            dispatcher.submit("extract_features_task", {"dataset": "there"})
    else:
        assert dispatcher.submit("extract_features_task", {"dataset": "nix"}, countdown=1000).revoke()


def test_the_schema_says_what_a_parameter_names() -> None:
    assert kinds_of(TrainModelParams) == {
        "dataset": "dataset",
        "feature_set": "feature_set",
        "split.name": "split",
    }
    schema = GenerateRocAnalysisParams.model_json_schema()
    assert schema["properties"]["experiments"]["x-pfd-ref"] == "experiment"


def test_each_kind_that_a_parameter_names_is_registered(dispatcher: Dispatcher) -> None:
    registry = load_registry(dispatcher.settings)
    known = registry.references()
    for task in registry.tasks.values():
        assert set(kinds_of(task.params).values()) <= set(known), task.name
    assert all(isinstance(one, Reference) for one in known.values())


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("pfd submit extract_features_task dataset=", "dataset=there"),
        ("pfd submit train_model_task dataset=th", "dataset=there"),
        ("pfd submit train_model_task model=", "model=cnn1d"),
    ],
)
def test_the_shell_completes_what_there_is(dispatcher: Dispatcher, words: str, offered: str) -> None:
    environment = os.environ | {
        "PFD_HOME": str(dispatcher.settings.home),
        "COMP_WORDS": words,
        "COMP_CWORD": "3",
        "_PFD_COMPLETE": "bash_complete",
    }
    program = str(Path(sys.executable).with_name("pfd"))
    done = subprocess.run([program], env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert f"plain,{offered}" in done.stdout.splitlines()
