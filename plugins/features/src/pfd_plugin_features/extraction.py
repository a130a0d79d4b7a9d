"""From batches of windows to rows of features."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from pfd_plugin_features.bispectrum_domain import BISPECTRUM
from pfd_plugin_features.complexity import COMPLEXITY
from pfd_plugin_features.envelope_domain import ENVELOPE
from pfd_plugin_features.feature import Feature
from pfd_plugin_features.frequency_domain import FREQUENCY
from pfd_plugin_features.general_domain import GENERAL
from pfd_plugin_features.kurtogram import KURTOGRAM
from pfd_plugin_features.orders import ORDER_TRACKING
from pfd_plugin_features.packets import WAVELET_PACKETS
from pfd_plugin_features.time_domain import TIME
from pfd_plugin_features.wavelet_domain import WAVELETS
from pfd_plugin_features.windows import Condition, Floats, Windows

VERSION = 1
"""Raised whenever the definition of a feature changes, so that a stored table says by which definitions it was made."""

BLOCK_SAMPLES = 64 * 2048
"""Samples of a block of windows: 1 MiB, which fits the second cache of a core."""

FEATURES: tuple[Feature, ...] = (
    *TIME,
    *FREQUENCY,
    *ENVELOPE,
    *WAVELETS,
    *BISPECTRUM,
    *WAVELET_PACKETS,
    *COMPLEXITY,
    *KURTOGRAM,
    *ORDER_TRACKING,
    *GENERAL,
)
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


def compute(
    features: Sequence[Feature], x: Floats, condition: Condition, *, threads: int = 1
) -> npt.NDArray[np.float64]:
    """Features `(n, len(features))` of windows `(n, window)` of one recording.

    Windows are taken in blocks that stay in the processor's cache, `threads` of them at a time: NumPy, SciPy and
    PyWavelets let go of the interpreter while they compute.
    """
    size = max(1, BLOCK_SAMPLES // condition.window)
    blocks = [x[first : first + size] for first in range(0, len(x), size)]

    def of(block: Floats) -> npt.NDArray[np.float64]:
        windows = Windows(block, condition)
        return np.stack([feature.compute(windows) for feature in features], axis=1)

    if threads == 1 or len(blocks) == 1:
        return np.concatenate([of(block) for block in blocks])
    with ThreadPoolExecutor(min(threads, len(blocks))) as pool:
        return np.concatenate(list(pool.map(of, blocks)))
