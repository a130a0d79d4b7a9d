"""What a client asks with: each argument is of its type and can be looked for, or the error names it."""

from __future__ import annotations

import math
import threading
from typing import TypeVar

from pfd.errors import ParameterError, shown
from pfd.store.encoding import is_storable

T = TypeVar("T")

MAX_NUMBER = 2**63 - 1
"""Of an integer column."""


def a_text(name: str, value: T) -> T:
    """A text that can be stored, or None.  Raises `ParameterError`."""
    if value is not None and not is_storable(value):
        raise ParameterError(f"{name}={shown(value)}: is not a text that can be stored")
    return value


def an_integer(name: str, value: T) -> T:
    """An integer from 0, or None.  Raises `ParameterError`."""
    if value is not None and not (isinstance(value, int) and 0 <= value <= MAX_NUMBER):
        raise ParameterError(f"{name}={shown(value)}: is not an integer from 0 to {MAX_NUMBER}")
    return value


def a_number(name: str, value: object) -> float | None:
    """A number that is one, or None.  Raises `ParameterError`."""
    if value is None:
        return None
    try:
        number = float(value) if isinstance(value, int | float) else math.nan
    except OverflowError:
        number = math.nan
    if math.isnan(number):
        raise ParameterError(f"{name}={shown(value)}: is not a number")
    return number


def a_pause(name: str, value: object) -> float | None:
    """Seconds of which there are some, or None.  Raises `ParameterError`."""
    number = a_number(name, value)
    if number is not None and not 0 < number <= threading.TIMEOUT_MAX:
        raise ParameterError(f"{name}={shown(value)}: is not a number of seconds above 0")
    return number


def a_switch(name: str, value: object) -> bool:
    """True or False.  Raises `ParameterError`."""
    if not isinstance(value, bool):
        raise ParameterError(f"{name}={shown(value)} is neither True nor False")
    return value
