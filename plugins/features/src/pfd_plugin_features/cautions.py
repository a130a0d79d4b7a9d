"""Cautions beside what a forest on features scores on the validation part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pfd_plugin_data import Caution, few_bearings, leakage
from pfd_plugin_features.learning import LearningTable


def cautions_of(subject: str, table: LearningTable, reached: float | None, leaks: Sequence[str] = ()) -> list[Caution]:
    """What has to be known of importances or of a selection, what weighs most first.

    `reached` is the balanced accuracy on the validation part, None where the split has none; `leaks` as for `leakage`.
    """
    found = leakage(subject, leaks)
    if table.validation is None or reached is None:
        text = "no validation part: that a model does well on these features has not been seen on any recording"
        return [*found, Caution(subject, "no validation part", text)]
    y, bearing_id = table.validation.y, table.validation.bearing_id
    present = np.unique(y).size
    if present > 1 and reached <= 1 / present + 1e-9:
        text = (
            f"a forest on them reaches a balanced validation accuracy of {reached:.3f}, no better than naming one of "
            f"{present} classes unseen ({1 / present:.3f})"
        )
        found.append(Caution(subject, "a forest no better than a guess", text))
    return [*found, *few_bearings(subject, "validation", table.classes, y, bearing_id)]


def lost_by_selection(subject: str, n_all: int, reached: float | None, reached_all: float | None) -> list[Caution]:
    """One caution where a forest does worse on the chosen features than on all `n_all` of them."""
    if reached is None or reached_all is None or reached >= reached_all:
        return []
    figures = f"balanced validation accuracy {reached:.3f}, and {reached_all:.3f} on all {n_all}"
    return [Caution(subject, f"worse than all {n_all} features", f"a forest does worse on them than on all: {figures}")]
