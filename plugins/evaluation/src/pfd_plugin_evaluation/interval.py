"""How sure a macro-AUROC is: a bootstrap over what is independent, bearings or recordings, never windows."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from pfd_plugin_training import Predictions

Floats = npt.NDArray[np.float64]

LEVEL = 0.95

GRID = np.linspace(0, 1, 101)
"""False positive rates at which a band has its ends."""

COARSE = 6
"""Bearings of a class from which on an interval is not called coarse: six can be drawn in 462 ways, five in 126."""


@dataclass(frozen=True)
class Interval:
    """A 95 % percentile interval.

    Parameters
    ----------
    low, high : its ends; None where it cannot be had.
    note : how it was made, or why it was not.
    unit : what was resampled, `bearing` or `recording`; None where nothing was.
    band : of the true positive rate, the mean over classes, its ends at each of `GRID`; pointwise, by the same draws.
    """

    low: float | None
    high: float | None
    note: str
    unit: str | None = None
    band: tuple[Floats, Floats] | None = field(default=None, compare=False)


def macro_auroc_interval(predictions: Predictions, n_bootstrap: int, seed: int) -> Interval:
    """Resample the groups of each class with replacement (a stratified cluster bootstrap; Field & Welsh 2007).

    A group is a bearing where each class has several, else a recording where each class has several.
    """
    y = predictions.y_true
    present = np.unique(y)
    if n_bootstrap == 0:
        return Interval(None, None, "no interval: none was asked for")
    if present.size < 2:
        return Interval(None, None, "no interval: the part holds one class only")
    found = _groups(predictions)
    if found is None:
        lone = [predictions.classes[i] for i in present if np.unique(predictions.record[y == i]).size == 1]
        which = "a class" if len(lone) == present.size else f"of {', '.join(lone)}"
        return Interval(None, None, f"no interval: one recording {which}")
    noun, group = found
    members = [np.unique(group[y == index]) for index in present]
    ranked = [_Ranked(y == index, predictions.probabilities[:, index]) for index in present]
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    macros, means = np.empty(n_bootstrap), np.empty((n_bootstrap, GRID.size))
    for round_ in range(n_bootstrap):
        times = np.zeros(group.max() + 1)
        for own in members:
            np.add.at(times, rng.choice(own, own.size), 1.0)
        weight = times[group]
        tallies = [ranks.tallies(weight) for ranks in ranked]
        macros[round_] = np.mean([auroc(*of) for of in tallies])
        means[round_] = np.mean([rates(*of) for of in tallies], axis=0)
    ends = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    low, high = np.quantile(macros, ends)
    sizes = sorted({own.size for own in members})
    count = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    if low == high:
        return Interval(None, None, f"no interval: each draw of {count} {noun}s a class gives the same area")
    note = f"95 % interval of the macro-AUROC: {noun}s resampled, {count} a class"
    if noun == "recording":
        note += "; too narrow, as they share bearings"
    elif sizes[0] < COARSE:
        ways = math.comb(2 * sizes[0] - 1, sizes[0])
        note += f"; coarse, as {sizes[0]} can be drawn in {ways} ways only"
    lower, upper = np.quantile(means, ends, axis=0)
    return Interval(float(low), float(high), note, noun, (lower, upper))


def _groups(predictions: Predictions) -> tuple[str, npt.NDArray[np.int64]] | None:
    """What to resample, and the group of each window; None where some class has one group only."""
    for noun, column in (("bearing", predictions.bearing_id), ("recording", predictions.record)):
        # A bearing that was healthy and then failed is a group of each of its classes.
        _, code = np.unique(column, return_inverse=True)
        group = code.astype(np.int64) * len(predictions.classes) + predictions.y_true
        if all(np.unique(group[predictions.y_true == index]).size > 1 for index in np.unique(predictions.y_true)):
            return noun, np.unique(group, return_inverse=True)[1]
    return None


class _Ranked:
    """Windows in the order of one class's probability, ties joined, so that each resample costs no sort."""

    def __init__(self, positive: npt.NDArray[np.bool_], score: npt.NDArray[np.floating[Any]]) -> None:
        self.order = np.argsort(score, kind="stable")
        ordered = score[self.order]
        self.first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        self.positive = positive[self.order]

    def tallies(self, weight: Floats) -> tuple[Floats, Floats]:
        """The weights of positive and of negative windows at each score, upwards; windows are weighted `(n,)`."""
        weight = weight[self.order]
        up = np.add.reduceat(np.where(self.positive, weight, 0.0), self.first)
        return up, np.add.reduceat(np.where(self.positive, 0.0, weight), self.first)


def auroc(up: Floats, down: Floats) -> float:
    """P(positive ranks above negative) + P(tie) / 2 (Mann & Whitney 1947)."""
    below = np.cumsum(down) - down
    return float(np.sum(up * (below + down / 2)) / (up.sum() * down.sum()))


def rates(up: Floats, down: Floats) -> Floats:
    """The true positive rate at each false positive rate of `GRID`; at a step, its upper end."""
    tpr, fpr = (np.r_[0.0, np.cumsum(one[::-1]) / one.sum()] for one in (up, down))
    return np.asarray(np.interp(GRID, fpr, tpr), np.float64)
