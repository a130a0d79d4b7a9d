"""Waiting for a condition, rather than for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 90.0
"""Seconds after which something that should have happened long ago is taken for not happening at all."""


def until(condition: Callable[[], T], what: str, seconds: float = PATIENCE) -> T:
    """The first value of `condition` that is true.  Fails where there is none in time.

    Between two looks it rests at least as long as the first of them took.
    """
    began = time.monotonic()
    looked = began
    while not (found := condition()):
        now = time.monotonic()
        if now - began > seconds:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        # Whoever looks all the time takes the processor from what it waits for.
        time.sleep(max(0.01, now - looked, min((now - began) / 20, 0.1)))
        looked = time.monotonic()
    return found
