"""`pfd run`: pipeline files from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.tests.support.stores import SHORT
from pfd import Dispatcher, State
from pfd.cli.app import run

Capture = pytest.CaptureFixture[str]

GOOD = """
[steps.first]
task = "add"
params = { a = 1, b = 2 }
[steps.second]
task = "add_apart"
params = { a = "${first.value}" }
"""


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PFD_PLUGINS", "sample")
    for name, value in SHORT.items():
        monkeypatch.setenv(f"PFD_{name.upper()}", str(value))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "pipeline.toml"
    path.write_text(GOOD)
    return path


def test_steps_are_run_in_here_and_end_in_a_table(file: Path, capsys: Capture) -> None:
    assert run(["run", str(file)]) == 0
    table = capsys.readouterr().out.partition("\n\n")[2].splitlines()
    assert [row.split()[:2] for row in table[1:]] == [["first", "SUCCESS"], ["second", "SUCCESS"]]
    assert "value 4" in table[2]


def test_json_holds_each_step_and_nothing_else_is_on_standard_output(file: Path, capsys: Capture) -> None:
    assert run(["run", str(file), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {name: step["result"] for name, step in told.items()} == {"first": {"value": 3}, "second": {"value": 4}}


def test_a_failed_step_is_told_and_what_depends_on_it_is_revoked(file: Path, capsys: Capture) -> None:
    file.write_text('[steps.bad]\ntask = "fail"\n[steps.next]\ntask = "nap"\nafter = ["bad"]\n')
    assert run(["run", str(file)]) == 1
    said = capsys.readouterr()
    states = {row.split()[0]: row.split()[1] for row in said.out.partition("\n\n")[2].splitlines()[1:]}
    assert states == {"bad": "FAILURE", "next": "REVOKED"}
    assert "error: bad: ValueError" in said.err


def test_all_problems_are_listed_at_once_and_nothing_is_submitted(file: Path, capsys: Capture) -> None:
    file.write_text(
        '[steps.one]\ntask = "ad"\n[steps.two]\ntask = "add"\nparams = { a = -1, c = 1 }\n'
        '[steps.three]\ntask = "add"\nparams = { a = "${four.value}" }\n'
    )
    assert run(["run", str(file)]) == 2
    err = capsys.readouterr().err
    for said in ("one: unknown task 'ad'", "two: a=-1", "c: is no parameter", "three: there is no step 'four'"):
        assert said in err
    assert "Traceback" not in err
    assert Dispatcher().jobs() == []


@pytest.mark.parametrize(("text", "said"), [(None, "No such file"), ("[", "pipeline.toml"), ("", "at least one")])
def test_a_file_that_is_no_pipeline_is_one_line(text: str | None, said: str, file: Path, capsys: Capture) -> None:
    file.unlink() if text is None else file.write_text(text)
    assert run(["run", str(file)]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert len(err.splitlines()) <= 2


def test_without_waiting_the_ids_are_printed_and_the_absent_worker_is_said(file: Path, capsys: Capture) -> None:
    assert run(["run", str(file), "--no-wait", "--tag", "mine"]) == 0
    said = capsys.readouterr()
    jobs = Dispatcher().jobs(tag="mine")
    assert {job.state for job in jobs} == {State.PENDING}
    assert all(job.id in said.out for job in jobs)
    assert "pfd worker --queues default" in said.err


def test_parameters_that_a_model_checks_together_may_come_from_earlier_steps(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("PFD_PLUGINS", "sample,training,features")
    file.write_text(
        '[steps.features]\ntask = "extract_features_task"\nparams = { dataset = 1 }\n'
        '[steps.forest]\ntask = "train_model_task"\n'
        'params = { model = "random_forest", feature_set = "${features.feature_set_id}" }\n'
    )
    assert run(["run", str(file), "--no-wait"]) == 0
    assert len(Dispatcher().jobs()) == 2
