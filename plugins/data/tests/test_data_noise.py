"""The eight kinds of noise, and how a shaft turns."""

from __future__ import annotations

import itertools
from typing import get_args

import numpy as np
import pytest
from scipy import signal as sps
from scipy import stats

from pfd import DataError
from pfd_plugin_data.params import NoiseLayer
from pfd_plugin_data.simulators.noise import BITS, LAYERS, coloured, layers, quantize
from pfd_plugin_data.simulators.speed import Shaft, tones, turn

RATE = 20_000.0
N = 400_000


def layer(name: str, *, n: int = N, seed: int = 0, **how: float) -> np.ndarray:
    return layers(lambda _: np.random.default_rng(seed), [name], n, RATE, 1.0, **how)


def slope(x: np.ndarray) -> float:
    """The exponent of the power spectrum, by regression over two and a half decades, each of equal weight."""
    frequencies, power = sps.welch(x, RATE, nperseg=1 << 16)
    edges = np.logspace(np.log10(20), np.log10(6000), 26)
    bands = [(frequencies >= low) & (frequencies < high) for low, high in itertools.pairwise(edges)]
    centres = [np.log10(frequencies[band]).mean() for band in bands]
    return float(np.polyfit(centres, [np.log10(power[band]).mean() for band in bands], 1)[0])


def test_there_are_eight_kinds_and_each_can_be_asked_for() -> None:
    assert len(LAYERS) == 8
    assert set(LAYERS) == set(get_args(NoiseLayer))


@pytest.mark.parametrize(("name", "expected"), [("white", 0.0), ("pink", -1.0), ("brown", -2.0)])
def test_the_slope_of_a_colour_is_measured_back(name: str, expected: float) -> None:
    assert slope(layer(name)) == pytest.approx(expected, abs=0.1)


def test_a_cumulative_sum_is_not_pink() -> None:
    assert slope(np.cumsum(np.random.default_rng(0).standard_normal(N))) < -1.8


def test_coloured_noise_is_gaussian_without_mean_and_of_unit_power() -> None:
    x = coloured(np.random.default_rng(0), 99_991, -1.0)  # a prime, whose transform would take long
    assert np.mean(x**2) == pytest.approx(1, abs=1e-9)
    assert abs(x.mean()) < 0.05
    white = coloured(np.random.default_rng(0), 99_991, 0.0)
    assert np.mean(white**4) == pytest.approx(3, abs=0.1)


def test_samples_are_normal_and_the_powers_of_lines_exponential_as_those_of_gaussian_noise_are() -> None:
    white = coloured(np.random.default_rng(0), 100_000, 0.0)
    assert stats.kstest(white, "norm").pvalue > 0.01
    lines = np.fft.rfft(white)[1:-1]
    powers = np.abs(lines) ** 2
    assert stats.kstest(powers / powers.mean(), "expon").pvalue > 0.01
    assert stats.kstest(np.angle(lines) / (2 * np.pi) + 0.5, "uniform").pvalue > 0.01


@pytest.mark.parametrize("mains_hz", [50, 60])
def test_mains_is_a_tone_at_its_frequency(mains_hz: int) -> None:
    x = layer("mains", mains_hz=mains_hz)
    spectrum = np.abs(np.fft.rfft(x))
    assert np.fft.rfftfreq(N, 1 / RATE)[np.argmax(spectrum)] == pytest.approx(mains_hz)
    assert 0.1 <= x.std() <= 0.3


def test_a_tone_just_above_nyquist_comes_out_just_below() -> None:
    spectrum = np.abs(np.fft.rfft(layer("alias")))
    assert np.fft.rfftfreq(N, 1 / RATE)[np.argmax(spectrum)] == pytest.approx(0.94 * RATE / 2)


def test_drift_is_slow() -> None:
    power = np.abs(np.fft.rfft(layer("drift") * np.hanning(N))) ** 2
    assert power[: int(5 * N / RATE)].sum() > 0.999 * power.sum()


def test_impulses_are_few_and_high() -> None:
    x = layer("impulses")
    assert 20 < np.count_nonzero(x) < 200
    assert np.abs(x).max() > 4


def test_quantization_leaves_the_steps_of_a_converter() -> None:
    x = np.random.default_rng(0).standard_normal(N)
    y = quantize(x)
    step = np.diff(np.unique(y)).min()
    assert np.allclose(y / step, np.rint(y / step))
    assert np.abs(y - x).max() <= step / 2 * (1 + 1e-9)
    assert (np.abs(x).max() * 2) / step <= 2**BITS
    assert np.mean((y - x) ** 2) == pytest.approx(step**2 / 12, rel=0.02)
    assert not quantize(np.zeros(5)).any()


def test_leaving_a_layer_out_changes_no_other_one() -> None:
    def rng_of(name: str) -> np.random.Generator:
        return np.random.default_rng(LAYERS.index(name))

    both = layers(rng_of, ["pink", "mains"], 1000, RATE, 2.0)
    assert both == pytest.approx(layers(rng_of, ["pink"], 1000, RATE, 2.0) + layers(rng_of, ["mains"], 1000, RATE, 2.0))


def test_tones_are_the_sines_that_they_are_made_of() -> None:
    n = 12_345
    weights = np.array([1.0 + 2j, -0.5j])
    found = tones(weights, [0.01, 0.333], n)
    k = np.arange(n)
    expected = sum((weight * np.exp(2j * np.pi * f * k)).imag for weight, f in zip(weights, (0.01, 0.333), strict=True))
    assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("profile", ["ramp", "random"])
def test_a_speed_stays_in_its_band_and_reaches_its_edge(profile: str) -> None:
    shaft = turn(np.random.default_rng(2), profile, 30.0, 0.2, 100_000, RATE)
    speed = shaft.frequency()
    assert speed.min() >= 24 - 1e-3
    assert speed.max() <= 36 + 1e-3
    assert min(36 - speed.max(), speed.min() - 24) < 0.01
    assert shaft.hz == pytest.approx(speed.mean(), rel=1e-4)
    assert shaft.turns is not None
    assert np.all(np.diff(shaft.turns) > 0)


def test_a_constant_speed_is_drawn_within_its_band() -> None:
    speeds = [turn(np.random.default_rng(seed), "constant", 30.0, 0.1, 10, RATE).hz for seed in range(200)]
    assert 27 <= min(speeds) < 27.5
    assert 32.5 < max(speeds) <= 33


def test_times_and_turns_are_each_others_inverse() -> None:
    shaft = turn(np.random.default_rng(1), "random", 30.0, 0.2, 50_000, RATE)
    assert shaft.turns is not None
    assert shaft.times(shaft.turns[::777]) == pytest.approx(np.arange(50_000)[::777] / RATE, abs=1e-6)
    assert Shaft(30.0, RATE, 100).times(np.array([-3.0, 60.0])) == pytest.approx([-0.1, 2.0])


@pytest.mark.parametrize("profile", ["constant", "ramp", "random"])
def test_harmonics_are_the_same_whether_or_not_the_speed_is_known_to_be_constant(profile: str) -> None:
    shaft = turn(np.random.default_rng(1), profile, 30.0, 0.1, 5_000, RATE)
    turns = shaft.hz * np.arange(5_000) / RATE if shaft.turns is None else shaft.turns
    weights = np.array([1.0, 0.5j, 0.25])
    expected = sum((w * np.exp(2j * np.pi * k * turns)).imag for k, w in enumerate(weights, start=1))
    assert shaft.harmonics(weights) == pytest.approx(expected, abs=1e-9)


def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(DataError, match="unknown speed profile 'up'"):
        turn(np.random.default_rng(0), "up", 30.0, 0.1, 10, RATE)
