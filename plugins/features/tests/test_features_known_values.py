"""Features against formulas, SciPy, and signals whose features are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import signal, stats

from pfd_plugin_data import fault_orders
from pfd_plugin_features import FEATURES, Windows
from pfd_plugin_features.condition import Condition
from pfd_plugin_features.envelope_domain import line_orders
from pfd_plugin_features.extraction import choose, compute, usable

RATE = 12_000.0
LENGTH = 2048
SKF_6205 = {"n_balls": 9, "ball_d_mm": 7.94, "pitch_d_mm": 39.04, "contact_deg": 0.0}
KNOWN = Condition(RATE, LENGTH, RATE / 2, shaft_hz=30.0, orders=line_orders(fault_orders(SKF_6205)))
UNKNOWN = Condition(RATE, LENGTH, RATE / 2)


def noise(n: int = 6, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, LENGTH))


def value(name: str, x: np.ndarray, condition: Condition = KNOWN) -> np.ndarray:
    return compute([next(f for f in FEATURES if f.name == name)], x, condition)[:, 0]


def impacts(hertz: float, seed: int, n: int = 6) -> np.ndarray:
    """Decaying 3 kHz bursts, `hertz` a second, in noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(LENGTH) / RATE
    out = 0.05 * rng.standard_normal((n, LENGTH))
    for i in range(n):
        for moment in np.arange(rng.uniform(0, 1 / hertz), LENGTH / RATE, 1 / hertz):
            after = np.maximum(time - moment, 0)
            out[i] += (time >= moment) * np.exp(-1500 * after) * np.sin(2 * np.pi * 3000 * after)
    return out


def test_moments_equal_those_of_scipy_about_the_mean_of_the_window() -> None:
    x = noise() + 5.0
    np.testing.assert_allclose(value("rms", x), x.std(axis=1), rtol=1e-12)
    np.testing.assert_allclose(value("kurtosis", x), stats.kurtosis(x, axis=1, fisher=False), rtol=1e-9)
    np.testing.assert_allclose(value("skewness", x), stats.skew(x, axis=1), rtol=1e-9, atol=1e-12)


def test_factors_of_a_sine_are_those_of_the_textbook() -> None:
    turns = 16 * np.arange(LENGTH) / LENGTH
    x = 3 * np.sin(2 * np.pi * turns + 0.1)[None]
    assert value("peak", x)[0] == pytest.approx(3, rel=1e-3)
    assert value("crest_factor", x)[0] == pytest.approx(np.sqrt(2), rel=1e-3)
    assert value("shape_factor", x)[0] == pytest.approx(np.pi / (2 * np.sqrt(2)), rel=1e-3)
    assert value("impulse_factor", x)[0] == pytest.approx(np.pi / 2, rel=1e-3)
    assert value("zero_crossing_rate", x)[0] == pytest.approx(2 * 16 * RATE / LENGTH, rel=0.04)


def test_clearance_factor_is_the_peak_over_the_squared_mean_root() -> None:
    x = noise()
    about = np.abs(x - x.mean(axis=1, keepdims=True))
    np.testing.assert_allclose(
        value("clearance_factor", x), about.max(axis=1) / np.sqrt(about).mean(axis=1) ** 2, rtol=1e-12
    )


@pytest.mark.parametrize("length", [2048, 2047])
def test_the_power_of_each_bin_is_that_of_scipys_periodogram(length: int) -> None:
    x = noise()[:, :length]
    frequencies, density = signal.periodogram(x, RATE, window="hann", detrend="constant", scaling="density")
    windows = Windows(x, Condition(RATE, length, RATE / 2))
    np.testing.assert_allclose(windows.frequencies, frequencies)
    np.testing.assert_allclose(windows.power, density * RATE / length, rtol=1e-9, atol=1e-15)


def test_power_of_a_sine_is_half_its_squared_amplitude() -> None:
    x = 2 * np.sin(2 * np.pi * 1000 * np.arange(LENGTH) / RATE)[None]
    assert value("spectral_power", x)[0] == pytest.approx(2.0, rel=1e-3)
    assert value("dominant_frequency", x)[0] == pytest.approx(1000, abs=RATE / LENGTH)
    assert value("spectral_centroid", x)[0] == pytest.approx(1000, rel=1e-3)
    assert value("band_power_1", x)[0] == pytest.approx(1.0, rel=1e-3)  # 750 to 1500 Hz


def test_entropy_is_near_one_for_noise_and_near_zero_for_a_line() -> None:
    line = np.sin(2 * np.pi * 1000 * np.arange(LENGTH) / RATE)[None]
    assert value("spectral_entropy", noise()).min() > 0.85
    assert value("spectral_entropy", line)[0] < 0.25
    assert value("spectral_peakiness", line)[0] > 10 * value("spectral_peakiness", noise()).max()


def test_band_powers_share_the_whole() -> None:
    x = noise()
    total = sum(value(f"band_power_{band}", x) for band in range(8))
    np.testing.assert_allclose(total, 1.0, rtol=1e-12)


def test_harmonic_ratios_follow_the_speed_and_not_the_largest_peak() -> None:
    time = np.arange(LENGTH) / RATE
    harmonics = zip((1.0, 0.5, 0.25), (30.0, 60.0, 90.0), strict=True)
    x = sum(a * np.sin(2 * np.pi * f * time + f) for a, f in harmonics) + 9 * np.sin(2 * np.pi * 2345 * time)
    assert value("ratio_2x_1x", x[None])[0] == pytest.approx(0.5, rel=0.01)
    assert value("ratio_3x_1x", x[None])[0] == pytest.approx(0.25, rel=0.01)


def test_the_envelope_of_a_signal_within_the_band_is_scipys_analytic_signal() -> None:
    spectrum = np.fft.rfft(noise(), axis=1)
    frequencies = np.fft.rfftfreq(LENGTH, 1 / RATE)
    inside = (frequencies > 600) & (frequencies < 5000)
    x = np.fft.irfft(spectrum * inside, axis=1)
    expected = np.abs(signal.hilbert(x, axis=1))
    np.testing.assert_allclose(Windows(x, KNOWN).analytic_magnitude, expected, rtol=1e-9, atol=1e-12)


def test_the_envelope_of_noise_is_rayleigh_distributed() -> None:
    x = noise(200)
    assert value("envelope_depth", x).mean() == pytest.approx(np.sqrt(4 / np.pi - 1), rel=0.02)
    assert value("envelope_kurtosis", x).mean() == pytest.approx(stats.rayleigh.stats(moments="k") + 3, rel=0.05)


def test_the_modulation_frequency_is_the_rate_of_the_impacts() -> None:
    found = value("envelope_modulation_frequency", impacts(107.0, seed=1))
    np.testing.assert_allclose(found, 107.0, atol=RATE / LENGTH)


@pytest.mark.parametrize("line", ["bpfo", "bpfi", "2bsf"])
def test_the_struck_line_stands_out_and_most_of_all(line: str) -> None:
    struck = impacts(KNOWN.orders[line] * 30.0, seed=2)
    prominence = {name: value(f"envelope_{name}", struck) for name in ("bpfo", "bpfi", "2bsf")}
    quiet = value(f"envelope_{line}", noise(200))
    assert prominence[line].min() > np.quantile(quiet, 0.99)
    assert all(prominence[line].min() > prominence[other].max() for other in prominence if other != line)


def test_a_column_is_absent_where_speed_or_geometry_is_unknown_for_any_recording() -> None:
    features, absent = choose(("time", "frequency", "envelope"), [KNOWN, UNKNOWN])
    names = {feature.name for feature in features}
    assert {"ratio_2x_1x", "ratio_3x_1x", "envelope_bpfo"} <= set(absent)
    assert names.isdisjoint(absent)
    assert absent["ratio_2x_1x"] == "the speed is unknown (1 of 2 recordings)"
    assert "rms" in names


def test_what_goes_by_the_speed_is_what_cannot_be_had_without_it() -> None:
    assert {f.name for f in FEATURES if f.needs_speed} == {
        f.name for f in FEATURES if f.missing(UNKNOWN) == UNKNOWN.no_speed
    }


def test_where_the_speed_changes_each_window_goes_by_its_own() -> None:
    changing = replace(KNOWN, shaft_span_hz=(24.0, 36.0))
    speeds = np.linspace(24.0, 36.0, 100)
    x = noise(100)
    present, _ = choose({f.domain for f in FEATURES}, [changing])
    features = [f for f in present if f.needs_speed or f.name in ("rms", "spectral_centroid", "envelope_rms")]
    assert {"ratio_2x_1x", "envelope_bpfo", "order_1x", "order_dominant", "rms"} <= {f.name for f in features}
    values = compute(features, x, changing, shaft_hz=speeds)
    for row, hz in enumerate(speeds):
        alone = compute(features, x[[row]], replace(KNOWN, shaft_hz=hz))[0]
        np.testing.assert_allclose(values[row], alone, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(compute(features, x, changing, shaft_hz=speeds, threads=2), values)


def test_harmonics_of_a_changing_speed_are_read_where_they_are() -> None:
    times = np.arange(LENGTH) / RATE
    speeds = np.linspace(24.0, 36.0, 13)
    x = np.stack([np.sin(2 * np.pi * hz * times) + 0.25 * np.sin(4 * np.pi * hz * times) for hz in speeds])
    ratio = [f for f in FEATURES if f.name == "ratio_2x_1x"]
    own = compute(ratio, x, replace(KNOWN, shaft_span_hz=(24.0, 36.0)), shaft_hz=speeds)[:, 0]
    np.testing.assert_allclose(own, 0.25, atol=0.01)
    # At the mean of all, 30 Hz, the lines are missed, the second by twice as much as the first.
    assert compute(ratio, x, KNOWN)[[0, -1], 0].max() < 0.05


def test_neither_is_a_mean_speed_taken_for_that_of_a_window_nor_a_window_given_one_it_does_not_need() -> None:
    for condition, speeds in ((replace(KNOWN, shaft_span_hz=(24.0, 36.0)), None), (KNOWN, np.full(6, 30.0))):
        with pytest.raises(ValueError, match="each window's own speed"):
            compute(FEATURES, noise(), condition, shaft_hz=speeds)


def test_a_column_is_absent_where_the_shaft_is_too_slow_or_too_fast_at_any_moment() -> None:
    _, absent = choose(("frequency",), [replace(KNOWN, shaft_span_hz=(10.0, 60.0))])
    assert absent["ratio_2x_1x"].startswith("a window holds 1.7 turns of the shaft")
    _, absent = choose(("frequency",), [replace(KNOWN, bandwidth_hz=100.0, shaft_span_hz=(20.0, 60.0))])
    assert absent["ratio_2x_1x"].startswith("2× the rotation frequency lies above")


def test_a_window_too_short_for_the_shaft_leaves_its_ratios_out() -> None:
    slow = Condition(20_000.0, LENGTH, 10_000.0, shaft_hz=800 / 60)
    _, absent = choose(("frequency",), [slow])
    assert absent["ratio_2x_1x"].startswith("a window holds 1.4 turns of the shaft")


def test_a_signal_of_a_narrow_band_has_no_envelope_features() -> None:
    features, absent = choose(("envelope",), [Condition(1000.0, LENGTH, 500.0)])
    assert features == ()
    assert "no band" in absent["envelope_rms"]


def test_constant_windows_and_windows_with_gaps_are_not_usable() -> None:
    x = noise(4)
    x[1] = 7.0
    x[2, 5] = np.nan
    x[3, 9] = np.inf
    assert usable(x).tolist() == [True, False, False, False]


def test_features_are_finite_whatever_the_window_holds() -> None:
    spike = np.zeros((1, LENGTH))
    spike[0, 1000] = 1.0
    step = np.zeros((1, LENGTH))
    step[0, 1000:] = 1e-30
    for x in (spike, step, 1e6 * noise(1)):
        assert np.isfinite(compute(FEATURES, x, KNOWN)).all()


def test_a_batch_gives_what_its_windows_give_one_by_one() -> None:
    x = noise(5).astype(np.float32)
    together = compute(FEATURES, x, KNOWN)
    single = np.vstack([compute(FEATURES, x[i : i + 1], KNOWN) for i in range(5)])
    np.testing.assert_allclose(together, single, rtol=1e-9)


def test_the_windows_given_are_left_as_they_were() -> None:
    x = noise(2)
    before = x.copy()
    compute(FEATURES, x, KNOWN)
    np.testing.assert_array_equal(x, before)


def test_every_feature_has_its_own_name_a_unit_and_a_definition() -> None:
    names = [feature.name for feature in FEATURES]
    assert len(set(names)) == len(names)
    assert all(feature.unit and len(feature.definition) > 5 for feature in FEATURES)
