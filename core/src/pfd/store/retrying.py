"""Trying again while the store is away: what was to be stored, or seen, is not given up because of that."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

FIRST, MOST = 0.2, 5.0
"""Seconds between two tries: after the first one, doubled each time, and at most."""


def retrying(
    step: Callable[[], T],
    passes: Callable[[Exception], bool],
    log: logging.Logger,
    trouble: str,
    *,
    rest: Callable[[float], None] = time.sleep,
) -> T:
    """What `step` returns, tried again for as long as what it raises is trouble that passes by itself.

    Parameters
    ----------
    passes : whether an error is such trouble; any other is raised.
    log, trouble : where each of them is told of, and in which words.
    rest : pauses for so many seconds; what it raises ends the tries.
    """
    pause = FIRST
    while True:
        try:
            return step()
        except Exception as error:
            if not passes(error):
                raise
            log.warning("%s: %s", trouble, error)
        rest(pause)  # not while the error is handled: what ends the tries does not come of it
        pause = min(MOST, 2 * pause)
