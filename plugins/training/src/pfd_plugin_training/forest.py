"""A random forest on features."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import RandomForestClassifier

STEP = 10
"""Trees grown between two looks at whether the job is to stop."""


def fit_forest(
    x: npt.NDArray[np.float64],
    y: npt.NDArray[np.int64],
    *,
    n_estimators: int,
    seed: int,
    threads: int = 1,
    on_trees: Callable[[int], None] | None = None,
) -> RandomForestClassifier:
    """Grow a forest (Breiman 2001) on features `(n, f)`, each class counting the same.

    It is grown in steps; the trees are those of one call.
    """
    classes, counts = np.unique(y, return_counts=True)
    balanced = {int(c): len(y) / (len(classes) * n) for c, n in zip(classes, counts, strict=True)}
    forest = RandomForestClassifier(
        n_estimators=0, class_weight=balanced, random_state=seed, n_jobs=threads, warm_start=True
    )
    for grown in [*range(STEP, n_estimators, STEP), n_estimators]:
        forest.set_params(n_estimators=grown)
        forest.fit(x, y)
        if on_trees is not None:
            on_trees(grown)
    return forest
