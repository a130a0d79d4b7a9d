"""Curves, intervals and figures of made-up predictions."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from sklearn.metrics import roc_auc_score, roc_curve

from pfd_plots import draw, save
from pfd_plugin_evaluation import class_rocs, macro_auroc, macro_auroc_interval
from pfd_plugin_evaluation.figure import Panel, roc_figure
from pfd_plugin_evaluation.interval import GRID, _Ranked, auroc, rates
from pfd_plugin_training import Predictions

CLASSES = ("normal", "inner_race", "outer_race")


def made_up(
    n: int = 300, *, seed: int = 0, skill: float = 0.5, records: int = 3, bearings: int = 3, present: int = 3
) -> Predictions:
    """Windows of `records` recordings on `bearings` bearings in each of the `present` classes."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, present, n)
    own = rng.integers(0, records, n)
    p = rng.dirichlet([1, 1, 1], n) + skill * np.eye(3)[y]
    bearing = np.array([f"{a}-{b % bearings}" for a, b in zip(y, own, strict=True)])
    return Predictions(
        CLASSES,
        y * records + own,
        np.zeros(n, dtype=np.int64),
        bearing,
        y,
        (p / p.sum(axis=1, keepdims=True)).astype(np.float32),
    )


def test_areas_are_those_of_scikit_learn() -> None:
    given = made_up()
    curves = class_rocs(given)
    expected = [roc_auc_score(given.y_true == i, given.probabilities[:, i]) for i in range(3)]
    assert [curve.auroc for curve in curves] == pytest.approx(expected)
    assert macro_auroc(curves) == pytest.approx(np.mean(expected))
    assert all((curve.fpr[0], curve.tpr[0], curve.fpr[-1], curve.tpr[-1]) == (0, 0, 1, 1) for curve in curves)


def test_a_class_that_the_part_does_not_hold_has_no_area_but_a_reason() -> None:
    curves = class_rocs(made_up(present=2))
    assert (curves[2].auroc, curves[2].reason) == (None, "no window in this part")
    assert macro_auroc(curves) == pytest.approx(np.mean([curves[0].auroc, curves[1].auroc]))


def test_a_part_of_one_class_has_no_areas_at_all() -> None:
    curves = class_rocs(made_up(present=1))
    assert macro_auroc(curves) is None
    assert curves[0].reason == "every window of this part"


@pytest.mark.parametrize("decimals", [7, 1])
def test_the_weighted_area_is_scikit_learns_also_with_ties(decimals: int) -> None:
    rng = np.random.default_rng(1)
    positive, score = rng.random(200) < 0.3, rng.random(200).round(decimals)
    weight = rng.integers(0, 4, 200).astype(float)
    expected = roc_auc_score(positive, score, sample_weight=weight)
    tallies = _Ranked(positive, score).tallies(weight)
    assert auroc(*tallies) == pytest.approx(expected)
    fpr, tpr, _ = roc_curve(positive, score, sample_weight=weight, drop_intermediate=False)
    at_corners = np.interp(GRID, fpr, tpr)
    assert rates(*tallies) == pytest.approx(at_corners)


def test_a_band_lies_about_the_mean_of_the_curves_and_is_drawn_below_them() -> None:
    given = made_up(records=6, bearings=6)
    interval = macro_auroc_interval(given, 200, seed=0)
    assert interval.band is not None
    low, high = interval.band
    assert low.shape == high.shape == GRID.shape
    assert np.all(low <= high)
    assert np.all(np.diff(low) >= 0)
    mean = np.mean([np.interp(GRID, curve.fpr, curve.tpr) for curve in class_rocs(given)], axis=0)
    assert np.mean((low <= mean) & (mean <= high)) > 0.9
    [panel] = roc_figure([Panel("a", "", "split by bearing", False, class_rocs(given), interval)], heading="x").panels
    assert [mark.mark for mark in panel.marks] == ["diagonal", "band", "curve", "curve", "curve"]


def test_the_interval_holds_the_area_and_is_by_bearing_where_classes_have_several() -> None:
    given = made_up(records=6, bearings=6)
    interval = macro_auroc_interval(given, 500, seed=0)
    area = macro_auroc(class_rocs(given))
    assert area is not None
    assert interval.low is not None
    assert interval.high is not None
    assert interval.low < area < interval.high
    assert interval.note == "95 % interval of the macro-AUROC: bearings resampled, 6 a class"
    assert macro_auroc_interval(given, 500, seed=0) == interval


def test_groups_that_disagree_make_the_interval_wide() -> None:
    # One of three bearings a class is always named wrongly: windows alone would seem sure, bearings are not.
    given = made_up(600, skill=50)
    wrong = np.char.endswith(given.bearing_id, "-0")
    given.probabilities[wrong] = given.probabilities[wrong][:, [1, 2, 0]]
    interval = macro_auroc_interval(given, 500, seed=0)
    assert interval.low is not None
    assert interval.high is not None
    assert interval.high - interval.low > 0.3


def test_with_one_bearing_a_class_the_interval_is_by_recording_and_says_what_that_means() -> None:
    interval = macro_auroc_interval(made_up(bearings=1), 200, seed=0)
    assert interval.low is not None
    made = "95 % interval of the macro-AUROC: recordings resampled, 3 a class"
    assert interval.note == f"{made}; too narrow, as they share bearings"
    assert interval.unit == "recording"


def test_with_one_recording_of_a_class_there_is_no_interval() -> None:
    interval = macro_auroc_interval(made_up(records=1), 200, seed=0)
    assert (interval.low, interval.high) == (None, None)
    assert interval.note == "no interval: one recording a class"


def test_resamples_that_are_all_alike_are_no_interval() -> None:
    interval = macro_auroc_interval(made_up(skill=50), 200, seed=0)
    assert (interval.low, interval.high) == (None, None)
    assert interval.note == "no interval: each draw of 3 bearings a class gives the same area"


def test_a_lone_recording_is_named_where_other_classes_have_several() -> None:
    given = made_up(records=2, bearings=2)
    kept = ~((given.y_true == 1) & (given.record % 2 == 1))
    fewer = Predictions(
        CLASSES,
        *(getattr(given, name)[kept] for name in ("record", "start", "bearing_id", "y_true", "probabilities")),
    )
    assert macro_auroc_interval(fewer, 100, seed=0).note == "no interval: one recording of inner_race"


def test_no_interval_is_made_where_none_is_asked_for_or_one_class_is_left() -> None:
    assert macro_auroc_interval(made_up(), 0, seed=0).low is None
    assert macro_auroc_interval(made_up(present=1), 100, seed=0).note == "no interval: the part holds one class only"


def panel(given: Predictions, *, leaky: bool = False) -> Panel:
    interval = macro_auroc_interval(given, 100, seed=0)
    return Panel(
        "cnn1d on bench  (experiment 3)",
        "accuracy 0.812 of windows",
        "split by bearing: 3 bearings",
        leaky,
        class_rocs(given),
        interval,
        ["one test bearing of each class: another deal may score otherwise"],
    )


def test_the_figure_carries_title_stamp_areas_and_interval_as_text(tmp_path: Path) -> None:
    figure = roc_figure([panel(made_up()), panel(made_up(present=2))], heading="ROC, test part", footnote="a footnote")
    save(figure, tmp_path / "roc.png", tmp_path / "roc.svg")
    text = (tmp_path / "roc.svg").read_text(encoding="utf-8")
    area = class_rocs(made_up())[1].auroc
    for expected in (
        "ROC, test part",
        ["cnn1d on bench", "(experiment 3)"][0],
        "split by bearing: 3 bearings",
        "accuracy 0.812 of windows",
        "windows, 3 bearings)",
        f"{area:.3f}",
        "inner race",
        "0.500",
        "no window in this part",
        "over 2 of 3 classes",
        "95 % interval of the macro-AUROC: bearings resampled, 3 a",
        "CAUTION: one test bearing of each class",
        "a footnote",
    ):
        assert expected in text
    pixels = imread(tmp_path / "roc.png")
    assert pixels.shape[0] > 600
    assert pixels.shape[1] > 1000
    assert pixels.std() > 0.05


@pytest.mark.parametrize(("panels", "grid"), [(1, (1, 1)), (3, (1, 3)), (4, (2, 2)), (7, (3, 3))])
def test_panels_stand_in_a_grid(panels: int, grid: tuple[int, int]) -> None:
    figure = draw(roc_figure([panel(made_up())] * panels, heading="ROC"))
    spec = figure.axes[0].get_subplotspec()
    assert spec is not None
    assert spec.get_gridspec().get_geometry() == grid
    assert sum(axis.get_visible() for axis in figure.axes) == panels


@pytest.mark.parametrize(("bearings", "coarse"), [(5, True), (6, False)])
def test_an_interval_by_few_bearings_says_how_coarse_it_is(bearings: int, coarse: bool) -> None:
    interval = macro_auroc_interval(made_up(records=bearings, bearings=bearings), 100, seed=0)
    assert interval.unit == "bearing"
    assert interval.note.partition("; ")[2] == ("coarse, as 5 can be drawn in 126 ways only" if coarse else "")


def test_cautions_are_drawn_above_all_else_and_their_panel_grows() -> None:
    def drawn(*cautions: str) -> Figure:
        return draw(roc_figure([replace(panel(made_up()), cautions=cautions)], heading="ROC"))

    plain, warned = drawn(), drawn("one test bearing of each class", "a long one, " * 20)
    assert not any("CAUTION" in text.get_text() for text in plain.axes[0].texts)
    [text] = [text for text in warned.axes[0].texts if "CAUTION" in text.get_text()]
    assert text.get_text().count("CAUTION: ") == 2
    assert text.get_color() not in {text.get_color() for text in plain.axes[0].texts}
    assert warned.get_size_inches()[1] > plain.get_size_inches()[1]


def test_a_leaky_stamp_is_drawn_in_another_colour() -> None:
    colours = [
        {text.get_color() for text in draw(roc_figure([panel(made_up(), leaky=leaky)], heading="ROC")).axes[0].texts}
        for leaky in (False, True)
    ]
    assert colours[0] != colours[1]


def test_the_same_figure_gives_the_same_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save(roc_figure([panel(made_up())], heading="ROC"), tmp_path / f"{name}.png", tmp_path / f"{name}.svg")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_drawing_needs_no_pyplot() -> None:
    # In an interpreter of its own: SHAP, which another test may have loaded in this one, imports it.
    code = "import sys, pfd_plugin_evaluation.figure, pfd_plots.files; sys.exit('matplotlib.pyplot' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
