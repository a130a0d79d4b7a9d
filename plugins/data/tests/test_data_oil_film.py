"""The oil film and the rotor that whirls on it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from pfd_plugin_data.simulators.film import Bearing, carried, equilibrium, film_force, linearised
from pfd_plugin_data.simulators.jeffcott import Operation, Orbit, Rotor, integrate, threshold_margin

RATE = 10_240
LOAD = 588.0
CELSIUS = 50.0
CLEARANCE = 3e-4
CRITICAL_HZ = 45.0

OCVIRK = Bearing(radius=0.1, length=0.06, clearance=CLEARANCE, viscosity=0.02)
REAL = replace(OCVIRK, swirl=0.47)


def rotor(bearing: Bearing = REAL) -> Rotor:
    critical = 2 * math.pi * CRITICAL_HZ
    mass = 150.0
    return Rotor(bearing, mass, 0.1 * mass, mass * critical**2, 0.02 * mass * critical, eccentricity=1e-6)


def turned(hz: float, *, seconds: float = 2.0, load: float = LOAD, machine: Rotor | None = None, **how: bool) -> Orbit:
    operation = Operation(np.full(2, 2 * math.pi * hz), np.full(2, load), np.full(2, CELSIUS))
    return integrate(machine or rotor(), operation, round(seconds * RATE), RATE, **how)


def largest_below_once(orbit: Orbit, hz: float) -> tuple[float, float]:
    """Frequency, Hz, and amplitude, in clearances, of the largest line of the journal between 0.2 and 0.8×."""
    x = orbit.journal[0] - orbit.journal[0].mean()
    spectrum = 4 / x.size * np.abs(np.fft.rfft(x * np.hanning(x.size))) / CLEARANCE
    frequencies = np.fft.rfftfreq(x.size, 1 / RATE)
    within = (frequencies > 0.2 * hz) & (frequencies < 0.8 * hz)
    place = int(np.argmax(np.where(within, spectrum, 0)))
    return float(frequencies[place]), float(spectrum[place])


@pytest.mark.parametrize(
    "motion",
    [(0.3, -0.4, 0, 0, 1), (0.5, 0.2, 0.3, -0.6, 1), (-0.1, 0.7, -0.5, 0.9, 2), (0.2, 0.1, 0, 0.5, 0)],
    ids=str,
)
def test_the_force_of_the_film_is_the_integral_of_its_pressure(motion: tuple[float, ...]) -> None:
    x, y, vx, vy, omega = motion
    angle = np.linspace(0, 2 * np.pi, 100_000, endpoint=False)
    cosine, sine = np.cos(angle), np.sin(angle)
    height = 1 - x * cosine - y * sine
    # Reynolds' equation of a short bearing, integrated along it: the film carries where its pressure is above zero.
    squeeze = omega * (x * sine - y * cosine) - 2 * (vx * cosine + vy * sine)
    pressure = np.maximum(-2 * squeeze / height**3, 0)
    expected = -2 * np.pi * np.array([np.mean(pressure * cosine), np.mean(pressure * sine)])
    assert film_force(*motion) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("load", [300.0, 1764.0, 5880.0])
def test_the_journal_floats_where_the_film_bears_the_load(load: float) -> None:
    omega = 2 * math.pi * 60
    at = equilibrium(REAL, load, omega, CELSIUS)
    force = np.array(film_force(at.x, at.y, 0, 0, REAL.entrained(omega))) * REAL.force_scale(CELSIUS)
    assert force == pytest.approx([0, load], abs=1e-6 * load)
    # Ocvirk: S (L/D)² = (1-ε²)² / (πε √(π²(1-ε²) + 16ε²)).
    at = equilibrium(OCVIRK, load, omega, CELSIUS)
    e = at.eccentricity
    expected = (1 - e**2) ** 2 / (math.pi * e * math.sqrt(math.pi**2 * (1 - e**2) + 16 * e**2))
    assert OCVIRK.sommerfeld(load, omega, CELSIUS) * (0.06 / 0.2) ** 2 == pytest.approx(expected, rel=1e-6)
    assert carried(e) * OCVIRK.force_scale(CELSIUS) * omega == pytest.approx(load)


def test_oil_loses_three_per_cent_of_its_viscosity_a_kelvin() -> None:
    ratio = REAL.force_scale(51) / REAL.force_scale(50)
    assert ratio == pytest.approx(0.97, abs=0.001)


def test_the_film_pushes_the_journal_forward_as_well_as_back() -> None:
    stiffness, damping = linearised(REAL, equilibrium(REAL, LOAD, 300.0, CELSIUS), 300.0, CELSIUS)
    assert stiffness[0, 1] * stiffness[1, 0] < 0
    assert np.linalg.eigvalsh((damping + damping.T) / 2).min() > 0


def threshold_hz() -> float:
    return next(hz for hz in np.arange(20, 90, 0.5) if threshold_margin(rotor(), LOAD, 2 * math.pi * hz, CELSIUS) > 0)


def test_whirl_appears_above_its_threshold_and_not_below() -> None:
    threshold = threshold_hz()
    assert 30 < threshold < 60
    assert largest_below_once(turned(0.9 * threshold), 0.9 * threshold)[1] < 0.01
    hz, amplitude = largest_below_once(turned(1.25 * threshold), 1.25 * threshold)
    assert amplitude > 0.2
    assert hz / (1.25 * threshold) == pytest.approx(0.47, abs=0.02)


def test_whirl_keeps_to_the_shaft_until_it_locks_at_the_critical_speed() -> None:
    below = {hz: largest_below_once(turned(hz), hz)[0] for hz in (55, 65, 75)}
    assert [found / hz for hz, found in below.items()] == pytest.approx([0.47] * 3, abs=0.02)
    above = {hz: largest_below_once(turned(hz), hz)[0] for hz in (105, 120, 150)}
    assert list(above.values()) == pytest.approx([CRITICAL_HZ] * 3, rel=0.05)
    assert 150 / 105 > 1.4  # while the speed went up by so much, whip stayed
    assert max(above.values()) / min(above.values()) < 1.04


def test_whirl_vanishes_where_the_cross_coupling_is_taken_out() -> None:
    for hz in (60.0, 120.0):
        assert largest_below_once(turned(hz), hz)[1] > 0.2
        assert largest_below_once(turned(hz, cross_coupling=False), hz)[1] < 0.01


def test_the_amplitude_of_whirl_is_no_input_and_does_not_depend_on_how_it_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    once = largest_below_once(turned(60.0), 60.0)
    monkeypatch.setattr("pfd_plugin_data.simulators.jeffcott.KICK", 0.01)
    assert largest_below_once(turned(60.0), 60.0) == pytest.approx(once, rel=0.02)
    lighter = largest_below_once(turned(60.0, load=LOAD / 2), 60.0)
    assert abs(lighter[1] / once[1] - 1) > 0.01


def test_whirl_turns_forward() -> None:
    x, y = turned(60.0).journal
    signal = (x - x.mean()) + 1j * (y - y.mean())
    spectrum = np.abs(np.fft.fft(signal * np.hanning(signal.size)))
    frequencies = np.fft.fftfreq(signal.size, 1 / RATE)
    forward = spectrum[(frequencies > 20) & (frequencies < 40)].max()
    assert forward > 2 * spectrum[(frequencies < -20) & (frequencies > -40)].max()


def test_a_heavy_load_keeps_the_rotor_from_whirling() -> None:
    assert largest_below_once(turned(60.0, load=30 * LOAD), 60.0)[1] < 0.01


def test_the_motion_does_not_depend_on_how_finely_it_is_sampled() -> None:
    operation = Operation(np.full(2, 2 * math.pi * 60), np.full(2, LOAD), np.full(2, CELSIUS))
    coarse = integrate(rotor(), operation, RATE // 2, RATE)
    fine = integrate(rotor(), operation, RATE, 2 * RATE)
    assert coarse.journal == pytest.approx(fine.journal[:, ::2], abs=2e-3 * CLEARANCE)
