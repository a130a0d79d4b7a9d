"""The clock on the wall of this machine, and whether somebody has set it: what is old by it then need not be old."""

from __future__ import annotations

import time

SET = 3600.0
"""Seconds by which it goes off at once where it was set to another time; less makes no difference to an age in days."""


class WallClock:
    """Looks at the clock again and again, and notices where it was set in between."""

    def __init__(self) -> None:
        self._offset = _offset()

    def was_set_by(self) -> float:
        """Seconds by which it was set since the last look; 0 where that is no matter."""
        before, self._offset = self._offset, _offset()
        by = self._offset - before
        return by if abs(by) > SET else 0.0


def _offset() -> float:
    """The time less that of a clock which nobody sets (and, where there is one, which does not stop in sleep)."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.time() - time.monotonic()
