"""The classes that recordings may have: faults of rolling-element bearings, alone and together, and of rotors."""

from __future__ import annotations

from itertools import combinations

ELEMENTS = ("inner_race", "outer_race", "ball", "cage")
"""Where a rolling-element bearing can be damaged."""

JOINT = "+"

HEALTHY = "normal"

SINGLE = (HEALTHY, *ELEMENTS)
SEVERAL = tuple(JOINT.join(parts) for count in (2, 3, 4) for parts in combinations(ELEMENTS, count))

ROTOR = (
    HEALTHY,
    "misalignment",
    "imbalance",
    "looseness",
    "lubrication",
    "cavitation",
    "wear",
    "oil_whirl",
    "combined_misalign_imbalance",
    "combined_wear_lube",
    "combined_cavit_jeu",
)
"""The eleven classes of a rotor on journal bearings, by their index."""

FAULTS = (*SINGLE, *SEVERAL, *ROTOR[1:])
"""All fault types, in the order of tables and plots."""

UNLABELLED = "unlabelled"
"""What recordings of unknown fault are called where classes are named; it is not a class."""

SYNONYMS = {
    "sain": "normal",
    "healthy": "normal",
    "desalignement": "misalignment",
    "desequilibre": "imbalance",
    "unbalance": "imbalance",
    "jeu": "looseness",
    "lubrification": "lubrication",
    "usure": "wear",
    "mixed_misalign_imbalance": "combined_misalign_imbalance",
    "mixed_wear_lube": "combined_wear_lube",
    "mixed_cavit_jeu": "combined_cavit_jeu",
}
"""Other words in use for some of them."""

SEVERITIES = {"incipient": (0.20, 0.45), "mild": (0.45, 0.70), "moderate": (0.70, 0.90), "severe": (0.90, 1.00)}
"""Bands of severity, 1 being the most that a simulator makes."""

SIMULATORS = {"rolling_element": (*SINGLE, *SEVERAL), "rotor": ROTOR}
"""What each simulator can make."""


def canonical(name: str) -> str:
    """The name of a fault type: of a synonym the one in `FAULTS`, of several faults those in order."""
    parts = [SYNONYMS.get(part, part) for part in name.split(JOINT)]
    if len(parts) == 1 or len(set(parts)) < len(parts) or not set(parts) <= set(ELEMENTS):
        return JOINT.join(parts)
    return JOINT.join(element for element in ELEMENTS if element in parts)
