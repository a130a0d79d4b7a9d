"""The memory limit of a running job, as its worker holds it to that."""

from __future__ import annotations

import logging
import time

from pfd.runner.memory import TreeMemory

log = logging.getLogger("pfd.worker")

LOOK = 0.5
"""Seconds between looks at the memory of a job; more, where such a look takes long."""

SHARE = 0.05
"""Part of a core that looking at a job's memory may take."""

GLANCE = 0.05
"""Seconds between glances at shared memory."""


class MemoryWatch:
    """Looks at the memory of a job that has a limit, as often as is affordable.

    Parameters
    ----------
    root : the process above those of the job, which counts as well.
    limit : bytes.

    Attributes
    ----------
    next_at : when to look again, by `time.monotonic`.
    """

    def __init__(self, job_id: str, root: int, limit: int) -> None:
        self._job_id = job_id
        self._limit = limit
        self._memory = TreeMemory(root)
        self._look_at = 0.0
        self.next_at = 0.0

    def exceeded(self, now: float) -> str | None:
        """Look, and say so where the job uses more than its limit."""
        self.next_at = now + GLANCE
        if now < self._look_at:
            self._memory.glance()
            return None
        try:
            used = self._memory.used(self._limit)
        except OSError as error:  # it takes open files to look
            log.warning("the memory of job %s cannot be seen: %s", self._job_id[:8], error)
            return None
        self._look_at = now + max(LOOK, (time.monotonic() - now) / SHARE)
        if used <= self._limit:
            return None
        return f"the job's processes used {used / 2**20:.0f} MiB, more than the {self._limit / 2**20:.0f} MiB allowed"
