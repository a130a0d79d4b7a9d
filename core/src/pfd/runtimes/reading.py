"""Reading single values out of a message that may hold anything."""

from __future__ import annotations

from pfd.errors import ParameterError

_LARGEST = 1e15
"""Of all numbers that mean a time or a priority; what is too large for either is said where it is used."""


def as_number(name: str, value: object) -> float:
    """A value that has to be a number.  Raises `ParameterError`, which names it, for any other."""
    # An integer may be larger than any float, of which `isfinite` cannot be asked.
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_LARGEST <= value <= _LARGEST:
        raise ParameterError(f"{name}={shown(value)}: a number is expected")
    return float(value)


def shown(value: object) -> str:
    """The beginning of a value, for an error."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
