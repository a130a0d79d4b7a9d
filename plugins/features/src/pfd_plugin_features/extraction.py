"""From batches of windows, and what is known of their recording, to rows of features."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from pfd_plugin_data import RecordingInfo, SpeedProfile, fault_orders, is_constant
from pfd_plugin_features.batch import Floats, Windows
from pfd_plugin_features.bispectrum_domain import BISPECTRUM
from pfd_plugin_features.complexity import COMPLEXITY
from pfd_plugin_features.condition import Condition
from pfd_plugin_features.envelope_domain import ENVELOPE, line_orders
from pfd_plugin_features.feature import Feature
from pfd_plugin_features.frequency_domain import FREQUENCY
from pfd_plugin_features.general_domain import GENERAL
from pfd_plugin_features.kurtogram import KURTOGRAM
from pfd_plugin_features.orders import ORDER_TRACKING
from pfd_plugin_features.packets import WAVELET_PACKETS
from pfd_plugin_features.time_domain import TIME
from pfd_plugin_features.wavelet_domain import WAVELETS

VERSION = 3
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


def condition_of(
    info: RecordingInfo, rate: float, bandwidth: float, window: int, profile: SpeedProfile | None = None
) -> Condition:
    """The condition of the windows of a recording; `profile` is the course of its speed, where that is stored."""
    # A shaft at rest has no harmonics: 0 rpm tells no more than an unknown speed.
    shaft_hz, span, why = info.rpm / 60 if info.rpm else None, None, "the speed is unknown"
    if profile is None and info.speed_changes:
        # A mean over the recording would be right in none of its windows.
        shaft_hz, why = None, "the speed changes, and its course is not stored"
    elif profile is not None and profile.slowest_hz == 0:
        shaft_hz, why = None, "the shaft stands for a while"
    elif profile is not None:
        shaft_hz = float(profile.mean_hz(0.0, info.n_samples / info.sample_rate_hz))
        span = (profile.slowest_hz, profile.fastest_hz)
    return Condition(
        sample_rate_hz=rate,
        window=window,
        bandwidth_hz=bandwidth,
        shaft_hz=shaft_hz,
        shaft_span_hz=span,
        no_speed=why,
        orders=line_orders(fault_orders(info.geometry)) if info.geometry else {},
    )


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
        reasons = [reason for condition in conditions if (reason := feature.missing(condition)) is not None]
        if reasons:
            absent[feature.name] = f"{reasons[0]} ({len(reasons)} of {len(conditions)} recordings)"
        else:
            present.append(feature)
    return tuple(present), absent


def usable(x: Floats) -> npt.NDArray[np.bool_]:
    """Which windows, `(n,)`, can be described: all samples finite, and not all the same but for rounding."""
    found = np.asarray(np.isfinite(x).all(axis=1))
    found[found] = ~is_constant(x[found])
    return np.asarray(found)


def compute(
    features: Sequence[Feature],
    x: Floats,
    condition: Condition,
    *,
    shaft_hz: npt.NDArray[np.float64] | None = None,
    threads: int = 1,
) -> npt.NDArray[np.float64]:
    """Features `(n, len(features))` of windows `(n, window)` of one recording.

    `shaft_hz` is the mean speed of each window, `(n,)`, where the speed changes within the recording.

    Windows are taken in blocks that stay in the processor's cache, `threads` of them at a time: NumPy, SciPy and
    PyWavelets let go of the interpreter while they compute.
    """
    if (shaft_hz is None) != (condition.shaft_span_hz is None):
        raise ValueError("each window's own speed is needed where the speed changes, and there only")
    size = max(1, BLOCK_SAMPLES // condition.window)
    firsts = range(0, len(x), size)

    def of(first: int) -> npt.NDArray[np.float64]:
        block = x[first : first + size]
        windows = Windows(block, condition)
        if shaft_hz is None:
            return np.stack([feature.compute(windows) for feature in features], axis=1)
        # One by one, each at its own speed, what goes by it: as many turns or lines as there are windows.
        own = [Windows(block[[i]], condition.at(float(hz))) for i, hz in enumerate(shaft_hz[first : first + size])]
        columns = [
            np.concatenate([feature.compute(one) for one in own]) if feature.needs_speed else feature.compute(windows)
            for feature in features
        ]
        return np.stack(columns, axis=1)

    if threads == 1 or len(firsts) == 1:
        return np.concatenate([of(first) for first in firsts])
    with ThreadPoolExecutor(min(threads, len(firsts))) as pool:
        return np.concatenate(list(pool.map(of, firsts)))
