"""Columns that a user gives: their types, their bounds, and what they mean.

All that is foreign of a column is guarded here: a number may be anything, and a text as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from pfd import DataError
from pfd_plugin_data import FAULTS
from pfd_plugin_mat_import.layouts.base import Known, plain
from pfd_plugin_mat_import.places import shortest

GEOMETRY = ("n_balls", "ball_d_mm", "pitch_d_mm", "contact_deg")

RANGES: Mapping[str, tuple[float, float]] = {
    "sample_rate_hz": (1.0, 1e9),
    "sample_interval_s": (1e-9, 1.0),
    "rpm": (0.01, 1e7),
    "shaft_hz": (0.01 / 60, 1e7 / 60),
    "fault_size": (1e-6, 1e3),
    "n_balls": (3, 1000),
    "ball_d_mm": (1e-3, 1e5),
    "pitch_d_mm": (1e-3, 1e5),
    "contact_deg": (1e-3, 89.9),
}
"""Columns that are numbers, and what no machine and no recorder goes beyond; all other columns are texts."""

MAY_BE_ZERO = ("fault_size", "contact_deg", "rpm", "shaft_hz")

SAME: tuple[tuple[str, str, Callable[[float], float], str], ...] = (
    ("shaft_hz", "rpm", lambda hz: 60 * hz, "Hz"),
    ("sample_interval_s", "sample_rate_hz", lambda seconds: shortest(1 / seconds), "s a sample"),
)
"""Columns that say what another one says: which, how, and the unit in which they say it."""


def is_told(value: Any) -> bool:
    """Whether a value says anything: NaN and an empty text are how files leave something open."""
    return not (value == "" or (isinstance(value, float) and math.isnan(value)))


def typed(given: Mapping[str, Known], words: Mapping[str, str]) -> dict[str, Known]:
    """What the user gives as the columns of a recording: numbers, fault types, a geometry.

    Raises
    ------
    DataError : a value cannot be one of its column.
    """
    found = {name: Known(_value(name, known), known.origin) for name, known in given.items()}
    if "fault_type" in found:
        text, origin = found["fault_type"]
        found["fault_type"] = Known(_fault(text, origin, words), origin)
    for other, name, convert, unit in SAME:
        if other in found:
            value, origin = found.pop(other)
            found.setdefault(name, Known(convert(value), f"{origin}, {unit}"))
    parts = {name: found.pop(name) for name in GEOMETRY if name in found}
    if parts:
        found["geometry"] = _geometry(parts)
    return found


def meaning(name: str, known: Known, words: Mapping[str, str]) -> tuple[str, float | str]:
    """Which column a value is of, and what it says there: a speed in rev/min, a rate in Hz, a fault.

    What cannot be one of its column is left as it is: `typed` refuses it.
    """
    if name == "fault_type":
        text = plain(known.value)
        return name, meant(text, words) or text
    if name not in RANGES:
        return name, plain(known.value)
    try:
        value = _number(name, known)
    except DataError:
        return name, plain(known.value)
    for other, standard, convert, _ in SAME:
        if name == other:
            return standard, convert(value)
    return name, value


def meant(text: str, words: Mapping[str, str]) -> str | None:
    """The fault that a word means: by the user's words, then by name, each as it is written and then in any case."""
    for known in (words, dict.fromkeys(FAULTS)):
        for key in (text, *(word for word in known if word.lower() == text.lower())):
            if key in known:
                return known[key] or key
    return None


def require_range(name: str, known: Known) -> None:
    """Raises `DataError` for a number beyond what its column can hold."""
    least, most = RANGES[name]
    if not (least <= known.value <= most or (known.value == 0 and name in MAY_BE_ZERO)):
        zero = "0, or " if name in MAY_BE_ZERO else ""
        raise DataError(f"{name} is {known.value:g} by {known.origin}: not {zero}{least:g} to {most:g}")


def _value(name: str, known: Known) -> float | str:
    return _number(name, known) if name in RANGES else plain(known.value)


def _number(name: str, known: Known) -> float:
    try:
        value = float(known.value)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError(f"{name} is {str(known.value)[:40]!r} by {known.origin}, not a number")
    require_range(name, Known(value, known.origin))
    return value


def _fault(text: str, origin: str, words: Mapping[str, str]) -> str:
    if fault := meant(text, words):
        return fault
    raise DataError(
        f"fault_type is {text[:40]!r} by {origin}, none of {', '.join(FAULTS)}; say by mapping.words what it means"
    )


def _geometry(parts: Mapping[str, Known]) -> Known:
    if missing := [name for name in GEOMETRY[:3] if name not in parts]:
        raise DataError(f"a geometry needs {' and '.join(missing)} as well")
    values = {name: float(known.value) for name, known in parts.items()}
    values.setdefault("contact_deg", 0.0)
    if values["ball_d_mm"] >= values["pitch_d_mm"] or values["n_balls"] % 1:
        raise DataError(f"no bearing has this geometry: {values}")
    return Known(values, parts["n_balls"].origin)
