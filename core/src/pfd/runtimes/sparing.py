"""Logging of what others cause, as often as they like."""

from __future__ import annotations

import logging
import time

EVERY = 1.0
"""Seconds between two lines of one kind."""


class Sparing(logging.Filter):
    """Lets a line through once in a while, and the next then says how many were left out."""

    def __init__(self) -> None:
        super().__init__()
        self._kinds: dict[tuple[str, int], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line is written.  Kinds are told by where in the code they come from, so there are few."""
        kind, now = (record.pathname, record.lineno), time.monotonic()
        last, left_out = self._kinds.get(kind, (-EVERY, 0))
        if now - last < EVERY:
            self._kinds[kind] = last, left_out + 1
            return False
        self._kinds[kind] = now, 0
        if left_out:
            record.msg, record.args = f"{record.getMessage()} (and {left_out} more like it)", ()
        return True


foreign = logging.getLogger("pfd.runtimes.foreign")
"""For what is said of foreign messages one by one."""

foreign.addFilter(Sparing())
