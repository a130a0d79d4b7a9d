"""Wavelet, bispectrum and advanced features against PyWavelets, slow reference code, and signals of known values."""

from __future__ import annotations

import numpy as np
import pytest
import pywt
from scipy import signal as sps

from pfd_plugin_data import fault_orders
from pfd_plugin_features import FEATURES, Windows
from pfd_plugin_features.condition import Condition
from pfd_plugin_features.envelope_domain import line_orders
from pfd_plugin_features.extraction import choose, compute
from pfd_plugin_features.orders import at_angles

RATE = 12_000.0
LENGTH = 2048
TIME = np.arange(LENGTH) / RATE
SKF_6205 = {"n_balls": 9, "ball_d_mm": 7.94, "pitch_d_mm": 39.04, "contact_deg": 0.0}
KNOWN = Condition(RATE, LENGTH, RATE / 2, shaft_hz=30.0, orders=line_orders(fault_orders(SKF_6205)))


def noise(n: int = 6, seed: int = 0, length: int = LENGTH) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, length))


def tone(hertz: float, phase: float = 0.3) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * TIME + phase)[None]


def value(name: str, x: np.ndarray, condition: Condition = KNOWN) -> np.ndarray:
    return compute([next(f for f in FEATURES if f.name == name)], x, condition)[:, 0]


def impulses(hertz: float, seed: int = 0, resonance: float = 3000.0) -> np.ndarray:
    """Decaying bursts in weak noise."""
    x = 0.05 * noise(1, seed)[0]
    for moment in np.arange(0.002, TIME[-1], 1 / hertz):
        after = np.maximum(TIME - moment, 0)
        x += (moment <= TIME) * np.exp(-1500 * after) * np.sin(2 * np.pi * resonance * after)
    return np.asarray(x[None])


# Wavelets and the cepstrum


def test_wavelet_bands_are_those_of_pywavelets_one_window_at_a_time() -> None:
    x = noise(3)
    for row, window in enumerate(x):
        bands = pywt.wavedec(window - window.mean(), "db4", mode="periodization", level=5)
        energies = np.array([np.sum(band**2) for band in bands])
        for index, name in enumerate(("a5", "d5", "d4", "d3", "d2", "d1")):
            assert value(f"wavelet_ratio_{name}", x)[row] == pytest.approx(energies[index] / energies.sum(), rel=1e-9)
        d2 = bands[4]
        assert value("wavelet_energy_d2", x)[row] == pytest.approx(np.sum(d2**2) / LENGTH, rel=1e-9)
        assert value("wavelet_kurtosis_d2", x)[row] == pytest.approx(np.mean(d2**4) / np.mean(d2**2) ** 2, rel=1e-9)


def test_the_bands_keep_the_energy_of_the_window() -> None:
    x = noise(3)
    approximation = value("wavelet_ratio_a5", x)
    details = sum(value(f"wavelet_energy_d{level}", x) for level in range(1, 6))
    np.testing.assert_allclose(details, x.var(axis=1) * (1 - approximation), rtol=1e-9)


@pytest.mark.parametrize(
    ("hertz", "band"), [(4500, "d1"), (2200, "d2"), (1100, "d3"), (550, "d4"), (280, "d5"), (60, "a5")]
)
def test_a_tone_lies_in_its_octave(hertz: float, band: str) -> None:
    assert value(f"wavelet_ratio_{band}", tone(hertz))[0] > 0.8


def test_white_noise_shares_its_energy_by_the_width_of_bands_and_is_gaussian_in_each() -> None:
    x = noise(200)
    for level in range(1, 6):
        assert value(f"wavelet_energy_d{level}", x).mean() == pytest.approx(2.0**-level, rel=0.03)
        assert value(f"wavelet_kurtosis_d{level}", x).mean() == pytest.approx(3, abs=0.15)
    assert value("wavelet_kurtosis_d2", impulses(60)).min() > 8


def test_wavelet_entropy_runs_from_one_band_to_all_alike() -> None:
    shares = np.array([2.0**-5, *(2.0**-level for level in range(5, 0, -1))])
    expected = -np.sum(shares * np.log(shares)) / np.log(6)
    assert value("wavelet_entropy", noise(200)).mean() == pytest.approx(expected, abs=0.01)
    assert value("wavelet_entropy", tone(4500))[0] < 0.3


def test_the_cepstrum_peaks_at_the_distance_of_harmonics() -> None:
    x = sum(tone(150.0 * k, phase=k) for k in range(1, 30)) + 0.01 * noise(1)
    assert value("cepstral_peak_quefrency", x)[0] == pytest.approx(1 / 150, abs=1 / RATE)
    assert value("cepstral_peak", x)[0] > 2 * value("cepstral_peak", noise(50)).max()


def test_the_centre_of_the_quefrencies_of_noise_is_the_middle_of_them() -> None:
    middle = (10 + LENGTH / 2) / 2 / RATE
    assert value("quefrency_centroid", noise(50)).mean() == pytest.approx(middle, rel=0.15)
    assert value("quefrency_centroid", impulses(400)).max() < value("quefrency_centroid", noise(50)).min()


# Bispectrum


def coupled(seed: int, *, coupled: bool) -> np.ndarray:
    """Tones at 1125, 1875 and 3000 Hz; the phase of each changes ten times, the third with the others."""
    rng = np.random.default_rng(seed)
    segments = np.repeat(np.arange(10), LENGTH // 10 + 1)[:LENGTH]
    first, second, third = (rng.uniform(0, 2 * np.pi, 10)[segments] for _ in range(3))
    third = first + second if coupled else third
    x = np.cos(2 * np.pi * 1125 * TIME + first) + np.cos(2 * np.pi * 1875 * TIME + second)
    return np.asarray((x + np.cos(2 * np.pi * 3000 * TIME + third))[None] + 0.1 * noise(1, seed))


def test_coupled_phases_show_and_free_ones_do_not() -> None:
    bound = np.vstack([coupled(seed, coupled=True) for seed in range(8)])
    free = np.vstack([coupled(seed, coupled=False) for seed in range(8)])
    assert value("phase_coupling", bound).min() > 0.9
    for name in ("phase_coupling", "bispectrum_peak", "nonlinearity"):
        assert value(name, bound).min() > 1.5 * value(name, free).max()
    assert value("nonlinearity", bound).min() > 0.7
    assert value("bispectrum_entropy", bound).max() < value("bispectrum_entropy", noise()).min()


def test_the_bicoherence_of_noise_is_spread_as_that_of_chance() -> None:
    x = noise(50)
    # 31 segments that overlap by half are worth fewer independent ones, but more than half as many.
    assert 1 / 31 < value("nonlinearity", x).mean() < 2 / 31
    assert value("phase_coupling", x).max() < 0.45
    assert value("bispectrum_entropy", x).min() > 0.97


def test_the_bispectrum_grows_with_the_third_power_and_vanishes_for_symmetric_noise() -> None:
    x = noise(3)
    np.testing.assert_allclose(value("bispectrum_mean", 2 * x), 8 * value("bispectrum_mean", x), rtol=1e-9)
    skewed = np.random.default_rng(1).exponential(size=(50, LENGTH)) - 1
    of_skewed, of_noise = value("bispectrum_mean", skewed), value("bispectrum_mean", noise(50))
    assert np.quantile(of_skewed, 0.05) > np.quantile(of_noise, 0.95)


def test_the_bispectrum_is_that_of_its_formula() -> None:
    x = noise(1, seed=3)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(128) / 128)
    centred = x[0] - x[0].mean()
    spectra = [np.fft.rfft(centred[i : i + 128] * hann) * 2 / hann.sum() for i in range(0, LENGTH - 127, 64)]
    pairs = [(high, low) for high in range(1, 64) for low in range(1, high + 1) if high + low <= 64]
    found = [abs(np.mean([s[high] * s[low] * np.conj(s[high + low]) for s in spectra])) for high, low in pairs]
    assert len(found) == 1024
    assert value("bispectrum_peak", x)[0] == pytest.approx(max(found), rel=1e-9)
    assert value("bispectrum_mean", x)[0] == pytest.approx(np.mean(found), rel=1e-9)


# Wavelet packets


def test_packets_are_those_of_pywavelets_by_frequency() -> None:
    x = noise(2)
    for row, window in enumerate(x):
        tree = pywt.WaveletPacket(window - window.mean(), "db4", mode="periodization", maxlevel=3)
        energies = np.array([np.sum(node.data**2) for node in tree.get_level(3, "freq")])
        for packet in range(8):
            assert value(f"packet_ratio_{packet}", x)[row] == pytest.approx(energies[packet] / energies.sum(), rel=1e-9)


@pytest.mark.parametrize("packet", range(8))
def test_a_tone_lies_in_the_packet_of_its_frequency(packet: int) -> None:
    x = tone((packet + 0.5) * 750)
    shares = [value(f"packet_ratio_{other}", x)[0] for other in range(8)]
    assert np.argmax(shares) == packet
    assert max(shares) > 0.65
    assert value("packet_entropy", x)[0] < 0.5
    assert value("packet_entropy", noise()).min() > 0.98


# Complexity


def test_sample_entropy_counts_matches_as_its_definition_does() -> None:
    condition = Condition(RATE, 120, RATE / 2)
    x = np.vstack([noise(2, length=120), np.round(noise(2, seed=1, length=120))])
    for row, window in enumerate(x):
        r = 0.2 * window.std()
        places = len(window) - 2
        matches = {2: 0, 3: 0}
        for m in matches:
            for i in range(places):
                for j in range(i + 1, places):
                    matches[m] += bool(np.max(np.abs(window[i : i + m] - window[j : j + m])) <= r)
        assert value("sample_entropy", x, condition)[row] == pytest.approx(-np.log(matches[3] / matches[2]))


def test_sample_entropy_of_noise_is_that_of_independent_values_and_of_a_sine_is_low() -> None:
    from scipy.special import erf

    assert value("sample_entropy", noise(8)).mean() == pytest.approx(-np.log(erf(0.1)), rel=0.03)
    assert value("sample_entropy", tone(100))[0] < 0.2


def test_a_window_without_any_match_has_a_finite_sample_entropy() -> None:
    condition = Condition(RATE, 64, RATE / 2)
    spread = (2.0 ** np.arange(64))[None]
    spread[:, ::2] *= -1
    assert np.isfinite(value("sample_entropy", spread, condition)).all()


@pytest.mark.parametrize(("colour", "dfa"), [("white", 0.5), ("pink", 1.0), ("walk", 1.5)])
def test_dfa_tells_the_colour_of_noise(colour: str, dfa: float) -> None:
    length = 4096
    white = noise(40, seed=2, length=length)
    spectrum = np.fft.rfft(white, axis=1)
    frequency = np.maximum(np.arange(spectrum.shape[1]), 1)
    power = {"white": 0.0, "pink": 0.5, "walk": 1.0}[colour]
    x = np.fft.irfft(spectrum / frequency**power, axis=1)
    assert value("dfa_exponent", x, Condition(RATE, length, RATE / 2)).mean() == pytest.approx(dfa, abs=0.07)


def test_the_hurst_exponent_of_white_noise_is_a_half_and_of_lasting_noise_more() -> None:
    assert value("hurst_exponent", noise(100)).mean() == pytest.approx(0.5, abs=0.02)
    spectrum = np.fft.rfft(noise(100, length=4 * LENGTH), axis=1)
    frequency = np.maximum(np.arange(spectrum.shape[1]), 1)
    lasting = np.fft.irfft(spectrum / frequency**0.3, axis=1)[:, :LENGTH]  # fractional noise of H = 0.8
    assert value("hurst_exponent", lasting).mean() == pytest.approx(0.8, abs=0.1)  # the estimator is known to be low


# Spectral kurtosis and the kurtogram


def test_spectral_kurtosis_is_nil_for_noise_and_finds_the_resonance_of_impacts() -> None:
    assert value("spectral_kurtosis_mean", noise(100)).mean() == pytest.approx(0, abs=0.06)
    struck = impulses(40)
    assert value("spectral_kurtosis_peak", struck)[0] > 3 * value("spectral_kurtosis_peak", noise(100)).max()
    assert value("spectral_kurtosis_frequency", struck)[0] == pytest.approx(3000, abs=500)


@pytest.mark.parametrize("resonance", [1500.0, 3000.0, 4500.0])
def test_the_kurtogram_finds_the_band_that_impacts_ring_in(resonance: float) -> None:
    struck = impulses(40, resonance=resonance)
    middle, width = (value(f"kurtogram_{name}", struck)[0] for name in ("frequency", "bandwidth"))
    assert abs(middle - resonance) <= width / 2 + 250
    assert value("kurtogram_peak", struck)[0] > 3 * value("kurtogram_peak", noise(100)).mean()


@pytest.mark.parametrize("edge", [0.82 * RATE / 2, 4000.0])
def test_the_kurtogram_looks_at_no_band_that_a_filter_has_emptied(edge: float) -> None:
    """What leaks at the ends of a window looks like an impact there, and would tell how a recording was filtered."""
    passed = sps.sosfiltfilt(sps.butter(8, edge, fs=RATE, output="sos"), noise(40, length=2 * LENGTH))
    x, condition = passed[:, LENGTH // 2 : LENGTH // 2 + LENGTH], Condition(RATE, LENGTH, edge)
    middle, width = (value(f"kurtogram_{name}", x, condition) for name in ("frequency", "bandwidth"))
    assert np.all(middle + width / 2 <= edge)
    assert np.all(value("spectral_kurtosis_frequency", x, condition) <= edge)
    assert np.median(value("kurtogram_peak", x, condition)) < 2 * np.median(value("kurtogram_peak", noise(40)))


def test_the_whole_band_is_one_of_the_kurtograms_bands() -> None:
    """One sample wide in time, an impulse is as wide as the band: no part of it has a larger kurtosis."""
    x = np.zeros((1, LENGTH))
    x[0, 1000] = 1.0
    assert value("kurtogram_bandwidth", x)[0] == pytest.approx(RATE / 2, rel=1e-3)


# Orders


def test_amplitudes_at_orders_are_those_of_the_waves_that_turn_with_the_shaft() -> None:
    x = 0.3 * tone(15) + 2 * tone(30) + 0.5 * tone(60) + 0.25 * tone(90) + 9 * tone(2345)
    condition = Condition(RATE, 8192, RATE / 2, shaft_hz=30.0)
    long = np.tile(np.zeros(1), (1, 8192))
    time = np.arange(8192) / RATE
    for amplitude, hertz in ((0.3, 15), (2, 30), (0.5, 60), (0.25, 90), (9, 2345)):
        long = long + amplitude * np.sin(2 * np.pi * hertz * time + hertz)
    for name, amplitude in (("half", 0.3), ("1x", 2), ("2x", 0.5), ("3x", 0.25)):
        assert value(f"order_{name}", long, condition)[0] == pytest.approx(amplitude, rel=0.01)
    assert value("order_1x", x)[0] == pytest.approx(2, rel=0.02)


def test_what_turns_with_the_shaft_is_synchronous_and_noise_is_not() -> None:
    turning = tone(30) + 0.5 * tone(90) + 0.2 * tone(240)
    assert value("order_synchronous_share", turning)[0] == pytest.approx(1, abs=0.01)
    assert value("order_synchronous_share", noise(100)).mean() == pytest.approx(0, abs=0.03)
    both = turning / turning.std() + noise(100)
    assert value("order_synchronous_share", both).mean() == pytest.approx(0.5, abs=0.05)
    assert value("order_synchronous_share", turning, Condition(RATE, LENGTH, RATE / 2, shaft_hz=37.0))[0] < 0.2


@pytest.mark.parametrize("order", [1.0, 3.5848, 5.4])
def test_the_dominant_order_is_that_of_the_strongest_wave(order: float) -> None:
    x = tone(order * 30.0) + 0.1 * noise(1)
    assert value("order_dominant", x)[0] == pytest.approx(order, abs=0.15)


def test_resampling_by_angle_follows_a_smooth_wave() -> None:
    x = tone(200)
    places = np.linspace(1, LENGTH - 3, 5000)
    expected = np.sin(2 * np.pi * 200 * places / RATE + 0.3)
    np.testing.assert_allclose(at_angles(x, places)[0], expected, atol=2e-4)


# All of them


def test_features_that_a_short_window_cannot_carry_are_absent_with_a_reason() -> None:
    short = Condition(RATE, 128, RATE / 2, shaft_hz=30.0)
    present, absent = choose(("wavelet", "bispectrum", "advanced"), [short])
    assert "too short for 5 levels of db4, it allows 4" in absent["wavelet_entropy"]
    assert "576 are needed" in absent["phase_coupling"]
    assert "turns of the shaft" in absent["order_1x"]
    assert {"kurtogram_peak", "dfa_exponent"} <= set(absent)
    assert np.isfinite(compute(present, noise(2, length=128), short)).all()
    _, absent = choose(("advanced",), [Condition(RATE, 16_384, RATE / 2)])
    assert absent["order_1x"] == "the speed is unknown (1 of 1 recordings)"
    assert "8192 at most" in absent["sample_entropy"]


@pytest.mark.parametrize("length", [600, 2047, 2048, 3000])
def test_windows_of_any_length_give_finite_values(length: int) -> None:
    condition = Condition(RATE, length, RATE / 2, shaft_hz=90.0)
    present, _ = choose({f.domain for f in FEATURES}, [condition])
    assert np.isfinite(compute(present, noise(3, length=length), condition)).all()


def test_several_threads_give_what_one_gives() -> None:
    x = noise(200).astype(np.float32)
    features = [f for f in FEATURES if f.domain in ("bispectrum", "wavelet")]
    np.testing.assert_array_equal(compute(features, x, KNOWN, threads=3), compute(features, x, KNOWN))


def test_what_features_share_is_computed_once_a_batch() -> None:
    calls = []

    def make(w: Windows) -> int:
        calls.append(w)
        return 7

    windows = Windows(noise(2), KNOWN)
    assert (windows.once(make), windows.once(make), len(calls)) == (7, 7, 1)
