"""Cautions: what has to be known of a score before it is believed, in plain words and with the figures.

A caution is there only where its condition holds, and names whom it concerns.  Those that rest on bearings and splits
alone are made here; those of a model's scores where models are.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FEW = {1: "one", 2: "two"}
"""Bearings of a class that call for caution; of three, one that is odd no longer makes half the score of the class."""

MOST_IN_BRIEF = 3
"""Cautions that a status tells; of further ones it gives the number."""


@dataclass(frozen=True)
class Caution:
    """One thing to know of a score.

    Parameters
    ----------
    subject : whose score, such as `random_forest (experiment 3)`.
    brief : what it is, in the few words that fit into a status.
    text : what it is and what follows from it, with the figures.
    """

    subject: str
    brief: str
    text: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.text}"


def few_bearings(
    subject: str, part: str, classes: Sequence[str], y: npt.NDArray[np.integer], bearing_id: npt.NDArray[np.str_]
) -> list[Caution]:
    """One caution where classes of a part rest on fewer than three bearings.

    `y` are indices into `classes` and `bearing_id` the bearings of the windows, `(n,)`.  A class without a window is no
    matter of this.
    """
    counts = {int(index): int(np.unique(bearing_id[y == index]).size) for index in np.unique(y)}
    told = []
    for count, word in FEW.items():
        of = [classes[index] for index, bearings in counts.items() if bearings == count]
        if of:
            which = "of each class" if len(of) == len(counts) else "for " + ", ".join(f"'{name}'" for name in of)
            told.append(f"{word} {part} bearing{'s' if count > 1 else ''} {which}")
    if not told:
        return []
    brief = ", ".join(told)
    return [Caution(subject, brief, f"{brief}: another deal of the bearings may score quite differently")]


def leakage(subject: str, leaks: Sequence[str]) -> list[Caution]:
    """One caution where training has looked at what is judged; `leaks` says how, once for each way."""
    if not leaks:
        return []
    text = f"leaky split ({', '.join(leaks)}): its scores say nothing about recordings that are yet to come"
    return [Caution(subject, "leaky split", text)]


def leak(subject: str, leaky: bool, stamp: str) -> list[Caution]:
    """The earlier form of `leakage`, which took how it leaks from the text of a provenance."""
    message = "leak(subject, leaky, stamp) is leakage(subject, leaks) now, and goes with the next version"
    warnings.warn(message, DeprecationWarning, stacklevel=2)
    said = [clause.removeprefix("LEAKY: ") for clause in stamp.split("; ") if clause.startswith("LEAKY: ")]
    return leakage(subject, said or ["how is not said"]) if leaky else []


def in_brief(cautions: Sequence[Caution], *, subjects: bool = False) -> str:
    """Words for the end of a status, ` (2 cautions: …)`; none where there is nothing to say.

    `subjects` says whom each concerns, where the status is about several.  What concerns several is told once.
    """
    if not cautions:
        return ""
    whom: dict[str, list[str]] = {}
    for caution in cautions:
        whom.setdefault(caution.brief, []).append(caution.subject)
    told = [f"{brief}: {', '.join(names)}" if subjects else brief for brief, names in whom.items()]
    if len(told) > MOST_IN_BRIEF:
        told = [*told[:MOST_IN_BRIEF], f"{len(told) - MOST_IN_BRIEF} more"]
    return f" ({len(cautions)} caution{'s' if len(cautions) > 1 else ''}: {'; '.join(told)})"
