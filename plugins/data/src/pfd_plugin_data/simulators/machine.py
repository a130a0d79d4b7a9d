"""A machine on journal bearings, built for a speed: its rotor, and how it answers forces as it runs.

Machines of all speeds are alike: what decides whether an oil film is stable is the same for each of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pfd_plugin_data.simulators import film
from pfd_plugin_data.simulators.jeffcott import Rotor, threshold_margin
from pfd_plugin_data.simulators.speed import Signal

BALANCE_MM_PER_S = 2.5
"""Of a machine in good balance (ISO 21940-11, grade G 2.5): the eccentricity of its mass times the angular speed."""

GRAVITY = 9.81

_USUAL_HZ = 60.0
_WORN_CLEARANCE = 2.0


@dataclass(frozen=True)
class Machine:
    """One physical machine: what all recordings of it share.

    `rated_hz` is the speed it is built for, `rated_load` the load of a bearing in N, `housing_mass` what the force on
    the bearing moves, kg; `resonance` (Hz, damping ratio) that of the housing; `residual` its unbalance over that of
    `BALANCE_MM_PER_S`; `phases` of its lines; `texture` the levels of its 2× and 3× beside 1×.
    """

    rotor: Rotor
    rated_hz: float
    rated_load: float
    housing_mass: float
    resonance: tuple[float, float]
    residual: float
    phases: tuple[float, ...]
    texture: tuple[float, float]

    def with_clearance(self, clearance: float) -> Machine:
        bearing = replace(self.rotor.bearing, clearance=clearance)
        return replace(self, rotor=replace(self.rotor, bearing=bearing))

    def unbalance(self, residual: float) -> float:
        """The eccentricity, m, of so many times the usual unbalance."""
        return residual * BALANCE_MM_PER_S / 1000 / (2 * math.pi * self.rated_hz)

    def answer(self, orders: Signal, omega: float, load: float, celsius: float) -> npt.NDArray[np.complex128]:
        """Acceleration of the housing, g, for each N that acts on the disc at these orders of `omega`, rad/s.

        The film is stiff and damps as it does about the equilibrium, taken the same in both directions, so that a
        force that turns stays one.
        """
        bearing, rotor = self.rotor.bearing, self.rotor
        at = film.equilibrium(bearing, load, omega, celsius)
        stiffness, damping = film.linearised(bearing, at, omega, celsius)
        frequency = orders * omega
        oil = np.trace(stiffness) / 2 + 1j * frequency * np.trace(damping) / 2
        support = rotor.stiffness * oil / (rotor.stiffness + oil)
        drag = 1j * frequency * rotor.damping
        return np.asarray(support / (support + drag - rotor.mass * frequency**2) / (self.housing_mass * GRAVITY))

    def whirl_load(self, omega: float, celsius: float) -> float:
        """The load, N, below which the rotor whirls at `omega`, rad/s."""
        low, high = 1e-4 * self.rated_load, self.rated_load
        for _ in range(30):
            middle = math.sqrt(low * high)
            low, high = (middle, high) if threshold_margin(self.rotor, middle, omega, celsius) > 0 else (low, middle)
        return low


def draw_machine(rng: np.random.Generator, rated_hz: float, variation: float) -> Machine:
    """Draw one machine that is built for `rated_hz` and what it may deviate from that.

    A bearing of 200 mm by 47 mm with 0.1 mm of clearance carries 6 kN at 60 Hz; at another speed stiffnesses go as the
    square of it and the viscosity as its inverse, so that the film is as stable.
    """
    speed = rated_hz / _USUAL_HZ
    mass = 60.0 * rng.uniform(0.9, 1.1)
    # The threshold of whirl lies above the highest speed, and twice the critical speed beyond that.
    critical = 2 * math.pi * rated_hz * (1 + variation) * rng.uniform(0.55, 0.58)
    bearing = film.Bearing(
        radius=0.1,
        length=0.0473,
        clearance=1e-4 * rng.uniform(0.95, 1.05),
        viscosity=0.02 * speed * rng.uniform(0.9, 1.1),
        swirl=float(rng.uniform(0.46, 0.48)),
    )
    machine = Machine(
        rotor=Rotor(bearing, mass, 0.1 * mass, mass * critical**2, 2 * 0.02 * mass * critical, 0.0),
        rated_hz=rated_hz,
        rated_load=6000.0 * speed**2,
        housing_mass=5 * mass,
        resonance=(float(rng.uniform(1200.0, 2000.0)), float(rng.uniform(0.03, 0.06))),
        residual=float(rng.uniform(0.3, 0.6)),
        phases=tuple(rng.uniform(0, 2 * np.pi, 24).tolist()),
        texture=(float(rng.uniform(0.1, 0.2)), float(rng.uniform(0.04, 0.08))),
    )
    eccentricity = machine.unbalance(machine.residual)
    return replace(machine, rotor=replace(machine.rotor, eccentricity=eccentricity))


def worn(machine: Machine) -> Machine:
    """The same machine, its bearings worn to twice their clearance."""
    return machine.with_clearance(_WORN_CLEARANCE * machine.rotor.bearing.clearance)
