"""Kinematics of a rolling-element bearing whose outer ring is fixed: its characteristic orders."""

from __future__ import annotations

import math
from collections.abc import Mapping


def fault_orders(geometry: Mapping[str, float]) -> dict[str, float]:
    """Characteristic frequencies in orders of the shaft: `ftf`, `bpfo`, `bpfi`, `bsf`.

    With n elements of diameter d on the pitch diameter D, contact angle φ and r = (d / D) cos φ:
    FTF = (1 - r) / 2, BPFO = n FTF, BPFI = n (1 + r) / 2, BSF = (D / 2d) (1 - r²)
    (Randall and Antoni, "Rolling element bearing diagnostics: a tutorial", MSSP 25, 2011).

    `geometry` holds `n_balls`, `ball_d_mm`, `pitch_d_mm` and `contact_deg`.
    """
    n, d, pitch = geometry["n_balls"], geometry["ball_d_mm"], geometry["pitch_d_mm"]
    r = d / pitch * math.cos(math.radians(geometry["contact_deg"]))
    return {
        "ftf": (1 - r) / 2,
        "bpfo": n * (1 - r) / 2,
        "bpfi": n * (1 + r) / 2,
        "bsf": pitch / (2 * d) * (1 - r * r),
    }


def fault_line(fault_type: str, geometry: Mapping[str, float]) -> float | None:
    """The order at which a fault shows in an envelope spectrum; None for a healthy bearing.

    A spall on a ball strikes both rings in a turn of the ball, so it shows at twice the BSF.
    """
    orders = fault_orders(geometry)
    lines = {
        "inner_race": orders["bpfi"],
        "outer_race": orders["bpfo"],
        "ball": 2 * orders["bsf"],
        "cage": orders["ftf"],
    }
    return lines.get(fault_type)
