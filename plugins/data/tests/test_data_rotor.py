"""The eleven classes of a rotor on journal bearings."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import signal as sps

from pfd_plugin_data.classes import ROTOR, SEVERITIES, SYNONYMS
from pfd_plugin_data.generation import generate_recordings
from pfd_plugin_data.params import GenerateDatasetParams
from pfd_plugin_data.recipes.plan import Generated, Plan
from pfd_plugin_data.simulators.machine import draw_machine
from pfd_plugin_data.simulators.rotor import KNOTS, Course, Simulated, fault_orders, parts, simulate
from pfd_plugin_data.simulators.speed import Shaft, Signal, turn

RATE = 20_480.0
HZ = 60.0
MACHINE = draw_machine(np.random.default_rng(1), HZ, 0.1)


def course(severity: float | Signal = 0.8, *, seconds: float = 2.0, load: float = 0.6, **changes: Any) -> Course:
    settings: dict[str, Any] = {
        "shaft": Shaft(HZ, RATE, round(seconds * RATE)),
        "load": np.full(KNOTS, load * MACHINE.rated_load),
        "celsius": np.full(KNOTS, 50.0),
        "severity": np.full(KNOTS, 1.0) * severity,
    }
    return Course(**(settings | changes))


def made(fault: str, severity: float | Signal = 0.8, *, seed: int = 0, **how: Any) -> Simulated:
    return simulate(np.random.default_rng(seed), MACHINE, fault, course(severity, **how))


def phasor(x: np.ndarray, order: float) -> complex:
    t = np.arange(x.size) / RATE
    window = np.hanning(x.size)
    return complex(2 * np.sum(x * window * np.exp(-2j * np.pi * order * HZ * t)) / window.sum())


def level(x: np.ndarray, order: float) -> float:
    return abs(phasor(x, order))


def test_imbalance_is_a_line_at_once_a_quarter_of_a_turn_later_on_the_second_sensor() -> None:
    x, y = made("imbalance").signal
    assert level(x, 1) > 5 * max(level(x, 2), level(x, 3))
    assert level(x, 1) > 3 * level(made("normal").signal[0], 1)
    lag = np.angle(phasor(x, 1) / phasor(y, 1), deg=True)
    assert lag == pytest.approx(90, abs=2)


def test_the_force_of_imbalance_goes_as_the_square_of_the_speed() -> None:
    ramp = turn(np.random.default_rng(0), "ramp", HZ, 0.1, round(20 * RATE), RATE)
    knots = course(shaft=ramp).omega()
    orbit = simulate(np.random.default_rng(0), MACHINE, "imbalance", course(shaft=ramp)).fault
    envelope = np.abs(orbit[0] + 1j * orbit[1])
    answers = [
        abs(MACHINE.answer(np.ones(1), omega, 0.6 * MACHINE.rated_load, 50.0)[0]) for omega in (knots[0], knots[-1])
    ]
    expected = (knots[-1] / knots[0]) ** 2 * answers[1] / answers[0]
    assert np.median(envelope[-4000:]) / np.median(envelope[:4000]) == pytest.approx(expected, rel=0.02)


def test_misalignment_raises_twice_and_three_times() -> None:
    healthy, bad = made("normal").signal[0], made("misalignment").signal[0]
    assert level(bad, 2) > 5 * level(healthy, 2)
    assert level(bad, 3) > 5 * level(healthy, 3)
    assert level(bad, 1) == pytest.approx(level(healthy, 1), rel=0.05)


def test_looseness_has_halves_and_many_harmonics_and_a_cut_wave() -> None:
    healthy, loose = made("normal").signal[0], made("looseness", 0.9).signal[0]
    for order in (0.5, 1.5, 2, 3, 4, 5, 6):
        assert level(loose, order) > 5 * level(healthy, order)
    # Cut flat: many samples lie at the stop.
    assert np.mean(np.abs(loose) > 0.999 * np.abs(loose).max()) > 20 * np.mean(
        np.abs(healthy) > 0.999 * abs(healthy).max()
    )


def test_lubrication_raises_the_floor_and_makes_contacts() -> None:
    healthy, dry = made("normal").signal[0], made("lubrication").signal[0]
    frequencies, power = sps.welch(dry, RATE, nperseg=4096)
    _, before = sps.welch(healthy, RATE, nperseg=4096)
    band = (frequencies > 500) & (frequencies < 8000)
    assert power[band].min() > 10 * before[band].max()
    assert sps.welch(made("lubrication", 0.4).signal[0], RATE, nperseg=4096)[1][band].mean() < power[band].mean() / 3


def test_cavitation_bursts_where_its_mask_says_and_nowhere_else() -> None:
    for seconds in (0.06, 2.0):
        bad = made("cavitation", seconds=seconds)
        assert 0 < bad.mask.mean() < 0.5
        power = bad.fault[0] ** 2
        assert power[bad.mask == 0].sum() == 0
        assert power[bad.mask == 1].mean() > 0
    frequencies, spectrum = sps.welch(bad.fault[0], RATE, nperseg=2048)
    assert 1500 < frequencies[np.argmax(spectrum)] < 2500
    edges = np.flatnonzero(np.diff(bad.mask.astype(int)) == 1).size
    assert 15 < edges < 60  # 20 a second, some of which run into each other


def test_wear_is_rough_and_has_once_and_twice() -> None:
    healthy, bad = made("normal").signal[0], made("wear").signal[0]
    assert level(bad, 2) > 5 * level(healthy, 2)
    assert abs(level(bad, 1) - level(healthy, 1)) > 0.3 * level(healthy, 1)
    high = sps.butter(4, 2000, "highpass", fs=RATE, output="sos")
    assert sps.sosfilt(high, bad).std() > 5 * sps.sosfilt(high, healthy).std()


def test_oil_whirl_is_a_line_a_little_below_half_and_the_load_is_light() -> None:
    bad = made("oil_whirl", 0.5)
    x = bad.fault[0]
    spectrum = np.abs(np.fft.rfft(x * np.hanning(x.size)))
    order = np.fft.rfftfreq(x.size, 1 / RATE)[np.argmax(spectrum)] / HZ
    assert 0.38 <= order <= 0.49
    assert bad.load.max() < 0.2 * MACHINE.rated_load


def test_a_healthy_machine_would_not_whirl_at_any_load_speed_or_temperature_it_runs_at() -> None:
    for seed in range(6):
        machine = draw_machine(np.random.default_rng(seed), 25.0, 0.1)
        for celsius in (40.0, 80.0):
            limit = machine.whirl_load(2 * math.pi * 27.5, celsius)
            assert limit < 0.3 * machine.rated_load


@pytest.mark.parametrize("fault", [fault for fault in ROTOR if fault.startswith("combined")])
def test_combined_classes_have_the_marks_of_both(fault: str) -> None:
    first, second = parts(fault)
    assert set(fault_orders(fault)) == set(fault_orders(first)) | set(fault_orders(second))
    both = made(fault)
    for order in fault_orders(fault):
        assert level(both.signal[0], order) > 2 * level(made("normal").signal[0], order) or order == 1


@pytest.mark.parametrize("fault", [fault for fault in ROTOR if fault not in ("normal", "oil_whirl")])
def test_what_the_fault_adds_grows_with_its_severity(fault: str) -> None:
    levels = [made(fault, severity).fault.std() for severity in (0.3, 0.6, 0.95)]
    assert levels[0] < levels[1] < levels[2]


@pytest.mark.parametrize("fault", ["imbalance", "misalignment"])
def test_severity_can_be_measured_back_from_the_line(fault: str) -> None:
    order = fault_orders(fault)[0]
    once, more = (level(made(fault, severity).fault[0], order) for severity in (0.25, 0.75))
    assert more / once == pytest.approx(3.0, rel=0.01)


def test_a_fault_that_grows_does_so_within_the_recording() -> None:
    fault = made("imbalance", np.linspace(0.2, 1.0, KNOTS)).fault[0]
    start, end = fault[: len(fault) // 20].std(), fault[-len(fault) // 20 :].std()
    assert end / start == pytest.approx(0.98 / 0.22, rel=0.05)


# What the task makes of it.

SMALL: dict[str, Any] = {"simulator": "rotor", "num_signals_per_fault": 4, "bearings_per_fault": 2, "duration_s": 0.5}


def generated(**params: Any) -> list[Generated]:
    return list(generate_recordings(GenerateDatasetParams(**(SMALL | params))))


def test_all_eleven_classes_are_made_on_two_channels() -> None:
    items = generated(num_signals_per_fault=2, duration_s=0.2)
    assert {item.info.fault_type for item in items} == set(ROTOR)
    for item in items:
        assert item.signal.shape == (2, 4096)
        assert [channel.sensor for channel in item.info.channels] == ["X", "Y"]
        assert (item.truth["fault_mask"].max() == 0) == (item.info.fault_type == "normal")


def test_synonyms_are_read_and_the_names_of_the_classes_written() -> None:
    params = GenerateDatasetParams(simulator="rotor", fault_types=("sain", "jeu", "usure"))
    assert params.fault_types == ("normal", "looseness", "wear")
    assert set(SYNONYMS.values()) <= set(ROTOR)


def test_severities_lie_in_their_bands() -> None:
    for item in generated(fault_types=("imbalance",), num_signals_per_fault=8, temporal_evolution=0):
        assert item.info.severity is not None
        low, high = SEVERITIES[item.info.severity]
        assert low <= item.truth["severity"][-1] <= high
        assert np.ptp(item.truth["severity"]) == 0


def test_the_share_of_recordings_that_grow_is_the_one_asked_for() -> None:
    items = generated(fault_types=("imbalance",), num_signals_per_fault=200, temporal_evolution=0.3, duration_s=0.05)
    share = np.mean([np.ptp(item.truth["severity"]) > 0 for item in items])
    assert share == pytest.approx(0.3, abs=0.1)


@pytest.mark.parametrize("snr_db", [0.0, 20.0])
def test_the_snr_asked_for_is_measured_back_in_both_channels(snr_db: float) -> None:
    settings: dict[str, Any] = {"fault_types": ("imbalance", "wear"), "noise_layers": ("white",), "snr_db": snr_db}
    noisy = generated(**settings)
    clean = generated(**settings | {"noise_layers": ()})
    for one, other in zip(noisy, clean, strict=True):
        noise = one.signal.astype(float) - other.signal
        ratio = np.mean(other.signal.astype(float) ** 2, axis=1) / np.mean(noise**2, axis=1)
        assert 10 * np.log10(ratio) == pytest.approx([snr_db] * 2, abs=0.01)


def load(item: Generated) -> float:
    """The recorded load, % of the rated one."""
    return float((item.info.load or "").rstrip("%"))


def test_transients_change_what_they_are_named_after() -> None:
    kinds = ("none", "speed_ramp", "load_step", "thermal")
    lone: dict[str, Any] = {"fault_types": ("imbalance",), "bearings_per_fault": 1, "temporal_evolution": 0}
    items = generated(**lone, transients=kinds)
    words = [
        next((kind for kind in kinds if kind.replace("_", " ") in (i.info.condition or "")), "none") for i in items
    ]
    assert sorted(words) == sorted(kinds)
    steady, ramp, step, _ = (items[words.index(kind)] for kind in kinds)
    assert "speed_hz" not in steady.truth
    assert np.ptp(ramp.truth["speed_hz"]) / ramp.truth["speed_hz"].mean() == pytest.approx(0.2, rel=0.05)
    plain = generated(**lone)
    for kind in ("load_step", "thermal"):
        at = words.index(kind)
        assert not np.array_equal(items[at].signal, plain[at].signal)
    # The load falls to 0.6 of what it was; the recorded one is the mean.
    assert float((step.info.load or "").rstrip("%")) < float(
        (plain[words.index("load_step")].info.load or "").rstrip("%")
    )


def test_a_step_of_the_load_is_one_for_a_rotor_that_whirls() -> None:
    items = [
        generated(fault_types=("oil_whirl",), transients=kinds, temporal_evolution=0)
        for kinds in (None, ("load_step",))
    ]
    for plain, stepped in zip(*items, strict=True):
        assert float((stepped.info.load or "").rstrip("%")) < float((plain.info.load or "").rstrip("%"))
        assert not np.array_equal(plain.signal, stepped.signal)


@pytest.mark.parametrize(("levels", "transients"), [(4, 4), (4, 2), (3, 4), (1, 4), (4, 1), (2, 4)])
def test_every_severity_meets_every_transient_on_every_machine(levels: int, transients: int) -> None:
    """Else one would tell the other, and a split by bearing would hold out a severity."""
    for which in range(4):
        turns = [Plan("wear", 0, which, turn, 60.0, 0, ()) for turn in range(levels * transients)]
        assert len({plan.dealt(levels, transients) for plan in turns}) == levels * transients
    first = [Plan("wear", 0, which, 0, 60.0, 0, ()).dealt(levels, transients) for which in range(4)]
    assert {level for level, _ in first} == set(range(levels))
    assert {transient for _, transient in first} == set(range(transients))


def test_a_machine_is_built_for_one_of_the_speeds() -> None:
    items = generated(fault_types=("normal",), rpm=(1500, 3000), speed_variation=0)
    assert {item.info.bearing_id[-2:]: item.info.rpm for item in items} == {"00": 1500, "01": 3000}
