"""The chaos tests in full: 300 jobs under 43 kills of workers, restarts of broker and store, a broker that forgets.

What they hold PFD to is in `tests/chaos` and `pfd.testing.contract`; here they are run in full, and how long it takes
until all jobs have ended is measured.
"""

from __future__ import annotations

import subprocess
import sys
import time

from benchmarks.measure import Comparison, Side

KILLS = 43

TESTS = {
    "embedded, SQLite": ("tests/contract/test_contract.py", "TestTrouble and local-sqlite"),
    "embedded, PostgreSQL": ("tests/contract/test_contract.py", "TestTrouble and local-postgres"),
    "Celery, Redis, PostgreSQL": ("tests/chaos", "celery"),
    "Dramatiq, Redis, PostgreSQL": ("tests/chaos", "dramatiq"),
}


def run(path: str, chosen: str) -> float:
    """Seconds of a test in full.  Raises `SystemExit` where it fails."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", path, "-k", chosen, "--contract-full"]
    began = time.monotonic()
    found = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if found.returncode:
        raise SystemExit(f"{found.stdout}\n{' '.join(command)} has failed")
    return time.monotonic() - began


def measure(runs: int) -> list[Comparison]:
    first, *others = (
        Side(f"PFD, {name}", f"{KILLS} kills of workers of two or more", (run(*test),), "s")
        for name, test in TESTS.items()
    )
    return [
        Comparison(
            "Chaos: more than 300 jobs under kill -9 every second, restarts and losses; seconds of the whole test",
            "every job ends once, with one accepted result; the log of claims explains each run",
            first,
            tuple(others),
        )
    ]
