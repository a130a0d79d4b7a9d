"""`pfd run`: pipeline files from the command line."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from core.tests.support.commands import Commands, start
from core.tests.support.waiting import lines, until
from pfd import Dispatcher, State
from pfd.cli.app import run

pytestmark = pytest.mark.usefixtures("served")

Capture = pytest.CaptureFixture[str]

GOOD = """
[steps.first]
task = "add"
params = { a = 1, b = 2 }
[steps.second]
task = "add_apart"
params = { a = "${first.value}" }
"""


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
    for said in ("one: unknown task 'ad'", "two: a=-1", "c: is not a parameter", "three: there is no step 'four'"):
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


# -- going on with a run ------------------------------------------------------------------------------------------

LINE = """
[steps.before]
task = "nap_inline"
params = { seconds = 0, steps = 1, witness = "WITNESS" }
[steps.wall]
task = "read_path"
params = { path = "needed" }
after = ["before"]
[steps.behind]
task = "nap_inline"
params = { seconds = 0, steps = 1, witness = "WITNESS" }
after = ["wall"]
"""
"""The middle step fails until there is a file."""


@pytest.fixture
def witness(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the steps of the line say that they have begun."""
    monkeypatch.chdir(tmp_path)
    file.write_text(LINE.replace("WITNESS", str(tmp_path / "witness")))
    return tmp_path / "witness"


def test_after_a_failure_the_command_says_how_to_go_on_and_what_succeeded_is_not_done_again(
    witness: Path, pfd: Commands
) -> None:
    failed = pfd("run", "pipeline.toml")
    assert failed.code == 1
    assert "hint: 'pfd run pipeline.toml --resume' goes on without doing again what has succeeded" in failed.err
    assert len(lines(witness)) == 1

    witness.with_name("needed").touch()
    resumed = pfd("run", "pipeline.toml", "--resume")
    assert resumed.code == 0
    assert "2 of 3 steps submitted anew (wall, behind), 1 kept" in resumed.err
    assert [row.split()[:2] for row in resumed.lines[-3:]] == [
        ["before", "SUCCESS"],
        ["wall", "SUCCESS"],
        ["behind", "SUCCESS"],
    ]
    assert len(lines(witness)) == 2

    nothing = pfd("run", "--resume", "pipeline.toml")
    assert (nothing.code, nothing.out) == (2, "")
    assert "have succeeded: there is nothing to resume" in nothing.err


def test_json_of_a_resumed_run_holds_kept_and_new_steps(witness: Path, pfd: Commands) -> None:
    first = pfd("run", "pipeline.toml", "--json").json
    witness.with_name("needed").touch()
    second = pfd.json("run", "pipeline.toml", "--resume")
    assert {step["state"] for step in second.values()} == {"SUCCESS"}
    assert {name for name in first if first[name]["id"] == second[name]["id"]} == {"before"}


def test_an_earlier_run_is_named_by_a_job_of_it(witness: Path, pfd: Commands) -> None:
    runs = [pfd("run", "pipeline.toml", "--no-wait", "--json").json for _ in range(2)]
    again = pfd("run", "pipeline.toml", runs[0]["wall"]["id"], "--resume", "--no-wait", "--json")
    assert again.code == 0
    assert {name: step["id"] for name, step in again.json.items()} == {
        name: step["id"] for name, step in runs[0].items()
    }
    assert "0 of 3 steps submitted anew, 3 kept" in again.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--resume"], "pipeline 'pipeline' has not been run: there is nothing to resume"),
        (["--resume", "0123"], "there is no run 0123"),
        (["0123"], "0123 names an earlier run, which only --resume asks for"),
    ],
)
def test_there_is_nothing_to_resume_where(witness: Path, pfd: Commands, words: list[str], said: str) -> None:
    ran = pfd("run", "pipeline.toml", *words)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


@pytest.mark.slow("two programs, and a worker in each")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_a_run_whose_process_was_ended_goes_on_in_another(
    file: Path, tmp_path: Path, pfd: Commands, number: signal.Signals, code: int
) -> None:
    """Also where no worker but that of the command is there to run what was submitted by the process that ended."""
    first, second = tmp_path / "first", tmp_path / "second"
    file.write_text(
        f'[steps.one]\ntask = "nap_inline"\nparams = {{ seconds = 0, steps = 1, witness = "{first}" }}\n'
        f'[steps.two]\ntask = "nap"\nparams = {{ seconds = 2, witness = "{second}" }}\nafter = ["one"]\n'
        '[steps.three]\ntask = "add"\nparams = { a = 1 }\nafter = ["two"]\n'
    )
    process = start("run", str(file))
    until(lambda: lines(second), "the second step begins")
    process.send_signal(number)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == code
    if number == signal.SIGINT:
        assert f"'pfd run {file} --resume' takes them up" in said
    resumed = pfd("run", str(file), "--resume")
    assert resumed.code == 0
    assert "0 of 3 steps submitted anew, 3 kept" in resumed.err
    assert len(lines(first)) == 1
    assert [line.split(maxsplit=1)[1][:5] for line in lines(second)] == ["begin", "begin", "ends"]


def test_of_very_many_problems_the_first_are_listed(file: Path, pfd: Commands) -> None:
    file.write_text("".join(f'[steps.s{number}]\ntask = "add"\n' for number in range(60)))
    ran = pfd("run", str(file))
    assert ran.code == 2
    assert len(ran.err.splitlines()) == 52
    assert "… and 10 more" in ran.err
    assert "60 problems, listed above" in ran.err
