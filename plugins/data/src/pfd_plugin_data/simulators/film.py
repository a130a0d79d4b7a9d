"""The oil film of a short journal bearing (Ocvirk): its force, where the journal floats, how stiff it is there.

The film carries by the part of it whose pressure is above that of the air; that part turns with the motion of the
journal.  The force of it in closed form is that of Capone (L'Energia Elettrica 68, 1991; used by Adiletta, Guido and
Rossi, Nonlinear Dynamics 10, 1996); at rest it is Ocvirk's (NACA TN 2808, 1952).

Axes: y up against gravity, x to the right; the shaft turns from x to y; the load is along -y.  Displacements of the
journal are in units of the clearance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]

VISCOSITY_PER_KELVIN = 0.03
"""The oil loses so much of its viscosity a kelvin."""

REFERENCE_CELSIUS = 50.0

FULLEST = 0.98
"""The journal is kept within so much of the clearance: beyond, surfaces touch, which the film knows nothing of."""

_STEP = 1e-5


@dataclass(frozen=True)
class Bearing:
    """A journal bearing: `radius`, `length` and radial `clearance` in m; `viscosity` of its oil at 50 °C in Pa s.

    `swirl` is the mean speed of the oil around the bearing over that of the shaft: a half in Ocvirk's film, somewhat
    less in a real one, whose oil comes in without it and leaves at the ends (Muszynska, JSV 119, 1987).
    """

    radius: float
    length: float
    clearance: float
    viscosity: float
    swirl: float = 0.5

    def entrained(self, omega: float) -> float:
        """The speed of a shaft, rad/s, that would move the oil as fast were there no losses."""
        return 2 * self.swirl * omega

    def force_scale(self, celsius: float) -> float:
        """μ R L³ / 4c², N s: times the angular speed, the unit of force of the film."""
        viscosity = self.viscosity * math.exp(-VISCOSITY_PER_KELVIN * (celsius - REFERENCE_CELSIUS))
        return viscosity * self.radius * self.length**3 / (4 * self.clearance**2)

    def sommerfeld(self, load: float, omega: float, celsius: float) -> float:
        """S = (μN/P)(R/c)² with N in turns a second and P the load over the projected area."""
        viscosity = self.viscosity * math.exp(-VISCOSITY_PER_KELVIN * (celsius - REFERENCE_CELSIUS))
        pressure = load / (2 * self.radius * self.length)
        return viscosity * omega / (2 * math.pi) / pressure * (self.radius / self.clearance) ** 2


@dataclass(frozen=True)
class Equilibrium:
    """Where a journal floats under a steady load: `eccentricity`, `x` and `y` in units of the clearance."""

    eccentricity: float
    x: float
    y: float


def film_force(x: float, y: float, vx: float, vy: float, omega: float) -> tuple[float, float]:
    """Force on the journal over `Bearing.force_scale`, 1/s.

    `x` and `y` in units of the clearance, `vx` and `vy` in those a second, `omega` in rad/s (`Bearing.entrained`).
    """
    square = x * x + y * y
    if square > FULLEST * FULLEST:
        # Held at the edge, as by the bearing's own surface.
        shrink = FULLEST / math.sqrt(square)
        x, y, square = x * shrink, y * shrink, FULLEST * FULLEST
    p, q = omega * x - 2 * vy, omega * y + 2 * vx
    speed = math.sqrt(p * p + q * q)
    if speed == 0.0:
        return 0.0, 0.0
    cosine, sine = -p / speed, -q / speed
    gap = 1 - square
    root = math.sqrt(gap)
    across, along = y * cosine - x * sine, x * cosine + y * sine
    g = 2 / root * (math.pi / 2 + math.atan(across / root))
    v = (2 + across * g) / gap
    s = along / (1 - along * along)
    scale = -speed / gap
    return scale * (3 * x * v - sine * g - 2 * cosine * s), scale * (3 * y * v + cosine * g - 2 * sine * s)


def carried(eccentricity: float) -> float:
    """What a film carries at rest, over `force_scale` times the angular speed (Ocvirk)."""
    gap = 1 - eccentricity**2
    return math.hypot(4 * eccentricity**2 / gap**2, math.pi * eccentricity / gap**1.5)


def equilibrium(bearing: Bearing, load: float, omega: float, celsius: float) -> Equilibrium:
    """Where the journal floats under `load`, N, at `omega`, rad/s."""
    wanted = load / (bearing.force_scale(celsius) * bearing.entrained(omega))
    low, high = 0.0, FULLEST
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if carried(middle) < wanted else (low, middle)
    gap = 1 - low**2
    attitude = math.atan2(math.pi * math.sqrt(gap), 4 * low)
    return Equilibrium(low, low * math.sin(attitude), -low * math.cos(attitude))


def linearised(bearing: Bearing, at: Equilibrium, omega: float, celsius: float) -> tuple[Matrix, Matrix]:
    """Stiffness, N/m, and damping, N s/m, of the film about an equilibrium, each `(2, 2)`: F = -K x - C v."""
    scale, oil = bearing.force_scale(celsius) / bearing.clearance, bearing.entrained(omega)

    def slope(axis: int, step: float) -> Matrix:
        moved = [np.zeros(4), np.zeros(4)]
        moved[0][axis], moved[1][axis] = step, -step
        ahead, behind = (
            np.array(film_force(at.x + dx, at.y + dy, vx, vy, oil)) for dx, dy, vx, vy in (m.tolist() for m in moved)
        )
        return np.asarray((ahead - behind) / (2 * step))

    stiffness = -scale * np.column_stack([slope(0, _STEP), slope(1, _STEP)])
    damping = -scale * np.column_stack([slope(2, _STEP * omega), slope(3, _STEP * omega)])
    return stiffness, damping
