"""What the pages say is true of this code."""

from __future__ import annotations

import dataclasses
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from docs.write_reference import commented_fields, pages

from pfd import Dispatcher, Job
from tests.support.command import pfd
from tests.support.workspace import ROOT, workspace_registry

PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")])


@pytest.fixture(scope="module")
def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_reference_is_current() -> None:
    for page, text in pages(workspace_registry()).items():
        assert page.read_text(encoding="utf-8") == text, f"{page.name}: run 'make docs'"


def test_each_field_of_a_job_is_commented() -> None:
    assert [name for name, text in commented_fields(Job).items() if not text] == []
    assert list(commented_fields(Job)) == [field.name for field in dataclasses.fields(Job)]


def test_the_readme_marks_exactly_the_tasks_that_exist(readme: str) -> None:
    listed = dict(re.findall(r"^\| `(\w+_task)` +\| [\w-]+ +\| (✓|–) +\|", readme, flags=re.MULTILINE))
    assert len(listed) == 23
    there = set(workspace_registry().tasks)
    assert {name for name, mark in listed.items() if mark == "✓"} == there


def test_the_example_of_the_readme_runs(
    readme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    [example] = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    assert len([line for line in example.splitlines() if line.strip()]) == 5
    monkeypatch.setenv("PFD_HOME", str(tmp_path / "home"))
    exec(compile(example, "README.md", "exec"), {"__name__": "__main__"})
    assert "dataset_id" in capsys.readouterr().out


@pytest.mark.slow("five commands on end, one trains", first=True)
def test_the_commands_of_the_tutorial_run_in_its_order(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "tutorial" / "first-pipeline.md").read_text(encoding="utf-8")
    commands = [shlex.split(line)[1:] for line in re.findall(r"^    (pfd .*)$", text, flags=re.MULTILINE)]
    run = [command for command in commands if command[0] != "open"]  # it would start a viewer
    assert len(run) == 5
    said = {command[1]: pfd(tmp_path / "home", *command) for command in run}
    assert all(said.values())
    for task in ("train_model_task", "generate_roc_analysis_task"):
        assert "random_forest (experiment 1): one test bearing of each class: " in said[task].partition("cautions")[2]
    assert '"state": "SUCCESS"' in pfd(tmp_path / "home", "job", "@last", "--json")


@pytest.mark.slow("five commands, and sixty jobs")
def test_the_ways_to_find_jobs_run(
    pfd_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "docs" / "how-to" / "find-jobs.md").read_text(encoding="utf-8")
    monkeypatch.delenv("PFD_RUNTIME")
    with Dispatcher() as dispatcher:
        for number in range(60):
            dispatcher.submit("generate_dataset_task", {"name": f"d{number}"}, tags=["nightly", "rig-4"]).revoke()
    commands = [shlex.split(line)[1:] for line in re.findall(r"^    (pfd .*)$", text, flags=re.MULTILINE)]
    assert len(commands) == 4
    printed = [pfd(pfd_home, *command) for command in commands]
    assert (printed[0].strip(), printed[3].strip()) == ("no such jobs", "[]")
    [example] = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    found: dict[str, Any] = {}
    exec(compile(example.replace('"FAILURE"', '"REVOKED"').replace('"seed": 7', '"random_seed": 0'), "", "exec"), found)
    found["pfd"].close()
    assert capsys.readouterr().out == "50 of 60\n"
    assert (len(found["page"]), len(found["table"])) == (10, 60)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    assert [target for target in targets if "://" not in target and not _leads_somewhere(page, target)] == []


def _leads_somewhere(page: Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    if not anchor:
        return file.exists()
    return anchor in {_anchor(line) for line in file.read_text(encoding="utf-8").splitlines()}


def _anchor(line: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    heading = line.lstrip("#").strip().lower() if line.startswith("#") else ""
    return re.sub(r"[^\w\- ]", "", heading).replace(" ", "-")
