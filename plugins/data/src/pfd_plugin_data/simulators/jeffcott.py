"""A Jeffcott rotor on journal bearings, integrated in time: what whirls, and how far, comes out of it.

One half of the machine, which is symmetric: half of the disc on half of the shaft, and one journal in its film.

    m d² = -k (d - j) - c ḋ + m e ω² (cos θ, sin θ) - (0, W)
    mⱼ j̈ = k (d - j) + film(j, j̇, ω)

The film's force turns the journal forward as well as holding it.  Where the load is light that overcomes the damping,
and the journal whirls at a little less than half the speed of the shaft; once that is the first critical speed, it
stays there (Muszynska, JSV 119, 1987).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.integrate import odeint

from pfd import DataError
from pfd_plugin_data.simulators.film import Bearing, equilibrium, film_force, linearised
from pfd_plugin_data.simulators.speed import Signal

SETTLING_TURNS = 40
"""Turns before the recording begins, in which what was started by hand dies away."""

KICK = 0.05
"""How far from its place the journal is let go, in units of the clearance."""

TOLERANCE = 1e-7


@dataclass(frozen=True)
class Rotor:
    """Half of a machine: `mass` and `journal_mass` in kg, `stiffness` of the shaft in N/m, `damping` of the disc in
    N s/m, `eccentricity` of its mass in m, and the bearing."""

    bearing: Bearing
    mass: float
    journal_mass: float
    stiffness: float
    damping: float
    eccentricity: float

    @property
    def critical_hz(self) -> float:
        """The first critical speed on rigid bearings, Hz."""
        return math.sqrt(self.stiffness / self.mass) / (2 * math.pi)


@dataclass(frozen=True)
class Operation:
    """How a rotor runs, at each of some even times from begin to end: `omega` in rad/s, `load` in N, `celsius`."""

    omega: Signal
    load: Signal
    celsius: Signal


@dataclass(frozen=True)
class Orbit:
    """Motion of a rotor, each `(2, samples)`: x and y of journal and disc, m; `force` on the bearing, N."""

    journal: Signal
    disc: Signal
    force: Signal


def threshold_margin(rotor: Rotor, load: float, omega: float, celsius: float) -> float:
    """The growth rate of the least stable motion about the equilibrium, 1/s; above zero it whirls."""
    at = equilibrium(rotor.bearing, load, omega, celsius)
    film_k, film_c = linearised(rotor.bearing, at, omega, celsius)
    shaft = rotor.stiffness * np.eye(2)
    stiffness = np.block([[film_k + shaft, -shaft], [-shaft, shaft]])
    damping = np.block([[film_c, np.zeros((2, 2))], [np.zeros((2, 2)), rotor.damping * np.eye(2)]])
    inverse = np.diag(1 / np.array([rotor.journal_mass] * 2 + [rotor.mass] * 2))
    system = np.block([[np.zeros((4, 4)), np.eye(4)], [-inverse @ stiffness, -inverse @ damping]])
    return float(np.linalg.eigvals(system).real.max())


def integrate(rotor: Rotor, operation: Operation, n: int, rate: float, *, cross_coupling: bool = True) -> Orbit:
    """The motion of a rotor at `n` samples, `rate` a second.

    Parameters
    ----------
    cross_coupling : False takes from the film its cross-coupled stiffness about the equilibrium at the begin: a test
        of what makes it whirl.

    Raises
    ------
    DataError : the integrator gave up.
    """
    bearing, seconds = rotor.bearing, n / rate
    omega0, load0 = float(operation.omega[0]), float(operation.load[0])
    lead = SETTLING_TURNS * 2 * math.pi / omega0
    at = equilibrium(bearing, load0, omega0, float(operation.celsius[0]))
    film_k = linearised(bearing, at, omega0, float(operation.celsius[0]))[0]
    coupling = (0.0, 0.0) if cross_coupling else (float(film_k[0, 1]), float(film_k[1, 0]))
    motion = _equations(rotor, operation, seconds, (at.x, at.y), coupling)
    sag = load0 / rotor.stiffness / bearing.clearance
    start = [at.x + KICK, at.y, 0.0, 0.0, at.x, at.y - sag, 0.0, 0.0]
    times = np.concatenate([[-lead], np.arange(n) / rate])
    path, report = odeint(
        motion, start, times, rtol=TOLERANCE, atol=TOLERANCE, mxstep=20_000_000, full_output=True, tfirst=True
    )
    if report["message"] != "Integration successful." or not np.isfinite(path).all():
        raise DataError(f"the motion of the rotor cannot be integrated: {report['message']}")
    moved = bearing.clearance * path[1:].T
    journal, disc = moved[0:2], moved[4:6]
    return Orbit(journal, disc, rotor.stiffness * (disc - journal))


def _equations(
    rotor: Rotor,
    operation: Operation,
    seconds: float,
    at: tuple[float, float],
    coupling: tuple[float, float],
) -> Callable[[float, npt.NDArray[np.float64]], list[float]]:
    """The right side of the equations of motion.  Plain numbers: arrays of eight would take five times as long."""
    clearance = rotor.bearing.clearance
    knots = len(operation.omega) - 1
    spacing = seconds / knots
    scale = [
        rotor.bearing.force_scale(float(celsius)) / (rotor.journal_mass * clearance) for celsius in operation.celsius
    ]
    omegas, weights = operation.omega.tolist(), (operation.load / (rotor.mass * clearance)).tolist()
    # The angle at each knot: the speed between two is a straight line.
    angles = np.concatenate([[0.0], np.cumsum((operation.omega[1:] + operation.omega[:-1]) / 2 * spacing)]).tolist()
    on_journal, on_disc = rotor.stiffness / rotor.journal_mass, rotor.stiffness / rotor.mass
    drag, lever = rotor.damping / rotor.mass, rotor.eccentricity / clearance
    swirl = rotor.bearing.entrained(1.0)
    x0, y0 = at
    k_xy, k_yx = (k / rotor.journal_mass for k in coupling)

    def motion(t: float, state: npt.NDArray[np.float64]) -> list[float]:
        x, y, vx, vy, dx, dy, dvx, dvy = state.tolist()
        if t <= 0:
            i, part = 0, 0.0
            omega, angle = omegas[0], omegas[0] * t
        else:
            place = min(t / spacing, knots - 1e-9)
            i = int(place)
            part = place - i
            slope = omegas[i + 1] - omegas[i]
            omega = omegas[i] + part * slope
            angle = angles[i] + spacing * part * (omegas[i] + part * slope / 2)
        film = scale[i] + part * (scale[i + 1] - scale[i])
        weight = weights[i] + part * (weights[i + 1] - weights[i])
        fx, fy = film_force(x, y, vx, vy, swirl * omega)
        turning = lever * omega * omega
        bend_x, bend_y = dx - x, dy - y
        return [
            vx,
            vy,
            on_journal * bend_x + film * fx + k_xy * (y - y0),
            on_journal * bend_y + film * fy + k_yx * (x - x0),
            dvx,
            dvy,
            -on_disc * bend_x - drag * dvx + turning * math.cos(angle),
            -on_disc * bend_y - drag * dvy + turning * math.sin(angle) - weight,
        ]

    return motion
