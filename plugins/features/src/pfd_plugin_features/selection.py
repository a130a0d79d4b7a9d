"""Which features to keep, by five methods.  All see the training part only.

A feature that is constant there is never chosen, as long as others are left.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_selection import RFE
from sklearn.svm import LinearSVC

from pfd_plugin_features.importance import mutual_information
from pfd_plugin_features.learning import Labels, Matrix, OnStep, Part, Scaling, is_constant, untold
from pfd_plugin_features.params import SelectFeaturesParams

BINS = 10
"""Equally filled bins that mRMR sees a feature in."""


@dataclass(frozen=True)
class Selection:
    """Features by index, best first, and each one's score `(f,)`, larger being better.  `note` says what a score is."""

    chosen: tuple[int, ...]
    scores: Matrix
    note: str


def select(params: SelectFeaturesParams, train: Part, steps: Callable[[str], OnStep]) -> Selection:
    """Choose features by the method that parameters name; `steps` makes what tells of the steps of something."""
    count, seed = params.n_features, params.random_seed
    if params.method == "variance":
        return by_variance(train, count)
    if params.method == "mutual_information":
        return by_mutual_information(train, count, seed, steps("Measuring feature"))
    if params.method == "mrmr":
        return by_mrmr(train, count, steps("Choosing feature"))
    if params.method == "rfe":
        return by_rfe(train, count, seed, steps("Eliminating feature"))
    return by_stability(train, count, seed, params.n_subsamples, steps("Choosing on half"))


def by_variance(train: Part, count: int) -> Selection:
    """The largest variances, each feature scaled to 0 … 1: leaves out what hardly ever changes."""
    reach = np.ptp(train.x, axis=0)
    low = train.x.min(axis=0)
    scaled = np.divide(train.x - low, reach, out=np.zeros_like(train.x), where=reach > 0)
    return _largest(train, scaled.var(axis=0), count, "variance of the feature scaled to 0 … 1")


def by_mutual_information(train: Part, count: int, seed: int, on_step: OnStep = untold) -> Selection:
    """The largest I(feature; class) (Ross 2014), each by itself: features that say the same are all kept."""
    return _largest(train, mutual_information(train, seed, on_step), count, "mutual information with the class, nats")


def by_mrmr(train: Part, count: int, on_step: OnStep = untold) -> Selection:
    """One after the other, the feature with the largest I(feature; class) less its mean information on those chosen.

    Minimum redundancy, maximum relevance: the difference form of Peng, Long & Ding (IEEE PAMI 27, 2005), on bins that
    are filled equally.
    """
    constant = is_constant(train.x)
    codes = [_binned(column) for column in train.x.T]
    relevance = np.array([_information(code, train.y) for code in codes])
    redundancy = np.zeros(len(codes))
    scores = np.full(len(codes), -np.inf)
    chosen: list[int] = []
    while len(chosen) < count:
        criterion = relevance - redundancy / max(1, len(chosen))
        # A constant one is redundant with nothing.
        criterion[constant] = -np.finfo(np.float64).max
        criterion[chosen] = -np.inf
        best = int(np.argmax(criterion))
        scores[best] = 0.0 if constant[best] else criterion[best]
        chosen.append(best)
        on_step(len(chosen), count)
        redundancy += [_information(code, codes[best]) for code in codes]
    # Of those that were not chosen, what they would have added.
    left = np.flatnonzero(~np.isfinite(scores))
    scores[left] = relevance[left] - redundancy[left] / len(chosen)
    return Selection(tuple(chosen), scores, "relevance less redundancy when it was chosen, nats")


def by_rfe(train: Part, count: int, seed: int, on_step: OnStep = untold) -> Selection:
    """Recursive elimination of the feature of least weight in a linear support vector machine (Guyon et al. 2002)."""
    note = "share of the features that were eliminated before it"
    x = Scaling.fitted(train.x)(train.x)
    steps = itertools.count(1)

    def weights(machine: LinearSVC) -> Matrix:
        on_step(next(steps), x.shape[1] - 1)
        return np.asarray(machine.coef_)

    if x.shape[1] == 1:  # nothing to eliminate, which scikit-learn refuses
        return _largest(train, np.zeros(1), count, note)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the order of weights settles long before their digits
        ranking = RFE(_machine("l2", seed), n_features_to_select=1, importance_getter=weights).fit(x, train.y).ranking_
    scores = 1.0 - ranking / len(ranking)
    return _largest(train, scores, count, note)


def by_stability(train: Part, count: int, seed: int, n_subsamples: int, on_step: OnStep = untold) -> Selection:
    """How often a feature is among the `count` of largest weight in a sparse linear machine on half of the bearings.

    Stability selection (Meinshausen & Bühlmann 2010) on complementary pairs (Shah & Samworth 2013).  Halves are of
    whole bearings where each class has several, else of recordings, else of windows: windows of one bearing are no
    independent evidence.
    """
    noun, groups = _groups(train)
    votes = np.zeros(train.x.shape[1])
    used = 0
    for stream in np.random.SeedSequence([seed, 3]).spawn(-(-n_subsamples // 2)):
        half = _half(train.y, groups, np.random.default_rng(stream))
        for rows in (half, ~half):
            x = Scaling.fitted(train.x[rows])(train.x[rows])
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                weight = np.abs(_machine("l1", seed).fit(x, train.y[rows]).coef_).max(axis=0)
            top = np.argsort(-weight, kind="stable")[:count]
            votes[top[weight[top] > 0]] += 1
            used += 1
        on_step(min(used, n_subsamples), n_subsamples)
    return _largest(train, votes / used, count, f"share of {used} halves, by {noun}, that choose it")


def _machine(penalty: str, seed: int) -> LinearSVC:
    return LinearSVC(penalty=penalty, dual=False, C=0.1, class_weight="balanced", random_state=seed, max_iter=300)


def _largest(train: Part, scores: Matrix, count: int, note: str) -> Selection:
    order = np.lexsort((-scores, is_constant(train.x)))
    return Selection(tuple(int(index) for index in order[:count]), scores, note)


def _binned(column: Matrix) -> Labels:
    edges = np.quantile(column, np.linspace(0, 1, BINS + 1)[1:-1])
    return np.searchsorted(edges, column, side="right").astype(np.int64)


def _information(a: Labels, b: Labels) -> float:
    """Mutual information of two columns of codes in nats, from their counts."""
    joint = np.bincount(a * (b.max() + 1) + b, minlength=(a.max() + 1) * (b.max() + 1))
    p = joint.reshape(a.max() + 1, b.max() + 1) / a.size
    independent = p.sum(axis=1, keepdims=True) * p.sum(axis=0, keepdims=True)
    there = p > 0
    return float(np.sum(p[there] * np.log(p[there] / independent[there])))


def _groups(train: Part) -> tuple[str, npt.NDArray[np.int64]]:
    """What to halve: bearings, where each class has at least two of them, else recordings, else windows."""
    for noun, column in (("bearing", train.bearing_id), ("recording", train.record)):
        _, code = np.unique(column, return_inverse=True)
        if all(np.unique(code[train.y == index]).size > 1 for index in np.unique(train.y)):
            return noun, code.astype(np.int64)
    return "window", np.arange(len(train), dtype=np.int64)


def _half(y: Labels, groups: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Half of the groups of each class, at random, so that both halves hold every class."""
    half = np.zeros(len(y), dtype=np.bool_)
    for index in np.unique(y):
        own = rng.permutation(np.unique(groups[y == index]))
        half |= (y == index) & np.isin(groups, own[: len(own) // 2])
    return half
