"""How many threads a job may compute with."""

from __future__ import annotations

import os


def job_threads() -> int:
    """The share of the cores that the worker gave this job (it sets OMP_NUM_THREADS); 1 where nobody gave any."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, int(given)) if given.isdecimal() else 1
