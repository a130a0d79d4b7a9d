"""What is shown of each task: cautions first, figures with what they rest on, links that lead somewhere."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pfd import Dispatcher, JobHandle, Settings, State, load_settings
from pfd.client.views.leads import Lead, Leads
from pfd.client.views.report import MOST_BYTES, report
from pfd.views import (
    Block,
    Curve,
    Figure,
    Link,
    Matrix,
    Metrics,
    Rule,
    Table,
    Warning,  # noqa: A004
    to_plotly,
)
from pfd_plugin_training import create_experiment

pytestmark = pytest.mark.slow("a job of each task, for all tests here together", first=True)

LEAKY = {"protocol": "leaky-random"}
OF_A_SPLIT = ("importance", "selected", "correlated", "network", "forest", "leaky forest", "leaky correlated")


class Shown:
    """A home with one job of each task, and what they are shown as."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.pfd = Dispatcher(settings)
        self.jobs: dict[str, JobHandle] = {}

    def run(self, step: str, task: str, /, **params: Any) -> dict[str, Any]:
        self.jobs[step] = self.pfd.submit(task, params)
        found: dict[str, Any] = self.jobs[step].get()
        return found

    def run_all(self) -> None:
        rig = {"num_signals_per_fault": 4, "bearings_per_fault": 4, "duration_s": 0.6, "snr_db": 10.0}
        self.run("generated", "generate_dataset_task", name="rig", **rig)
        features = self.run("extracted", "extract_features_task", dataset="rig", window=512)["feature_set_id"]
        self.run("importance", "compute_importance_task", feature_set=features, methods=["forest"], n_estimators=10)
        self.run("selected", "select_features_task", feature_set=features, n_features=4)
        self.run("correlated", "compute_correlation_task", feature_set=features)
        self.run("leaky correlated", "compute_correlation_task", feature_set=features, split=LEAKY)
        forest = {"model": "random_forest", "feature_set": features, "n_estimators": 10}
        network = {"model": "cnn1d", "dataset": "rig", "window": 512, "epochs": 3}
        experiments = [
            self.run("forest", "train_model_task", **forest)["experiment_id"],
            self.run("leaky forest", "train_model_task", **forest, split=LEAKY)["experiment_id"],
            self.run("network", "train_model_task", **network)["experiment_id"],
        ]
        self.run("curves", "generate_roc_analysis_task", experiments=experiments, n_bootstrap=50)

    def blocks(self, name: str) -> tuple[Block, ...]:
        return self.pfd.blocks(self.jobs[name].id)

    def only(self, name: str, kind: type[Any]) -> list[Any]:
        return [block for block in self.blocks(name) if isinstance(block, kind)]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    home = tmp_path_factory.mktemp("views") / "pfd"
    found = Shown(load_settings({"home": home, "runtime": "eager"}).values)
    found.run_all()
    yield found
    found.pfd.close()


NAMES = ("generated", "extracted", *OF_A_SPLIT, "curves")


@pytest.mark.parametrize("name", NAMES)
def test_each_task_is_shown_by_its_plugin_with_what_must_not_be_missed_first(shown: Shown, name: str) -> None:
    blocks = shown.blocks(name)
    assert not [block for block in blocks if isinstance(block, Warning) and "cannot be" in block.text]
    warnings = [isinstance(block, Warning) for block in blocks]
    assert warnings == sorted(warnings, reverse=True)
    assert any(isinstance(block, Metrics) for block in blocks)
    assert any(isinstance(block, Table | Figure) for block in blocks)


@pytest.mark.parametrize("name", NAMES)
def test_each_figure_says_what_is_seen_along_which_axes_and_goes_through_every_client(shown: Shown, name: str) -> None:
    figures = shown.only(name, Figure)
    assert figures or name == "extracted"
    for figure in figures:
        assert len(figure.alt) > 30
        assert all(axis.label for panel in figure.panels for axis in (panel.x, panel.y))
        for width in (1160, 400):
            json.dumps(to_plotly(figure, "dark", width), allow_nan=False)
    page = shown.pfd.page(shown.jobs[name].id).html
    assert page.count('class="picture light"') == len(figures)
    assert "cannot be shown" not in page


@pytest.mark.parametrize("name", OF_A_SPLIT)
def test_each_figure_of_scores_says_on_which_split_they_rest(shown: Shown, name: str) -> None:
    for figure in shown.only(name, Figure):
        assert figure.provenance is not None
        assert "LEAKY" not in figure.provenance.text  # whoever draws it says so itself
        assert figure.provenance.leaky == name.startswith("leaky")


def test_a_leaky_split_is_marked_on_the_picture_in_each_client(shown: Shown) -> None:
    for name in ("leaky forest", "leaky correlated"):
        assert shown.only(name, Warning)[0].text.startswith("LEAKY: ")
        for figure in shown.only(name, Figure):
            drawn = to_plotly(figure)["layout"]
            assert any("LEAKY SPLIT" in note["text"] for note in drawn["annotations"])
            assert drawn["xaxis"]["linecolor"] == drawn["yaxis"]["linecolor"]
        page = shown.pfd.page(shown.jobs[name].id).html
        assert page.count("LEAKY SPLIT") >= 2 * len(shown.only(name, Figure))  # light and dark
    [curves] = shown.only("curves", Figure)
    assert [panel.provenance.leaky for panel in curves.panels] == [False, True, False]
    assert sum("LEAKY SPLIT" in note["text"] for note in to_plotly(curves)["layout"]["annotations"]) == 1


def test_a_training_shows_its_scores_side_by_side_its_curves_and_where_it_errs(shown: Shown) -> None:
    result = shown.jobs["network"].get()
    [headline, *_] = shown.only("network", Metrics)
    accuracy = headline.items[0]
    assert accuracy.value == pytest.approx(100 * result["test_accuracy"])
    assert accuracy.baseline == pytest.approx(100 * result["baseline_accuracy"])
    assert accuracy.note == f"{result['n_windows']['test']} windows of {result['n_bearings']['test']} bearings"
    curves, confusion = shown.only("network", Figure)
    [loss, reached] = curves.panels
    assert [mark.name for mark in loss.marks][:2] == ["training", "validation"]
    assert [mark.x for mark in reached.marks if isinstance(mark, Rule) and mark.x] == [result["best_epoch"]]
    [[counts], [shares]] = [[mark for mark in panel.marks if isinstance(mark, Matrix)] for panel in confusion.panels]
    assert sum(map(sum, counts.values)) == result["n_windows"]["test"]
    assert [sum(row) for row in shares.values] == pytest.approx([100.0] * len(result["classes"]))
    scores, classes, bearings = shown.only("network", Table)
    assert [column.name for column in scores.columns][1:4] == ["test part", "validation part", "train part"]
    assert sum(row[1] for row in classes.rows) == sum(row[3] for row in bearings.rows) == result["n_windows"]["test"]
    right = sum(row[3] * row[4] for row in bearings.rows) / result["n_windows"]["test"]
    assert right == pytest.approx(100 * result["test_accuracy"])


def test_a_dataset_shows_an_example_of_each_class(shown: Shown) -> None:
    [classes, bearings] = shown.only("generated", Table)
    assert [row[:3] for row in classes.rows] == [
        (name, 4, 4) for name in ("normal", "inner_race", "outer_race", "ball")
    ]
    assert len(bearings.rows) == 16
    [examples] = shown.only("generated", Figure)
    assert len(examples.panels) == 8
    assert examples.panels[1].marks[1].name.startswith("1× ")
    assert examples.panels[0].link.kind == "recording"


def test_a_job_of_before_which_kept_nothing_to_show_is_shown_without(shown: Shown, tmp_path: Path) -> None:
    home = tmp_path / "pfd"
    shutil.copytree(shown.settings.home, home)
    with Dispatcher(load_settings({"home": home, "runtime": "eager"}).values) as pfd:
        for name in NAMES:
            job = pfd.job(shown.jobs[name].id)
            before = {item.name for item in job.artifacts if item.name.endswith((".figure.json", ".table.json"))}
            for path in pfd.artifacts(job.id).values():
                path.unlink()
            gone = pfd.blocks(job.id)
            assert any(isinstance(block, Metrics) for block in gone), name
            kept = dataclasses.replace(job, artifacts=tuple(one for one in job.artifacts if one.name not in before))
            without = _blocks(kept, home, pfd)
            assert not [block for block in without if isinstance(block, Warning) and "cannot be" in block.text], name
            assert any(isinstance(block, Metrics) for block in without), name


def _blocks(job: Any, home: Path, pfd: Dispatcher) -> tuple[Block, ...]:
    from pfd.client.views import choice

    return choice.blocks(job, home, pfd.plugins)


@pytest.mark.parametrize(
    ("name", "kind", "what"),
    [
        ("generated", "dataset", "recordings by class"),
        ("extracted", "feature_set", "windows"),
        ("network", "experiment", "epochs"),
    ],
)
def test_a_job_that_has_not_ended_is_shown_as_far_as_it_came(shown: Shown, name: str, kind: str, what: str) -> None:
    job = dataclasses.replace(shown.pfd.job(shown.jobs[name].id), state=State.PROGRESS, result=None, progress=0.5)
    blocks = _blocks(job, shown.settings.home, shown.pfd)
    assert isinstance(blocks[0], Metrics)
    assert blocks[0].items[0].value == "PROGRESS"
    last = blocks[-1]
    if name == "generated":
        assert isinstance(last, Table)
        assert last.rows == tuple((one, 4, 4) for one in ("normal", "inner_race", "outer_race", "ball"))
    else:
        assert isinstance(last, Figure)
        curve = last.panels[0].marks[0]
        assert isinstance(curve, Curve)
        points = shown.pfd.series(job.id, "training" if name == "network" else "extraction").points
        assert curve.x == tuple(point.step for point in points)
        if name == "network":
            assert last.provenance is not None
            assert last.provenance.text.startswith("split by bearing")


@pytest.mark.parametrize("plugin", ["data", "evaluation", "features", "mat_import", "training"])
def test_a_view_needs_no_numerical_library(plugin: str) -> None:
    heavy = ("numpy", "scipy", "sklearn", "torch", "h5py", "pyarrow", "pandas", "matplotlib")
    code = f"import sys, pfd_plugin_{plugin}.views; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# -- links ------------------------------------------------------------------------------------------------------------


def leads(shown: Shown, *names: str) -> Leads:
    jobs = [shown.pfd.job(shown.jobs[name].id) for name in names]
    return Leads(jobs, shown.pfd.plugins, shown.pfd.store)


@pytest.mark.parametrize(
    ("kind", "maker", "command"),
    [
        ("dataset", "generated", "pfd data show 1"),
        ("feature_set", "extracted", "pfd open {maker}"),
        ("experiment", "forest", "pfd open {maker}"),
    ],
)
def test_a_link_leads_to_the_job_that_made_the_thing_or_to_a_command(
    shown: Shown, kind: str, maker: str, command: str
) -> None:
    job = shown.jobs[maker].id
    link = Link(kind=kind, id=1)
    assert leads(shown, maker).of(link) == Lead(href=f"#job-{job}")
    assert leads(shown, "curves").of(link) == Lead(command=command.format(maker=job[:8]))
    assert leads(shown).of(Link(kind=kind, id=99)) == Lead(gone=True)


def test_a_link_to_a_recording_leads_to_its_picture(shown: Shown) -> None:
    link = Link(kind="recording", id="ball-0001", of=1, start=0.25)
    assert leads(shown, "generated").of(link) == Lead(command="pfd data plot 1 ball-0001 recording.png --start 0.25")
    assert leads(shown).of(Link(kind="recording", id="a; rm -rf x", of=1)).command == (
        "pfd data plot 1 'a; rm -rf x' recording.png"
    )
    assert leads(shown).of(Link(kind="recording", id="ball-0001", of=9)) == Lead(gone=True)
    assert leads(shown).of(Link(kind="recording", id="ball-0001")) == Lead()
    exact = leads(shown).of(Link(kind="recording", id="ball-0001", of=1, start=1234.5678)).command
    assert exact == "pfd data plot 1 ball-0001 recording.png --start 1234.5678"


def test_a_link_to_an_experiment_that_was_made_beforehand_does_not_say_that_it_is_gone(shown: Shown) -> None:
    with shown.pfd.store.session(write=True) as session:
        number = create_experiment(session, "for later")
    assert leads(shown).of(Link(kind="experiment", id=number)) == Lead()


@pytest.mark.parametrize(
    "link", [Link(kind="dataset", id="--help"), Link(kind="recording", id=3, of="--force"), Link(kind="x", id=10**5000)]
)
def test_an_id_that_would_be_an_option_or_cannot_be_said_leads_nowhere(shown: Shown, link: Link) -> None:
    assert leads(shown).of(link) == Lead()


def test_a_link_to_a_job_or_to_what_nobody_knows_never_breaks(shown: Shown) -> None:
    job = shown.jobs["forest"].id
    assert leads(shown, "forest").of(Link(kind="job", id=job)) == Lead(href=f"#job-{job}")
    assert leads(shown).of(Link(kind="job", id=job)) == Lead(command=f"pfd open {job[:8]}")
    assert leads(shown).of(Link(kind="job", id="no-such-job")) == Lead(gone=True)
    assert leads(shown).of(Link(kind="gearbox", id=1)) == Lead()


def test_links_of_a_report_can_be_followed_within_it(shown: Shown) -> None:
    jobs = [shown.pfd.job(handle.id) for handle in shown.jobs.values()]
    page = report(jobs, shown.settings.home, shown.pfd.plugins, shown.pfd.store)
    for name in ("generated", "extracted", "forest"):
        anchor = f"job-{shown.jobs[name].id}"
        assert f'id="{anchor}"' in page
        assert f'href="#{anchor}"' in page
    assert "pfd data plot 1 " in page
    assert len(page.encode()) <= MOST_BYTES
