"""The speed that the lines of a signal show, where it shows one."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
import pytest

from pfd_plugin_mat_import.shaft_speed import ShaftSpeed, measure_speed
from pfd_plugin_mat_import.spectra import ChannelSpectra

RATE = 12_000.0
N = 2**16
T = np.arange(N) / RATE
HZ = 29.53

Signal = npt.NDArray[np.float64]


def speed(declared_hz: float, *rows: Signal, rate_hz: float = RATE) -> ShaftSpeed | None:
    spectra = [ChannelSpectra("DE", row.astype(np.float32), np.float32(np.abs(row).max()), rate_hz) for row in rows]
    return measure_speed(spectra, declared_hz)


def noise(seed: int = 0) -> Signal:
    return np.random.default_rng(seed).standard_normal(N)


def lines(frequencies: Iterable[float], height: float = 0.3) -> Signal:
    return np.asarray(np.sum([height * np.sin(2 * np.pi * hz * T + hz) for hz in frequencies], axis=0))


def harmonics(hz: float, orders: Iterable[int], height: float = 0.3) -> Signal:
    return lines([order * hz for order in orders], height)


@pytest.mark.parametrize("off", [-0.09, -0.03, 0.0, 0.02, 0.1])
@pytest.mark.parametrize("orders", [(1, 2, 3), (1, 2, 3, 4, 5, 6), (2, 3, 4, 5)])
def test_the_harmonics_tell_the_speed_whatever_is_declared(off: float, orders: tuple[int, ...]) -> None:
    found = speed(HZ * (1 + off), noise() + harmonics(HZ, orders))
    assert found is not None
    assert found.hz == pytest.approx(HZ, rel=5e-4)
    assert set(orders) <= set(found.orders)


def test_the_uncertainty_is_that_of_repeated_measurements() -> None:
    """Of weak lines in noise: the error is below three times what is told, and what is told is not many times more."""
    found = [speed(HZ * 1.01, noise(seed) + harmonics(HZ, range(1, 7), 0.06)) for seed in range(20)]
    told = [one for one in found if one is not None]
    assert len(told) >= 15
    errors = np.array([abs(one.hz - HZ) / one.uncertainty_hz for one in told])
    assert errors.max() < 3
    assert np.median(errors) > 0.02


NOTHING_OF_A_SHAFT: dict[str, Callable[[np.random.Generator, float], Signal]] = {
    "noise": lambda rng, _: rng.standard_normal(N),
    "a drift": lambda rng, _: np.cumsum(rng.standard_normal(N)),
    "mains of 50 Hz": lambda rng, _: rng.standard_normal(N) + harmonics(50.0, range(1, 40)),
    "mains of 60 Hz": lambda rng, _: rng.standard_normal(N) + harmonics(60.0, range(1, 40)),
    "impacts of an outer race": lambda rng, hz: rng.standard_normal(N) + harmonics(3.5848 * hz, range(1, 30)),
    "other lines": lambda rng, _: rng.standard_normal(N) + lines(rng.uniform(5, 700, 20)),
    "even harmonics": lambda rng, hz: rng.standard_normal(N) + harmonics(hz, (2, 4, 6, 8)),
    "one strong line": lambda rng, hz: rng.standard_normal(N) + harmonics(hz, (1,), 100.0),
}


@pytest.mark.parametrize("name", NOTHING_OF_A_SHAFT)
def test_what_is_not_of_a_shaft_tells_no_speed(name: str) -> None:
    rng = np.random.default_rng(1)
    told = [(hz, speed(hz, NOTHING_OF_A_SHAFT[name](rng, hz))) for hz in rng.uniform(8, 62, 30)]
    assert not [one for one in told if one[1]]


def test_a_speed_further_off_than_is_looked_for_is_none() -> None:
    assert speed(HZ * 1.3, noise() + harmonics(HZ, range(1, 7))) is None


@pytest.mark.parametrize("swing", [0.01, 0.04, 0.08])
def test_of_a_speed_that_changes_the_mean_is_told_or_none(swing: float) -> None:
    for seed in range(5):
        turned = np.cumsum(np.linspace(HZ * (1 - swing), HZ * (1 + swing), N)) / RATE
        ramp = np.sum([np.sin(2 * np.pi * order * turned) for order in range(1, 7)], axis=0)
        found = speed(HZ, 0.3 * ramp + noise(seed))
        assert found is None or found.hz == pytest.approx(HZ, rel=0.01)
        assert swing > 0.01 or found is not None


def test_another_channel_may_show_what_the_first_does_not() -> None:
    found = speed(HZ, noise(1), noise(2) + harmonics(HZ, (1, 2, 3, 4)))
    assert found is not None
    assert found.hz == pytest.approx(HZ, rel=5e-4)


def test_a_constant_a_gain_and_a_sign_change_nothing() -> None:
    row = noise() + harmonics(HZ, range(1, 5))
    plain = speed(HZ * 1.05, row)
    assert plain is not None
    for changed in (row + 4.0, 1e-3 * row, -row):
        found = speed(HZ * 1.05, changed)
        assert found is not None
        assert found.hz == pytest.approx(plain.hz, rel=1e-5)


@pytest.mark.parametrize("n", [2, 100, 3000])
def test_a_recording_that_is_too_short_tells_none(n: int) -> None:
    assert speed(HZ, (noise() + harmonics(HZ, range(1, 7)))[:n]) is None


def test_a_rate_that_is_too_low_tells_none() -> None:
    assert speed(HZ, noise() + harmonics(HZ, range(1, 7)), rate_hz=100.0) is None


@pytest.mark.parametrize(("true_hz", "declared_hz"), [(12.2, 25.0), (12.5, 25.0), (8.34, 25.0), (5.0, 24.0)])
def test_a_comb_of_a_slower_shaft_tells_no_speed(true_hz: float, declared_hz: float) -> None:
    assert speed(declared_hz, noise() + harmonics(true_hz, range(1, 61))) is None


def test_the_halves_of_a_loose_shaft_take_its_speed_from_no_one() -> None:
    halves = lines([HZ * order for order in (0.5, 1.5, 2.5)], 0.2)
    found = speed(1.02 * HZ, noise() + harmonics(HZ, range(1, 11)) + halves)
    assert found is not None
    assert found.hz == pytest.approx(HZ, rel=5e-4)
