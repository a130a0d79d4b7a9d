"""The features that TSFEL has as well: equal to 1e-6, or listed as different with the reason."""

from __future__ import annotations

import inspect
import warnings

import numpy as np
import pytest

from pfd_plugin_features import FEATURES
from pfd_plugin_features.condition import Condition
from pfd_plugin_features.extraction import compute
from pfd_plugin_features.tsfel_reference import EQUAL_TO_TSFEL, UNLIKE_TSFEL, TsfelReference

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of what TSFEL itself imports
    from tsfel.feature_extraction import features as tsfel

RATE = 12_000.0
BY_NAME = {feature.name: feature for feature in FEATURES}


def signals(length: int) -> np.ndarray:
    """Noise, a tone in noise, a random walk, coarse steps, heavy tails of small size, large values, one impact."""
    rng = np.random.default_rng(5)
    time = np.arange(length) / RATE
    x = rng.standard_normal((7, length))
    x[1] += 5 * np.sin(2 * np.pi * 333 * time)
    x[2] = np.cumsum(x[2])
    x[3] = np.round(8 * x[3]) / 8
    x[4] = 1e-3 * rng.laplace(size=length)
    x[5] *= 1e4
    x[6] = np.exp(-500 * time) * np.sin(2 * np.pi * 2500 * time) + 0.01 * x[6]
    return np.asarray(x - x.mean(axis=1, keepdims=True))


def theirs(reference: TsfelReference, window: np.ndarray) -> float:
    function = getattr(tsfel, reference.function)
    found = function(window, RATE) if "fs" in inspect.signature(function).parameters else function(window)
    value = found if reference.part is None else found[reference.part]
    return reference.convert(float(value), RATE, len(window))


@pytest.mark.parametrize("length", [512, 2047, 2048])
@pytest.mark.parametrize("reference", EQUAL_TO_TSFEL, ids=lambda reference: reference.feature)
def test_values_equal_those_of_tsfel(reference: TsfelReference, length: int) -> None:
    x = signals(length)
    ours = compute([BY_NAME[reference.feature]], x, Condition(RATE, length, RATE / 2))[:, 0]
    np.testing.assert_allclose(ours, [theirs(reference, window) for window in x], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize(
    "reference", [p for p in UNLIKE_TSFEL if p.function != "mse"], ids=lambda reference: reference.feature
)
def test_what_is_listed_as_different_is_different(reference: TsfelReference) -> None:
    x = signals(2048)[:2] + np.linspace(0, 0.01, 2048)
    ours = compute([BY_NAME[reference.feature]], x, Condition(RATE, 2048, RATE / 2))[:, 0]
    function = getattr(tsfel, reference.function)
    arguments = (RATE,) if "fs" in inspect.signature(function).parameters else ()
    found = [function(window, *arguments) for window in x - x.mean(axis=1, keepdims=True)]
    first = [value["values"][0] if isinstance(value, dict) else value for value in found]
    assert not np.allclose(ours, np.asarray(first, dtype=float), rtol=1e-6)


def test_the_list_is_long_enough_and_names_features_that_exist() -> None:
    names = [reference.feature for reference in EQUAL_TO_TSFEL]
    assert len(set(names)) == len(names) >= 31
    assert {reference.feature for reference in (*EQUAL_TO_TSFEL, *UNLIKE_TSFEL)} <= set(BY_NAME)
    assert {feature.name for feature in FEATURES if feature.domain == "general"} <= set(names)
    assert all(reference.note for reference in UNLIKE_TSFEL)
