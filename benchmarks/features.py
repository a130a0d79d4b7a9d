"""Features of windows in a batch, beside TSFEL: the same features, with the same values.

Which these are, and what makes the values equal, is in `docs/reference/features.md`; before anything is timed, they are
compared once more.
"""

from __future__ import annotations

import inspect
import os
import time
import warnings
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.measure import Comparison, Side, interleaved

WINDOW = 2048
RATE = 12_000.0
WINDOWS = 512
PEER_WINDOWS = 24
"""TSFEL takes one window after the other, so the time of one is known from a few."""

DOMAINS = ("time", "frequency", "envelope", "wavelet", "bispectrum", "advanced", "general")

Signals = npt.NDArray[np.float64]


def signals(count: int) -> npt.NDArray[np.float32]:
    """Bursts of a resonance in noise, as recordings are stored."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((count, WINDOW))
    time_s = np.arange(WINDOW) / RATE
    for moment in np.arange(0.001, time_s[-1], 1 / 107):
        after = np.maximum(time_s - moment, 0)
        x += 3 * (time_s >= moment) * np.exp(-1500 * after) * np.sin(2 * np.pi * 3000 * after)
    return np.asarray(x, np.float32)


def centred(x: npt.NDArray[np.float32]) -> Signals:
    """The same about their mean, which PFD takes away by itself, and TSFEL does not."""
    exact = x.astype(np.float64)
    return np.asarray(exact - exact.mean(axis=1, keepdims=True))


def shared() -> tuple[list[Any], Any]:
    """Our features that TSFEL has with equal values, and the condition they are computed under."""
    from pfd_plugin_features import EQUAL_TO_TSFEL, FEATURES
    from pfd_plugin_features.condition import Condition

    by_name = {feature.name: feature for feature in FEATURES}
    return [by_name[reference.feature] for reference in EQUAL_TO_TSFEL], Condition(RATE, WINDOW, RATE / 2)


def functions() -> dict[str, Callable[[Signals], Any]]:
    """The functions of TSFEL that give these features, each by its name."""
    from tsfel.feature_extraction import features as tsfel

    from pfd_plugin_features import EQUAL_TO_TSFEL

    found: dict[str, Callable[[Signals], Any]] = {}
    for reference in EQUAL_TO_TSFEL:
        function = getattr(tsfel, reference.function)
        with_rate = "fs" in inspect.signature(function).parameters
        found[reference.function] = partial(function, fs=RATE) if with_rate else function
    return found


def configuration() -> dict[str, Any]:
    """The same for TSFEL's extractor, with the parameters that TSFEL itself sets."""
    import tsfel

    wanted = set(functions())
    # A feature that is not in TSFEL's own list cannot be asked of its extractor.
    return {
        domain: kept
        for domain, features in tsfel.get_features_by_domain().items()
        if (
            kept := {
                name: {**one, "use": "yes"}
                for name, one in features.items()
                if one["function"].rpartition(".")[2] in wanted
            }
        )
    }


def check() -> int:
    """How many features were found equal to 1e-6; ends the benchmark where one is not."""
    from pfd_plugin_features import EQUAL_TO_TSFEL
    from pfd_plugin_features.extraction import compute

    chosen, condition = shared()
    x = signals(4)
    ours = compute(chosen, x, condition)
    theirs = functions()
    for row, window in enumerate(centred(x)):
        for column, reference in enumerate(EQUAL_TO_TSFEL):
            found = theirs[reference.function](window)
            value = reference.convert(float(found if reference.part is None else found[reference.part]), RATE, WINDOW)
            if not np.isclose(ours[row, column], value, rtol=1e-6, atol=1e-12):
                raise SystemExit(f"{reference.feature}: {ours[row, column]!r} is not TSFEL's {value!r}")
    return len(chosen)


def measure(runs: int) -> list[Comparison]:
    os.environ["OMP_NUM_THREADS"] = "1"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what TSFEL and its libraries warn of is no concern here
        return _measure(runs)


def _measure(runs: int) -> list[Comparison]:
    import tsfel

    from pfd_plugin_features.extraction import compute

    number = check()
    chosen, condition = shared()
    windows, few = signals(WINDOWS), signals(PEER_WINDOWS)
    theirs = centred(few)
    direct, config = list(functions().values()), configuration()

    def batch() -> float:
        began = time.perf_counter()
        compute(chosen, windows, condition)
        return (time.perf_counter() - began) / WINDOWS * 1e3

    def one_by_one() -> float:
        began = time.perf_counter()
        for index in range(PEER_WINDOWS):
            compute(chosen, few[index : index + 1], condition)
        return (time.perf_counter() - began) / PEER_WINDOWS * 1e3

    def called() -> float:
        began = time.perf_counter()
        for window in theirs:
            for function in direct:
                function(window)
        return (time.perf_counter() - began) / PEER_WINDOWS * 1e3

    def extracted() -> float:
        began = time.perf_counter()
        # Not a list, nor several jobs: for these TSFEL starts processes, which takes longer still.
        for window in theirs:
            tsfel.time_series_features_extractor(config, window, fs=RATE, n_jobs=1, verbose=0)
        return (time.perf_counter() - began) / PEER_WINDOWS * 1e3

    sides: dict[str, Callable[[], float]] = {
        "batch": batch,
        "single": one_by_one,
        "called": called,
        "extracted": extracted,
    }
    for side in sides.values():
        side()
    found = interleaved(sides, runs)
    tsfel_is = f"TSFEL {version('tsfel')}"
    peers = (
        Side(f"{tsfel_is}, its functions", "called directly, window by window", found["called"], "ms"),
        Side(f"{tsfel_is}, its extractor", "time_series_features_extractor, n_jobs=1", found["extracted"], "ms"),
        Side("PFD, one window at a time", "one thread", found["single"], "ms"),
    )
    return [
        Comparison(
            f"{number} features of a window of {WINDOW} samples",
            "15 times as fast as TSFEL's functions, better 40",
            Side("PFD", f"{WINDOWS} windows in a batch, one thread", found["batch"], "ms"),
            peers,
            {"ms_by_domain": _by_domain(), "features": [feature.name for feature in chosen]},
        )
    ]


def _by_domain() -> dict[str, dict[str, float]]:
    """For each domain, how many features there are, and ms a window in a batch."""
    from pfd_plugin_data import fault_orders
    from pfd_plugin_features import FEATURES
    from pfd_plugin_features.condition import Condition
    from pfd_plugin_features.envelope_domain import line_orders
    from pfd_plugin_features.extraction import choose, compute

    geometry = {"n_balls": 9, "ball_d_mm": 7.94, "pitch_d_mm": 39.04, "contact_deg": 0.0}
    known = Condition(RATE, WINDOW, RATE / 2, shaft_hz=30.0, orders=line_orders(fault_orders(geometry)))
    windows = signals(128)
    found = {}
    for domain in DOMAINS:
        present, _ = choose((domain,), [known])
        compute(present, windows[:64], known)
        began = time.perf_counter()
        compute(present, windows, known)
        spent = (time.perf_counter() - began) / len(windows) * 1e3
        found[domain] = {"features": len(present), "of": sum(f.domain == domain for f in FEATURES), "ms": spent}
    return found
