"""Which features say the same: their correlation, and clusters of those that go together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.cluster.hierarchy import fcluster, leaves_list, linkage
from scipy.spatial.distance import squareform
from scipy.stats import rankdata

from pfd_plugin_features.learning import Matrix


@dataclass(frozen=True)
class Clusters:
    """Features grouped by |correlation|.

    Parameters
    ----------
    members : of each cluster, by index, the one that stands for it first; the largest cluster first.
    tree : the linkage `(f − 1, 4)` of SciPy, at distances 1 − |correlation|.
    order : all features, `(f,)`, as the tree lists them.
    """

    members: tuple[tuple[int, ...], ...]
    tree: Matrix
    order: tuple[int, ...]


def correlation(x: Matrix, method: Literal["pearson", "spearman"]) -> Matrix:
    """Correlation `(f, f)` of the columns of `(n, f)`, of the values or of their ranks.  None may be constant."""
    values = x if method == "pearson" else rankdata(x, axis=0)
    found = np.clip(np.atleast_2d(np.corrcoef(values, rowvar=False)), -1.0, 1.0)
    np.fill_diagonal(found, 1.0)
    return np.asarray((found + found.T) / 2)


def cluster(matrix: Matrix, threshold: float) -> Clusters:
    """Clusters in which each two features correlate by `threshold` at least, either way.

    Hierarchical, by complete linkage: the distance of two clusters is that of their farthest members.  The one that
    stands for a cluster has the largest mean |correlation| with the others of it.
    """
    strength = np.abs(matrix)
    tree = linkage(squareform(1 - strength, checks=False), "complete")
    label = fcluster(tree, 1 - threshold, "distance")
    members = []
    for index in np.unique(label):
        own = np.flatnonzero(label == index)
        likeness = strength[np.ix_(own, own)].mean(axis=1)
        members.append(tuple(int(i) for i in own[np.argsort(-likeness, kind="stable")]))
    members.sort(key=lambda one: (-len(one), one))
    return Clusters(tuple(members), np.asarray(tree), tuple(int(i) for i in leaves_list(tree)))
