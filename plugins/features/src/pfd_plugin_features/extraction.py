"""From batches of windows to rows of features."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from pfd_plugin_features.envelope_domain import ENVELOPE
from pfd_plugin_features.feature import Feature
from pfd_plugin_features.frequency_domain import FREQUENCY
from pfd_plugin_features.time_domain import TIME
from pfd_plugin_features.windows import Condition, Floats, Windows

VERSION = 1
"""Raised whenever the definition of a feature changes, so that a stored table says by which definitions it was made."""

FEATURES: tuple[Feature, ...] = (*TIME, *FREQUENCY, *ENVELOPE)
"""All features, in the order of the table's columns."""


def choose(domains: Iterable[str], conditions: Sequence[Condition]) -> tuple[tuple[Feature, ...], dict[str, str]]:
    """The features of some domains that can be computed under every condition, and why each other one cannot.

    A column is there for all recordings or for none: a value that is missing only where the speed is unknown would tell
    a classifier which recordings those are.
    """
    wanted = set(domains)
    present: list[Feature] = []
    absent: dict[str, str] = {}
    for feature in FEATURES:
        if feature.domain not in wanted:
            continue
        reasons = [reason for condition in conditions if (reason := feature.absence(condition)) is not None]
        if reasons:
            absent[feature.name] = f"{reasons[0]} ({len(reasons)} of {len(conditions)} recordings)"
        else:
            present.append(feature)
    return tuple(present), absent


def usable(x: Floats) -> npt.NDArray[np.bool_]:
    """Which windows, `(n,)`, can be described: all samples finite, and not all the same."""
    return np.asarray(np.isfinite(x).all(axis=1) & (np.ptp(x, axis=1) > 0))


def compute(features: Sequence[Feature], x: Floats, condition: Condition) -> npt.NDArray[np.float64]:
    """Features `(n, len(features))` of windows `(n, window)` of one recording."""
    windows = Windows(x, condition)
    return np.stack([feature.compute(windows) for feature in features], axis=1)
