"""Experiments from the submission of their job on: listed with what became of them, and used once they are trained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from pfd import DataError, Dispatcher, JobFailed, ParameterError, load_settings, reading, writing
from pfd.tracked import RowStatus
from pfd_plugin_training import create_experiment, find_experiment, list_experiments, summarize_experiment
from pfd_plugin_training.cli import experiments
from pfd_plugin_training.store import experiment_names, stored_files

SMALL = {"num_signals_per_fault": 3, "bearings_per_fault": 3, "duration_s": 0.2}
FOREST = {"model": "random_forest", "feature_set": 1, "n_estimators": 5}


def submit(task: str, **params: Any) -> Any:
    return Dispatcher().submit(task, params)


def command(*words: str) -> Result:
    return CliRunner().invoke(experiments, words, standalone_mode=False)


@pytest.fixture
def features(pfd_home: Path) -> None:
    submit("generate_dataset_task", name="bench", **SMALL).get()
    submit("extract_features_task", dataset="bench", window=512).get()


def test_an_experiment_is_created_trained_and_listed(features: None) -> None:
    with writing() as session:
        number = create_experiment(session, "first try")
    with reading() as session:
        assert summarize_experiment(session, number).status is RowStatus.CREATED
        with pytest.raises(DataError, match=f"experiment {number} is CREATED"):
            find_experiment(session, number)
        assert list(experiment_names(session)) == []
    handle = submit("train_model_task", **FOREST, experiment_id=number)
    assert handle.get()["experiment_id"] == number
    with reading() as session:
        [found] = list_experiments(session)
        entry = find_experiment(session, number)
        assert list(experiment_names(session)) == [(str(number), "random_forest on bench: first try")]
    assert (found.status, found.reason, found.name) == (RowStatus.SUCCESS, "", "first try")
    assert (found.job_id, found.model, found.dataset_name) == (handle.id, "random_forest", "bench")
    assert found.test_accuracy == entry.metrics["test"]["accuracy"]
    with pytest.raises(ParameterError, match=f"experiment {number} is SUCCESS"):
        submit("train_model_task", **FOREST, experiment_id=number)


def test_a_failed_training_is_an_experiment_that_says_why_and_cannot_be_used(pfd_home: Path) -> None:
    submit("generate_dataset_task", name="bench", **SMALL | {"num_signals_per_fault": 1, "bearings_per_fault": 1}).get()
    with pytest.raises(JobFailed, match="has 1 bearing"):
        submit("train_model_task", model="cnn1d", dataset="bench", epochs=1).get()
    with reading() as session:
        [found] = list_experiments(session, status="FAILED")
        assert list_experiments(session, status=RowStatus.SUCCESS) == []
        with pytest.raises(DataError, match=f"experiment {found.id} is FAILED: DataError: .* has 1 bearing"):
            find_experiment(session, found.id)
    assert (found.model, found.dataset_name, found.test_accuracy) == ("cnn1d", "bench", None)
    assert found.reason.startswith("DataError: ")
    with pytest.raises(ParameterError, match=f"experiment {found.id} is FAILED"):
        submit("generate_roc_analysis_task", experiments=[found.id])


def test_a_row_from_which_something_was_taken_is_told_to_be_damaged(features: None) -> None:
    number = submit("train_model_task", **FOREST).get()["experiment_id"]
    with writing() as session:
        session.execute(sa.text("UPDATE training_experiment SET model_path = NULL, classes = NULL"))
    with (
        reading() as session,
        pytest.raises(DataError, match=f"experiment {number} is damaged: it has no classes, mod"),
    ):
        find_experiment(session, number)


@pytest.mark.parametrize(
    "metrics", ['{"test": null}', '"x"', "{nonsense", '{"test": {"accuracy": "x"}}', "[]", "9" * 5000]
)
def test_metrics_that_were_written_by_hand_hide_no_experiment(features: None, metrics: str) -> None:
    submit("train_model_task", **FOREST).get()
    submit("train_model_task", **FOREST).get()
    with writing() as session:
        session.execute(sa.text("UPDATE training_experiment SET metrics = :metrics WHERE id = 1"), {"metrics": metrics})
    with reading() as session:
        second, first = list_experiments(session)
        assert summarize_experiment(session, 1) == first
    assert first.test_accuracy is None
    assert second.test_accuracy is not None
    assert command("ls").exit_code == 0


def test_an_experiment_that_is_trained_again_holds_nothing_of_the_run_before(features: None, pfd_home: Path) -> None:
    first = submit("train_model_task", **FOREST)
    number = first.get()["experiment_id"]
    with writing() as session:
        session.execute(sa.text("UPDATE pfd_job SET state = 'FAILURE' WHERE id = :id"), {"id": first.id})
        assert len(list(stored_files(session, pfd_home))) == 2
    with Dispatcher(load_settings({"runtime": "local"}).values) as waiting:
        again = waiting.submit("train_model_task", {**FOREST, "experiment_id": number})
    with writing() as session:
        found = summarize_experiment(session, number)
        assert (found.status, found.job_id, found.test_accuracy) == (RowStatus.QUEUED, again.id, None)
        assert list(stored_files(session, pfd_home)) == []


def test_pages_go_on_where_the_one_before_has_ended(pfd_home: Path) -> None:
    with writing() as session:
        numbers = [create_experiment(session, f"number {count}") for count in range(5)]
    with reading() as session:
        first = [one.id for one in list_experiments(session, limit=2)]
        second = [one.id for one in list_experiments(session, limit=9, before=first[-1])]
    assert [*first, *second] == numbers[::-1]


def test_a_number_never_comes_again(pfd_home: Path) -> None:
    with writing() as session:
        first = create_experiment(session)
    with writing() as session:
        session.execute(sa.text("DELETE FROM training_experiment"))
    with writing() as session:
        assert create_experiment(session) > first


@pytest.mark.parametrize("name", ["x" * 201, "two\nlines", "\x1b[31mred"])
def test_a_name_that_would_not_be_shown_is_refused(pfd_home: Path, name: str) -> None:
    with writing() as session, pytest.raises(ParameterError, match="a name is one line of at most 200 characters"):
        create_experiment(session, name)


def test_the_command_creates_lists_and_shows(features: None) -> None:
    assert command("ls").output == "no experiments yet; train_model_task makes one\n"
    number = int(command("create", "for the report").output)
    submit("train_model_task", **FOREST, experiment_id=number).get()
    json.loads(command("create", "--json").output)
    listed = command("ls").output.splitlines()
    assert [line.split()[0] for line in listed] == ["ID", str(number + 1), str(number)]
    assert "CREATED" in listed[1]
    assert "for the report" in listed[2]
    assert "SUCCESS" in listed[2]
    assert command("ls", "--limit", "1").output.splitlines()[-1] == "and more: --limit 2 shows them"
    [one] = json.loads(command("ls", "--status", "success", "--json").output)
    assert (one["id"], one["status"], one["name"]) == (number, "SUCCESS", "for the report")
    assert "status         SUCCESS" in command("show", str(number)).output
    assert isinstance(command("show", "99").exception, DataError)
