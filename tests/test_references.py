"""What parameters name and is not there is refused where it is submitted, and the shell offers what there is."""

from __future__ import annotations

import itertools
import json
import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import pytest

from pfd import DataError, Dispatcher, ParameterError, Params, Reference, Refers, State, Worker, load_settings
from pfd.pipeline import Pipeline
from pfd.plugins import load_registry
from pfd.references import Choices, kinds_of, named
from pfd.schema import fields_of, listed
from pfd_plugin_evaluation.params import GenerateRocAnalysisParams
from pfd_plugin_training.params import TrainModelParams
from tests.support.command import pfd

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


class Part(Params):
    dataset: Annotated[int | str, Refers("dataset")]


class Whole(Params):
    maybe: Part | None = None
    parts: tuple[Part, ...] = ()
    several: tuple[Annotated[int, Refers("experiment")], ...] = ()
    whole: Whole | None = None


def test_what_stands_in_groups_and_lists_names_things_too() -> None:
    kinds = {"maybe.dataset": "dataset", "parts[].dataset": "dataset", "several": "experiment"}
    assert kinds_of(Whole) == kinds
    assert {f.path: f.reference for f in listed(fields_of(Whole)) if f.reference and "whole" not in f.path} == kinds
    params = {"maybe": {"dataset": "a"}, "parts": [{"dataset": 1}, {"dataset": "b"}, None], "several": [4, True, None]}
    assert list(named(Whole, params)) == [
        ("maybe.dataset", "dataset", "a"),
        ("parts[].dataset", "dataset", 1),
        ("parts[].dataset", "dataset", "b"),
        ("several", "experiment", 4),
    ]
    assert list(named(Whole, {"maybe": None, "parts": "x", "several": {"$result": {}}})) == []


def test_each_kind_that_a_parameter_names_is_registered(dispatcher: Dispatcher) -> None:
    registry = load_registry(dispatcher.settings)
    known = registry.references()
    for task in registry.tasks.values():
        assert set(kinds_of(task.params).values()) <= set(known), task.name
    assert all(isinstance(one, Reference) for one in known.values())


def test_choices_are_the_newest_first_and_as_many_as_asked_for(
    dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(dispatcher.choices("dataset").names.items()) == [("there", "6 recordings of 6 bearings")]
    monkeypatch.setattr("pfd_plugin_data.names.dataset_names", lambda _: ((f"d{n}", "x") for n in itertools.count()))
    assert dispatcher.choices("dataset", 2) == Choices({"d0": "x", "d1": "x"}, more=1000, whole=False)
    assert len(dispatcher.choices("dataset").names) == 50
    assert len(dispatcher.choices("dataset", None).names) == 1000
    monkeypatch.setattr("pfd_plugin_data.names.dataset_names", lambda _: {"a": "1", "b": "2", "c": "3"})
    assert dispatcher.choices("dataset", 2) == Choices({"a": "1", "b": "2"}, more=1)
    assert dispatcher.choices("dataset", 0) == Choices({}, more=3)
    assert dispatcher.choices("no-such-kind") == dispatcher.choices("experiment") == Choices()


@pytest.mark.parametrize("error", [RuntimeError("odd \x1b[31m"), SystemError(), KeyError("x"), DataError("gone")])
def test_a_plugin_that_cannot_tell_offers_nothing_and_the_log_says_so(
    dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    def names(_: object) -> Iterator[tuple[str, str]]:
        yield "first", "fine"
        raise error

    monkeypatch.setattr("pfd_plugin_data.names.dataset_names", names)
    with caplog.at_level(logging.WARNING, "pfd"):
        assert dispatcher.choices("dataset") == Choices()
    assert "what there is of dataset cannot be told" in caplog.text
    assert "\x1b" not in caplog.text
    assert dispatcher.choices("split") == Choices()


def test_a_task_is_shown_with_what_there_is(dispatcher: Dispatcher) -> None:
    home = dispatcher.settings.home
    shown = pfd(home, "tasks", "show", "train_model_task")
    assert "dataset      there (6 recordings of 6 bearings)" in shown
    assert "feature_set  none yet" in shown
    found = json.loads(pfd(home, "tasks", "show", "train_model_task", "--json"))
    assert found["choices"]["dataset"] == {"names": {"there": "6 recordings of 6 bearings"}, "more": 0, "whole": True}
    [epochs] = [field for field in found["fields"] if field["path"] == "epochs"]
    assert epochs["when"] == {"model": ["cnn1d"]}


def test_a_task_is_shown_where_there_is_no_store_and_none_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "There is" not in pfd(tmp_path / "home", "tasks", "show", "train_model_task")
    monkeypatch.setenv("PFD_DATABASE_URL", f"sqlite:///{tmp_path}/other.sqlite3")
    assert "There is" not in pfd(tmp_path / "home", "tasks", "show", "train_model_task")
    assert list(tmp_path.iterdir()) == []


def test_a_task_is_shown_soon_where_the_store_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:  # takes connections, and says nothing
        monkeypatch.setenv("PFD_DATABASE_URL", f"postgresql://x@127.0.0.1:{mute.getsockname()[1]}/x")
        began = time.monotonic()
        assert "Ready to run" in pfd(tmp_path / "home", "tasks", "show", "train_model_task")
        assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("pfd submit extract_features_task dataset=", "dataset=there"),
        ("pfd submit train_model_task dataset=th", "dataset=there"),
        ("pfd submit train_model_task model=", "model=cnn1d"),
        ("pfd submit train_model_task split.protocol=", "split.protocol=load"),
        ("pfd submit generate_dataset_task mains_hz=", "mains_hz=60"),
        ("pfd submit generate_dataset_task geometry=N", "geometry=NICE"),
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
