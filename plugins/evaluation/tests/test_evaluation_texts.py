"""Foreign texts in the figure of a ROC analysis."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pfd_plots import draw, save
from pfd_plugin_evaluation import class_rocs, macro_auroc_interval
from pfd_plugin_evaluation.figure import Panel, roc_figure
from pfd_plugin_training import Predictions
from tests.support.hostile import HOSTILE


@pytest.mark.parametrize("text", HOSTILE, ids=[ascii(text)[:20] for text in HOSTILE])
def test_classes_experiments_and_splits_of_any_name_are_drawn(tmp_path: Path, text: str) -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 60)
    p = rng.dirichlet([1, 1], 60).astype(np.float32)
    bearing = np.array([f"b{number % 4}" for number in range(60)])
    predictions = Predictions(("normal", "ball"), y, np.zeros(60, np.int64), bearing, y, p)
    curves = [replace(curve, name=text) for curve in class_rocs(predictions)]
    interval = replace(macro_auroc_interval(predictions, 20, seed=0), note=text)
    figure = roc_figure([Panel(text, text, text, True, curves, interval, [text])], heading="ROC")
    save(figure, tmp_path / "roc.png", tmp_path / "roc.svg")
    ET.parse(tmp_path / "roc.svg")
    picture = draw(figure)
    legend = picture.axes[0].get_legend()
    assert legend is not None
    assert len(legend.get_texts()) == 4  # two classes, the band, and chance
    assert picture.get_size_inches()[1] < 20
