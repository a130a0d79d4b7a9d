"""Geometries of bearings by designation, as the makers of public data sets give them.

A designation does not fix the geometry: makers differ, and one maker's batches do.  Where published values of one
designation differ, the name here ends with the pitch diameter, and the bare designation is refused.
"""

from __future__ import annotations

from typing import NamedTuple


class Published(NamedTuple):
    """Elements, their diameter and the pitch diameter in mm, the contact angle in degrees, and who has published it."""

    n_balls: int
    ball_d_mm: float
    pitch_d_mm: float
    contact_deg: float
    specimen: str


GEOMETRIES = {
    "6205": Published(9, 7.94, 39.04, 0.0, "SKF 6205-2RS"),  # CWRU, drive end
    "6203/28.50": Published(8, 6.746, 28.499, 0.0, "SKF 6203-2RS"),  # CWRU, fan end: 0.2656 and 1.122 in
    "6203/28.55": Published(8, 6.75, 28.55, 0.0, "6203"),  # Paderborn
    "6203/29.05": Published(8, 6.75, 29.05, 0.0, "6203"),  # Paderborn
    "NICE": Published(8, 5.969, 31.623, 0.0, "NICE"),  # MFPT: 0.235 and 1.245 in
    "ZA-2115": Published(16, 8.407, 71.501, 15.17, "Rexnord ZA-2115"),  # IMS: 0.331 and 2.815 in
    "UER204": Published(8, 7.92, 34.55, 0.0, "LDK UER204"),  # XJTU-SY
    "ER-12K": Published(8, 7.9375, 33.477, 0.0, "MB ER-12K"),  # SpectraQuest: 0.3125 and 1.318 in
}


def refusal(name: str) -> str:
    """Why `name` is not a geometry, and what to give instead."""
    several = [known for known in GEOMETRIES if known.partition("/")[0] == name]
    if several:
        return f"it is no one geometry, since makers differ; choose one of {', '.join(several)}, or give numbers"
    return f"not known; give one of {', '.join(GEOMETRIES)}, or numbers"
