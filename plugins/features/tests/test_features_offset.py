"""How far from zero a recording lies changes no feature: no vibration sensor measures it, and some have an offset."""

from __future__ import annotations

import numpy as np
import pytest

from pfd_plugin_features import FEATURES
from pfd_plugin_features.condition import Condition
from pfd_plugin_features.extraction import choose, compute

CONDITION = Condition(
    sample_rate_hz=12_000.0,
    window=4096,
    bandwidth_hz=6000.0,
    shaft_hz=30.0,
    shaft_span_hz=None,
    no_speed="",
    orders={},
)


@pytest.mark.parametrize("offset", [64.0, -512.0])
def test_adding_a_constant_changes_no_feature(offset: float) -> None:
    rng = np.random.default_rng(0)
    tone = np.sin(2 * np.pi * 1000 * np.arange(4096) / 12_000)
    # In steps of 2^-10, so that the sum is exact in float32.
    x = (np.round((rng.standard_normal((5, 4096)) + tone) * 1024) / 1024).astype(np.float32)
    features, _ = choose({feature.domain for feature in FEATURES}, [CONDITION])
    assert len(features) > 100
    plain = compute(features, x, CONDITION)
    lifted = compute(features, (x + np.float32(offset)).astype(np.float32), CONDITION)
    for index, feature in enumerate(features):
        np.testing.assert_allclose(lifted[:, index], plain[:, index], rtol=1e-4, atol=1e-9, err_msg=feature.name)
