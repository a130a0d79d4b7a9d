"""A random forest on features."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_DEFLATED, BadZipFile

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import RandomForestClassifier
from skops import io as skops
from skops.io.exceptions import UntrustedTypesFoundException

from pfd import DataError, replacing

TRUSTED = ("sklearn.tree._tree.Tree",)
"""What a forest's file may hold beside skops' own list.  Fixed: what a file says of itself is no reason to trust it."""

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


def save_forest(path: Path, forest: RandomForestClassifier) -> None:
    with replacing(path) as temporary:
        skops.dump(forest, temporary, compression=ZIP_DEFLATED)


def load_forest(path: Path) -> RandomForestClassifier:
    """Load a forest without unpickling anything.

    Raises
    ------
    DataError : the file is missing or damaged, or holds anything that a forest does not.
    """
    try:
        forest = skops.load(path, trusted=list(TRUSTED))
    except UntrustedTypesFoundException as error:
        raise DataError(f"{path} holds types that no forest has: {error}", hint="do not use this file") from error
    except (OSError, BadZipFile, KeyError, ValueError, TypeError) as error:
        raise DataError(f"{path} cannot be read: {str(error).splitlines()[0]}", hint="train the model again") from error
    if not isinstance(forest, RandomForestClassifier):
        raise DataError(f"{path} holds a {type(forest).__name__}, not a forest", hint="train the model again")
    return forest
