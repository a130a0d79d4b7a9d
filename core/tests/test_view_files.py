"""Views as files among the artifacts of a job."""

from __future__ import annotations

import dataclasses
import logging
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from core.tests.support.jobs import JOB
from pfd import State, view_files
from pfd.client.views.job_view import JobView
from pfd.errors import ArtifactError
from pfd.plugins import Registry
from pfd.view_files import as_view, write_figure, write_table
from pfd.views import Axis, Column, Curve, Figure, Link, Panel, Table

LOG = logging.getLogger("test-view-files")
FIGURE = Figure(
    title="A figure",
    alt="A straight line from zero to one.",
    panels=(Panel(x=Axis(label="x"), y=Axis(label="y"), marks=(Curve(x=range(9_000), y=range(9_000)),)),),
)


@pytest.fixture
def drawing(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What draws pictures, as far as the core knows it."""
    found: Any = ModuleType("pfd_plots")
    found.save = lambda figure, *paths: [path.write_text(f"{path.suffix} of {figure.title}") for path in paths]
    monkeypatch.setattr(view_files, "drawer", lambda: found)
    return found


def test_a_figure_is_kept_thinned_with_its_pictures_and_read_back(tmp_path: Path, drawing: Any) -> None:
    write_figure(tmp_path.joinpath, "wave", FIGURE, LOG)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["wave.figure.json", "wave.png", "wave.svg"]
    assert as_view("a view", (tmp_path / "wave.figure.json").read_bytes(), Figure) == FIGURE.decimated()
    assert (tmp_path / "wave.png").read_bytes() == b".png of A figure"


def test_a_picture_that_cannot_be_drawn_is_told_of_and_takes_nothing_down(
    tmp_path: Path, drawing: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("no font\x1b[31m")

    drawing.save = fail
    write_figure(tmp_path.joinpath, "wave", FIGURE, LOG)
    assert [path.name for path in tmp_path.iterdir()] == ["wave.figure.json"]
    assert [record.message for record in caplog.records] == [
        "no picture of wave can be drawn: ValueError: no font\\x1b[31m"
    ]


def test_no_earlier_picture_stands_beside_a_figure_that_cannot_be_drawn(tmp_path: Path, drawing: Any) -> None:
    write_figure(tmp_path.joinpath, "wave", FIGURE, LOG)
    drawing.save = lambda *_: 1 / 0
    write_figure(tmp_path.joinpath, "wave", FIGURE, LOG)
    assert [path.name for path in tmp_path.iterdir()] == ["wave.figure.json"]


@pytest.mark.parametrize("name", ["", "a/"])
def test_a_name_that_names_no_file_is_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(ArtifactError, match="names no file"):
        write_figure(tmp_path.joinpath, name, FIGURE, LOG)
    assert list(tmp_path.iterdir()) == []


def test_what_no_client_would_read_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view_files, "MOST_BYTES", 1_000)
    with pytest.raises(ArtifactError, match="more than 1000") as found:
        write_table(tmp_path.joinpath, "t", Table(columns=(Column(name="a"),), rows=(("x" * 900,),) * 9))
    assert "fewer rows" in str(found.value.hint)
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_draws_the_figure_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(view_files, "drawer", lambda: None)
    caplog.set_level("INFO")
    write_figure(tmp_path.joinpath, "wave", FIGURE, LOG)
    assert [path.name for path in tmp_path.iterdir()] == ["wave.figure.json"]
    assert "pip install pfd-plots" in caplog.text


def test_a_package_that_draws_is_found_by_its_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(view_files, "DRAWER", "pfd_plots_of_a_test")
    assert view_files.drawer() is None
    (tmp_path / "pfd_plots_of_a_test.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert view_files.drawer() is sys.modules["pfd_plots_of_a_test"]


def test_a_table_is_kept_for_people_and_for_programs(tmp_path: Path) -> None:
    table = Table(
        columns=(Column(name="job"), Column(name="loss", unit="nats")),
        rows=((Link(kind="job", id="7"), 0.5), ("=1+1", None)),
    )
    write_table(tmp_path.joinpath, "scores", table)
    assert as_view("a view", (tmp_path / "scores.table.json").read_bytes(), Table) == table
    assert (tmp_path / "scores.table.csv").read_text().splitlines() == ['job,"loss, nats"', "job 7,0.5", "'=1+1,"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is no figure"),
        (b"{}", "title: Field required"),
        (b'{"title": "x\x00"}', "is no figure"),
        (b"[" * 100_000, "is no figure"),
        (FIGURE.model_dump_json().replace('"curve"', '"pie"').encode(), "pie"),
        (FIGURE.model_dump_json()[:-9].encode(), "is no figure"),
    ],
)
def test_a_damaged_view_says_what_is_wrong(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "x.figure.json"
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match=says):
        as_view("a view", path.read_bytes(), Figure)


def test_a_view_is_read_as_a_file_of_its_job_and_of_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: Registry
) -> None:
    job = dataclasses.replace(JOB, state=State.PROGRESS, claim=3)
    folder = tmp_path / "artifacts" / job.id / "3"
    secret = tmp_path / "secret.json"
    secret.write_text(FIGURE.model_dump_json())
    for name in ("gone", "linked", "apart/swapped", "huge", "whole"):
        path = folder / f"{name}.figure.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(FIGURE.decimated().model_dump_json())
    view = JobView(job, tmp_path, registry)
    assert len(view.figures) == 5
    assert view.figure("whole") == FIGURE.decimated()
    # Behind the listing and the look at where it lies, as a task may do at any moment.
    monkeypatch.setattr("pfd.client.views.job_view.place", lambda home, job, name: folder / name)
    (folder / "gone.figure.json").unlink()
    (folder / "linked.figure.json").unlink()
    (folder / "linked.figure.json").symlink_to(secret)
    (folder / "apart").rename(tmp_path / "elsewhere")
    (folder / "apart").symlink_to(tmp_path / "elsewhere")
    (folder / "huge.figure.json").write_bytes(b" " * 40_000_000)
    wrong = {
        "gone": "No such file",
        "linked": "is a link",
        "apart/swapped": "link on the way",
        "huge": "is larger",
    }
    for name, says in wrong.items():
        with pytest.raises(ArtifactError, match=says):
            view.figure(name)
