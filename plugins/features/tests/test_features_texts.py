"""Foreign texts in the figures of importance, selection and correlation."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pfd.views import Figure
from pfd_plots import save
from pfd_plugin_features import figures
from pfd_plugin_features.correlation import cluster
from pfd_plugin_features.learning import Matrix
from tests.support.hostile import HOSTILE


def drawn(text: str) -> list[Figure]:
    names = [text, "b", f"{text}c", "d"]
    scores: Matrix = np.array([0.4, 0.3, -0.2, 0.1])
    spread: Matrix = np.abs(scores)
    about: dict[str, Any] = {"of": text, "notes": [text, "ours"], "cautions": [text]}
    matrix: Any = np.corrcoef(np.random.default_rng(0).standard_normal((4, 50)))
    return [
        figures.importance_figure(names, {"forest": scores, "permutation": scores}, {"permutation": spread}, **about),
        figures.selection_figure(names, scores, 2, text, **about),
        figures.correlation_figure(names, matrix, cluster(matrix, 0.9), 0.9, **about),
    ]


@pytest.mark.parametrize("text", HOSTILE, ids=[ascii(text)[:20] for text in HOSTILE])
def test_features_and_datasets_of_any_name_are_drawn(tmp_path: Path, text: str) -> None:
    for figure in drawn(text):
        save(figure, tmp_path / "f.png", tmp_path / "f.svg")
        ET.parse(tmp_path / "f.svg")
