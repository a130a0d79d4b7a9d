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


def written(figure: Figure, folder: Path) -> None:
    """Write both files of a figure.  Fails where one cannot be written, or its SVG is no XML."""
    save(figure, folder / "f.png", folder / "f.svg")
    ET.parse(folder / "f.svg")


def test_features_of_any_name_are_drawn(tmp_path: Path) -> None:
    names = [name for text in HOSTILE for name in (text, f"{text}c")]
    assert len(names) <= figures.SHOWN
    random = np.random.default_rng(0)
    scores: Matrix = random.uniform(-0.2, 0.4, len(names))
    matrix: Any = np.corrcoef(random.standard_normal((len(names), 50)))
    about: dict[str, Any] = {"of": " ".join(HOSTILE), "notes": ["ours"], "cautions": HOSTILE}
    spread = {"permutation": np.abs(scores)}
    written(figures.importance_figure(names, {"forest": scores, "permutation": scores}, spread, **about), tmp_path)
    written(figures.selection_figure(names, scores, 2, " ".join(HOSTILE), **about), tmp_path)
    written(figures.correlation_figure(names, matrix, cluster(matrix, 0.9), 0.9, **about), tmp_path)


@pytest.mark.parametrize("text", HOSTILE, ids=[ascii(text)[:20] for text in HOSTILE])
def test_a_text_alone_is_drawn_wherever_a_figure_has_one(tmp_path: Path, text: str) -> None:
    about: dict[str, Any] = {"of": text, "notes": [text, "ours"], "cautions": [text]}
    written(figures.selection_figure([text, "b"], np.array([0.4, -0.2]), 1, text, **about), tmp_path)
