"""A window that is constant but for rounding holds no signal, and nobody takes it for one, at any scale and offset."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pfd_plugin_data import is_constant, znorm
from pfd_plugin_data.normalisation import Moments
from pfd_plugin_features.extraction import usable
from pfd_plugin_training import WindowDataset
from pfd_plugin_training.torch_windows import WindowIndex

Windows = npt.NDArray[np.float32]

LIMITS = np.finfo(np.float32)
FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)
MASKS = st.lists(st.booleans(), min_size=8, max_size=64)


def stepped(level: float, mask: list[bool]) -> Windows:
    """One window of one value, whose samples in `mask` lie one unit in the last place nearer to zero, or beside it."""
    value = np.float32(level)
    beside = np.nextafter(value, np.float32(0 if value else 1), dtype=np.float32)
    return np.where(mask, beside, value)[None, :].astype(np.float32)


def learnt(x: Windows) -> Windows:
    """What a network is given of the windows."""
    index = WindowIndex(np.arange(len(x)), np.zeros(len(x), np.int64), np.zeros(len(x), np.int64))
    batch, _ = WindowDataset(dict(enumerate(x)), index, x.shape[1]).batch(range(len(x)))
    return batch.numpy()[:, 0, :]


@given(level=FINITE, mask=MASKS)
@example(level=0.1, mask=[True] + [False] * 9)
@example(level=float(LIMITS.max), mask=[True, False] * 8)
@example(level=float(LIMITS.tiny), mask=[True, False] * 8)
@example(level=float(LIMITS.smallest_subnormal), mask=[True, False] * 8)
@example(level=0.0, mask=[True, False] * 8)
def test_a_window_that_is_constant_but_for_its_last_digit_gives_the_same_everywhere(
    level: float, mask: list[bool]
) -> None:
    x = stepped(level, mask)
    assert is_constant(x).tolist() == [True]
    assert usable(x).tolist() == [False]
    assert not znorm(x).any()
    assert not learnt(x).any()
    moments = Moments()
    moments.add(x)
    assert moments.is_constant


@given(
    level=st.floats(-1e6, 1e6, width=32),
    scale=st.floats(min_value=float(np.float32(1e-30)), max_value=float(np.float32(1e30)), width=32),
    seed=st.integers(0, 999),
)
def test_a_signal_of_a_thousandth_of_its_offset_is_one_at_any_scale(level: float, scale: float, seed: int) -> None:
    noise = np.random.default_rng(seed).standard_normal(64)
    x = (scale * (level + max(1.0, abs(level)) * 1e-3 * noise))[None, :].astype(np.float32)
    assert is_constant(x).tolist() == [False]
    assert usable(x).tolist() == [True]
    np.testing.assert_array_equal(learnt(x), znorm(x))
    assert np.mean(znorm(x), dtype=np.float64) == pytest.approx(0, abs=1e-6)
    assert np.std(znorm(x), dtype=np.float64) == pytest.approx(1, rel=1e-5)


def test_each_window_is_judged_by_itself() -> None:
    noise = np.random.default_rng(0).standard_normal(64).astype(np.float32)
    x = np.stack([stepped(7.0, [True, False] * 32)[0], noise, np.full(64, 0.1, np.float32), 1e5 + noise])
    assert is_constant(x).tolist() == [True, False, True, False]
    assert np.abs(znorm(x)).max(axis=1).astype(bool).tolist() == [False, True, False, True]
    assert is_constant(np.empty((0, 64), np.float32)).tolist() == []
