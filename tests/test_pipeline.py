"""The first pipeline, from recordings to ROC curves, by a worker that runs each job in a process of its own."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pfd import Dispatcher, Job, State, Worker, load_settings
from tests.support import examples
from tests.support.command import pfd
from tests.support.workspace import ROOT

pytestmark = pytest.mark.slow("a pipeline from recordings to curves")

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def dispatcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dispatcher]:
    """A dispatcher, with an embedded worker beside it."""
    monkeypatch.setenv("PFD_HOME", str(tmp_path / "home"))
    with Worker(slots=2), Dispatcher() as found:
        yield found


def test_generated_recordings_become_roc_curves_of_two_models(dispatcher: Dispatcher) -> None:
    def run(task: str, params: dict[str, Any]) -> dict[str, Any]:
        handle = dispatcher.submit(task, params)
        result: dict[str, Any] = handle.get(timeout=120)
        assert handle.info["progress"] == 1.0
        return result

    forest = examples.train_forest(run)
    cnn = examples.train_cnn(run, dataset=1)
    handle = dispatcher.submit(
        "generate_roc_analysis_task", {"experiments": [forest["experiment_id"], cnn["experiment_id"]]}
    )
    found = handle.get(timeout=120)

    assert [item["model"] for item in found["experiments"]] == ["random_forest", "cnn1d"]
    for item in found["experiments"]:
        assert 0.0 <= item["macro_auroc"] <= 1.0
        assert "bearing" in item["stamp"]
    files = handle.artifacts
    assert files["roc.png"].read_bytes().startswith(PNG)
    assert "<svg" in files["roc.svg"].read_text(encoding="utf-8")
    curves = json.loads(files["roc.json"].read_text(encoding="utf-8"))
    assert curves
    # The forest learns bearings that were made to differ: on bearings it has not seen it does better than chance.
    assert found["experiments"][0]["macro_auroc"] > 0.7


def test_the_pipeline_file_among_the_examples_runs(tmp_path: Path) -> None:
    steps = json.loads(pfd(tmp_path / "home", "run", str(ROOT / "examples" / "generated.toml"), "--json"))
    assert {step["state"] for step in steps.values()} == {"SUCCESS"}
    compared = steps["curves"]["result"]["experiments"]
    assert [item["experiment_id"] for item in compared] == [
        steps[model]["result"]["experiment_id"] for model in ("forest", "cnn")
    ]


def test_the_example_of_selected_features_runs(tmp_path: Path) -> None:
    steps = json.loads(pfd(tmp_path / "home", "run", str(ROOT / "examples" / "selected.toml"), "--json"))
    assert {step["state"] for step in steps.values()} == {"SUCCESS"}
    selected, forest = (steps[step]["result"] for step in ("selected", "forest"))
    assert len(selected["features"]) == 8
    # Both split alike, since both drew from the same seed.
    assert forest["stamp"].startswith(selected["stamp"])
    assert f"{selected['stamp']} [" in forest["stamp"]  # the digest of the split follows


def test_the_page_about_pipelines_does_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs" / "how-to" / "run-a-pipeline.md").read_text(encoding="utf-8")
    [text] = re.findall(r"```toml\n(.*?)```", page, flags=re.DOTALL)
    [program] = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    commands = [shlex.split(line)[1:] for line in re.findall(r"^    (pfd .*)$", page, flags=re.MULTILINE)]
    assert commands == [["run", "bearings.toml"], ["run", "bearings.toml", "--resume"]]
    file, home = tmp_path / "bearings.toml", tmp_path / "home"
    monkeypatch.chdir(tmp_path)

    # One window is too long for the recordings: that step fails, and is mended.
    file.write_text(text.replace("window = 4096", "window = 400_000"), encoding="utf-8")
    with pytest.raises(AssertionError, match=r"bearings\.toml --resume"):
        pfd(home, *commands[0])
    file.write_text(text, encoding="utf-8")
    steps = json.loads(pfd(home, *commands[1], "--json"))
    assert {step["state"] for step in steps.values()} == {"SUCCESS"}
    jobs = json.loads(pfd(home, "jobs", "--tag", "pipeline:bearings to features", "--json"))
    assert sorted(job["task"] for job in jobs) == ["extract_features_task"] * 3 + ["generate_dataset_task"]

    monkeypatch.setenv("PFD_HOME", str(home))
    exec(compile(program, "run-a-pipeline.md", "exec"), {"__name__": "__main__"})
    assert "'long': <State.PENDING" in capsys.readouterr().out


def _demo(home: Path, *arguments: str) -> tuple[str, list[Job]]:
    """Run `pfd demo`; returns what it printed and the jobs that it ran."""
    printed = pfd(home, "demo", *arguments)
    with Dispatcher(load_settings({"home": home}).values) as dispatcher:
        jobs = [dispatcher.job(job.id) for job in dispatcher.jobs(tag="demo")]
        assert len(dispatcher.jobs()) == len(jobs)
        [curves] = [job for job in jobs if job.task == "generate_roc_analysis_task"]
        assert str(dispatcher.handle(curves.id).artifacts["roc.png"]) in printed
        return printed, jobs


def _tasks(jobs: list[Job]) -> list[str]:
    return sorted(job.task for job in jobs if job.state is State.SUCCESS)


def _refusal(printed: str, jobs: list[Job]) -> str:
    """Why the default split was refused, which is all that went wrong, and was told."""
    [refused] = [job for job in jobs if job.state is not State.SUCCESS]
    assert refused.task == "train_model_task"
    assert refused.failure is not None
    assert refused.failure.type == "DataError"
    assert f"refused: {refused.failure.message}" in printed
    return refused.failure.message


def _scores(printed: str) -> str:
    return printed.partition("scores on the test part")[2]


CHAIN = ["extract_features_task", "generate_roc_analysis_task", "train_model_task", "train_model_task"]


def test_the_demo_without_recordings_makes_its_own(tmp_path: Path) -> None:
    printed, jobs = _demo(tmp_path / "home")
    assert _tasks(jobs) == sorted(["generate_dataset_task", *CHAIN])
    assert len(jobs) == 5
    assert "split by bearing" in printed


@pytest.mark.elsewhere("the demo on recordings of UESTC: with those of CWRU it refuses and asks again as well")
def test_the_demo_on_uestc_trains_at_one_speed_and_tests_at_another_and_says_so(
    tmp_path: Path, test_data: Path
) -> None:
    printed, jobs = _demo(tmp_path / "home", "--mat-dir", str(test_data / "uestc"))
    assert _tasks(jobs) == sorted(["import_mat_dataset_task", *CHAIN])
    # One bearing a class: the default split is refused, and another is asked for by name.
    assert "cannot split by bearing: class 'ball' has 1 bearing" in _refusal(printed, jobs)
    assert _scores(printed).count("train at 800 rpm, test at 1200 rpm") >= 2


def test_the_demo_on_cwru_leaves_the_lone_healthy_bearing_out_and_says_so(tmp_path: Path, test_data: Path) -> None:
    printed, jobs = _demo(tmp_path / "home", "--mat-dir", str(test_data / "cwru"))
    assert _tasks(jobs) == sorted(["import_mat_dataset_task", *CHAIN])
    assert "cannot split by bearing: class 'normal' has 1 bearing (cwru-normal)" in _refusal(printed, jobs)
    [imported] = [job for job in jobs if job.task == "import_mat_dataset_task"]
    assert imported.result is not None
    bearings = {bearing["bearing_id"]: bearing["fault_type"] for bearing in imported.result["bearings"]}
    assert len([fault for fault in bearings.values() if fault != "normal"]) == 9
    assert {line.split()[0] for line in printed.splitlines() if line.startswith("cwru-")} == set(bearings)
    assert _scores(printed).count("3 bearings test; left out: normal") >= 2
