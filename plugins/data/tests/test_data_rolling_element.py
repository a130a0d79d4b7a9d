from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal as sps

from pfd_plugin_data import fault_line, fault_orders
from pfd_plugin_data.simulators.rolling_element import (
    Bearing,
    Setting,
    Simulated,
    crossing_time,
    draw_bearing,
    simulate,
)
from pfd_plugin_data.simulators.speed import Shaft, turn

SKF_6205 = {"n_balls": 9, "ball_d_mm": 7.94, "pitch_d_mm": 39.04, "contact_deg": 0.0}
MFPT_NICE = {"n_balls": 8, "ball_d_mm": 5.969, "pitch_d_mm": 31.623, "contact_deg": 0.0}
FAULTY = ("inner_race", "outer_race", "ball", "cage")
RATE = 12_000


def run(
    fault: str, *, seed: int = 0, rpm: float = 1772, snr_db: float = 5.0, seconds: float = 10.0, **drawn: object
) -> Simulated:
    rng = np.random.default_rng(seed)
    bearing = replace(draw_bearing(rng, fault, SKF_6205, RATE), **drawn)  # type: ignore[arg-type]
    return simulate(rng, bearing, steady(rpm, seconds), snr_db=snr_db)


def steady(rpm: float, seconds: float) -> Shaft:
    return Shaft(rpm / 60, RATE, round(seconds * RATE))


def envelope_spectrum(x: np.ndarray, rate_hz: float, band: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    sections = sps.butter(4, band, "bandpass", fs=rate_hz, output="sos")
    envelope = np.abs(sps.hilbert(sps.sosfiltfilt(sections, x)))
    spectrum = np.abs(np.fft.rfft((envelope - envelope.mean()) * np.hanning(x.size)))
    return np.fft.rfftfreq(x.size, 1 / rate_hz), spectrum


def test_the_orders_of_the_6205_are_those_of_the_literature() -> None:
    orders = fault_orders(SKF_6205)
    expected = {"ftf": 0.3983, "bpfo": 3.5848, "bpfi": 5.4152, "bsf": 2.3567}
    assert orders == pytest.approx(expected, abs=5e-4)
    assert fault_line("ball", SKF_6205) == pytest.approx(4.7135, abs=5e-4)
    assert fault_line("normal", SKF_6205) is None


@given(n=st.integers(4, 40), ball=st.floats(1, 20), share=st.floats(1.5, 20), contact=st.floats(0, 60))
def test_the_identities_of_the_orders_hold(n: int, ball: float, share: float, contact: float) -> None:
    orders = fault_orders({"n_balls": n, "ball_d_mm": ball, "pitch_d_mm": share * ball, "contact_deg": contact})
    assert orders["bpfo"] + orders["bpfi"] == pytest.approx(n)
    assert orders["bpfo"] == pytest.approx(n * orders["ftf"])


SEARCHED = {"inner_race": (2, 8), "outer_race": (2, 8), "ball": (2, 8), "cage": (0.2, 0.7)}
"""Orders in which the largest peak is looked for: below lie the lines of the shaft and the cage, which modulate; above,
the harmonics of the fault."""


def peak_order(x: np.ndarray, shaft_hz: float, band: tuple[float, float]) -> float:
    frequencies, spectrum = envelope_spectrum(x, RATE, (1800, 5500))
    orders = frequencies / shaft_hz
    searched = (orders > band[0]) & (orders < band[1])
    return float(orders[searched][np.argmax(spectrum[searched])])


@pytest.mark.parametrize("geometry", [SKF_6205, MFPT_NICE], ids=["6205", "NICE"])
@pytest.mark.parametrize("rpm", [800, 1797, 3000])
@pytest.mark.parametrize("fault", FAULTY)
@pytest.mark.parametrize("seed", range(3))
def test_the_envelope_peaks_within_one_per_cent_of_the_computed_order(
    fault: str, rpm: float, geometry: dict[str, float], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    bearing = draw_bearing(rng, fault, geometry, RATE)
    # A line can be told to within a part of the recording's length: of the cage's that needs more turns.
    shaft = steady(rpm, 40 if fault == "cage" else 10)
    made = simulate(rng, bearing, shaft, snr_db=5)
    expected = fault_line(fault, geometry)
    assert peak_order(made.signal, shaft.hz, SEARCHED[fault]) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("profile", ["ramp", "random"])
def test_impacts_keep_to_the_angle_of_the_shaft_whatever_its_speed(profile: str) -> None:
    rng = np.random.default_rng(3)
    bearing = replace(draw_bearing(rng, "outer_race", SKF_6205, RATE), slip=0.0)
    shaft = turn(rng, profile, 30.0, 0.2, 8 * RATE, RATE)
    made = simulate(rng, bearing, shaft, snr_db=5)
    assert shaft.turns is not None
    turns = np.interp(made.strikes.times, np.arange(shaft.n) / RATE, shaft.turns)
    assert np.diff(turns) == pytest.approx(1 / (fault_line("outer_race", SKF_6205) or 0), rel=1e-3)
    spacings = np.diff(made.strikes.times)
    assert spacings.max() / spacings.min() > 1.3


@pytest.mark.parametrize("fault", ["inner_race+outer_race", "outer_race+ball+cage"])
def test_several_faults_at_once_each_strike_at_their_own_order(fault: str) -> None:
    rng = np.random.default_rng(0)
    bearing = replace(draw_bearing(rng, fault, SKF_6205, RATE), slip=0.0)
    made = simulate(rng, bearing, steady(1800, 20), snr_db=0)
    assert bearing.fault_lines() == pytest.approx([fault_line(one, SKF_6205) for one in fault.split("+")])
    for which, order in enumerate(bearing.fault_lines()):
        times = made.strikes.times[made.strikes.which == which]
        assert np.median(np.diff(times)) == pytest.approx(1 / (order * 30), rel=1e-3)
    assert np.all(np.diff(made.strikes.times) >= 0)


def test_an_inner_race_fault_has_sidebands_at_the_shaft_and_an_outer_one_has_none() -> None:
    shaft_hz = 1772 / 60

    def sideband(fault: str) -> float:
        frequencies, spectrum = envelope_spectrum(run(fault, snr_db=15, slip=0.002).signal, 12_000, (1800, 5500))
        line = (fault_line(fault, SKF_6205) or 0) * shaft_hz

        def level(at: float) -> float:
            return float(spectrum[np.abs(frequencies - at) < 1].max())

        return (level(line - shaft_hz) + level(line + shaft_hz)) / (2 * level(line))

    assert sideband("inner_race") > 0.25
    assert sideband("outer_race") < 0.1


@pytest.mark.parametrize("snr_db", [-15, -3, 0, 8])
@pytest.mark.parametrize("fault", FAULTY)
def test_the_snr_asked_for_is_measured_back(fault: str, snr_db: float) -> None:
    made = run(fault, snr_db=snr_db)
    # From the sum alone: what is left of it without the parts that are not impacts.
    rest = made.signal - made.shaft - made.noise
    assert 10 * np.log10(np.mean(rest**2) / np.mean(made.noise**2)) == pytest.approx(snr_db, abs=1e-6)


def test_a_healthy_bearing_has_no_impacts() -> None:
    made = run("normal")
    assert made.strikes.times.size == 0
    assert not made.impacts.any()


@pytest.mark.parametrize("fault", FAULTY)
def test_the_true_impact_times_are_where_the_energy_rises(fault: str) -> None:
    made = run(fault, exit_gain=0.0, load_zone=50.0, slip=0.01)
    power = made.impacts**2
    at = np.ceil(made.strikes.times * 12_000).astype(int)
    at = at[(at > 10) & (at < power.size - 10)]
    before = np.mean([power[i - 6 : i - 1].mean() for i in at])
    after = np.mean([power[i : i + 5].mean() for i in at])
    assert after > 20 * before


def test_the_smallest_load_zone_that_there_is_makes_a_recording() -> None:
    made = run("inner_race", load_zone=5e-324, seconds=1.0)
    assert made.strikes.times.size < 5
    assert np.isfinite(made.signal).all()


def test_slip_adds_up_as_a_random_walk() -> None:
    spacing = 60 / 1772 / (fault_line("outer_race", SKF_6205) or 1)
    walks = np.array([run("outer_race", seed=seed, slip=0.02, seconds=4.0).strikes.times[:400] for seed in range(60)])
    steps = np.diff(walks, axis=1)
    assert steps.std() / spacing == pytest.approx(0.02, rel=0.05)
    assert steps.mean() == pytest.approx(spacing, rel=0.002)
    spread = (walks - walks[:, :1]).std(axis=0)
    assert spread[399] / spread[100] == pytest.approx(np.sqrt(399 / 100), rel=0.35)


def test_slip_that_does_not_add_up_stays_at_the_place_of_each_impact() -> None:
    spacing = 60 / 1772 / (fault_line("outer_race", SKF_6205) or 1)
    made = run("outer_race", slip=0.02, slip_adds_up=False)
    from_places = made.strikes.times - spacing * np.arange(made.strikes.times.size)
    halves = np.array_split(from_places, 8)
    assert np.std([half.mean() for half in halves]) < 0.01 * spacing
    assert from_places.std() / spacing == pytest.approx(0.02, rel=0.1)


def test_the_mask_holds_the_energy_of_the_impacts_and_begins_with_each() -> None:
    made = run("inner_race")
    power = made.impacts**2
    assert power[made.mask == 1].sum() > 0.97 * power.sum()
    assert 0.05 < made.mask.mean() < 0.95
    at = np.ceil(made.strikes.times * RATE).astype(int)
    assert made.mask[at[at < made.mask.size]].all()
    assert not made.mask[: at[0]].any()


def test_strikes_grow_where_the_fault_does() -> None:
    bearing = draw_bearing(np.random.default_rng(0), "outer_race", SKF_6205, RATE)
    steady_, growing = (
        simulate(np.random.default_rng(1), bearing, steady(1772, 10), snr_db=0, growth=growth).impacts
        for growth in (0.0, 0.8)
    )
    first, last = (growing / steady_.std())[:RATE].std(), (growing / steady_.std())[-RATE:].std()
    assert first / last == pytest.approx(0.24 / 0.96, rel=0.15)


def test_what_is_fixed_is_not_drawn_and_changes_nothing_else() -> None:
    free, fixed = (
        draw_bearing(np.random.default_rng(1), "ball", SKF_6205, RATE, setting)
        for setting in (None, Setting((0.1,), 0.7, 0.0, False, ((3000.0, 0.05, 1.0),)))
    )
    assert fixed == replace(
        free, size_in=0.1, load_zone=0.7, slip=0.0, slip_adds_up=False, resonances=((3000.0, 0.05, 1.0),)
    )


def test_the_exit_comes_as_long_after_the_entry_as_a_ball_takes() -> None:
    bearing = Bearing(SKF_6205, "outer_race", 0.1, ((4000.0, 0.2, 1.0),), 0.0, 1.0, 1.0, 0.0, (), 0.05)
    made = simulate(np.random.default_rng(1), bearing, steady(300, 2), snr_db=20)
    assert crossing_time(bearing, 5.0) == pytest.approx(0.1 * 25.4 * 39.04 / (np.pi * 5 * (39.04**2 - 7.94**2)))
    exits = np.ceil((made.strikes.times + crossing_time(bearing, 5.0)) * RATE).astype(int)
    exits = exits[exits < made.impacts.size - 4]
    power = made.impacts**2
    assert np.mean([power[i : i + 4].mean() for i in exits]) > 100 * np.mean(
        [power[i - 6 : i - 1].mean() for i in exits]
    )


def test_impacts_fall_between_samples_without_being_rounded() -> None:
    bearing = Bearing(SKF_6205, "outer_race", 0.007, ((3000.0, 0.05, 1.0),), 0.0, 0.6, 0.0, -1.0, (), 0.05)
    made = simulate(np.random.default_rng(1), bearing, steady(600, 2), snr_db=20)
    t = np.arange(made.impacts.size) / 12_000
    omega = 2 * np.pi * 3000
    rung = omega * np.sqrt(1 - 0.05**2)
    first, second = made.strikes.times[3:5]
    inside = (t > first + 0.0005) & (t < second - 0.001)
    ringing = np.exp(-0.05 * omega * (t - first)) * np.sin(rung * (t - first))
    assert np.corrcoef(made.impacts[inside], ringing[inside])[0, 1] > 0.999


@pytest.mark.parametrize("slope", [-1.2, -1.0, -0.5, 0.0])
def test_the_noise_has_the_slope_it_was_given(slope: float) -> None:
    made = run("normal", noise_slope=slope, harmonics=(), seconds=40.0)
    frequencies, power = sps.welch(made.noise, 12_000, nperseg=4096)
    band = (frequencies > 30) & (frequencies < 5000)
    fitted = np.polyfit(np.log(frequencies[band]), np.log(power[band]), 1)[0]
    assert fitted == pytest.approx(slope, abs=0.05)


def test_the_resonances_are_where_the_bearing_has_them() -> None:
    # One strike rings what a hammer would: no line of the impacts' own rate stands in the way.
    drawn = draw_bearing(np.random.default_rng(0), "outer_race", SKF_6205, 12_000)
    bearing = replace(drawn, resonances=((2500.0, 0.03, 1.0), (4200.0, 0.03, 1.0)), exit_gain=0.0)
    made = simulate(np.random.default_rng(0), bearing, steady(60, 0.3), snr_db=20)
    assert made.strikes.times.size == 1
    power = np.abs(np.fft.rfft(made.impacts)) ** 2
    frequencies = np.fft.rfftfreq(made.impacts.size, 1 / 12_000)
    peaks, _ = sps.find_peaks(power, height=power.max() / 10, distance=100)
    assert frequencies[peaks] == pytest.approx([2500, 4200], rel=0.02)


def test_a_wider_spall_leaves_a_longer_gap_between_entry_and_exit() -> None:
    narrow, wide = (run("outer_race", seed=5, size_in=size).impacts for size in (0.007, 0.028))
    assert not np.allclose(narrow, wide)


def test_bearings_of_one_class_differ_in_all_that_makes_a_bearing() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_bearing(rng, "inner_race", SKF_6205, 12_000) for _ in range(30)]
    for name in ("resonances", "slip", "load_zone", "exit_gain", "noise_slope", "harmonics", "gain"):
        assert len({getattr(bearing, name) for bearing in drawn}) == 30
    assert len({bearing.size_in for bearing in drawn}) == 4
    assert {len(bearing.resonances) for bearing in drawn} == {2, 3, 4}
    for bearing in drawn:
        for frequency, damping, _ in bearing.resonances:
            assert 2000 <= frequency <= 0.42 * 12_000
            assert 0.02 <= damping <= 0.08
