"""The chaos tests in full: 300 jobs under 43 kills of workers, restarts of broker and store, a broker that forgets.

What they hold PFD to is in `tests/chaos` and `pfd_contract`; here they are run in full, and how long it takes
until all jobs have ended is measured, and how long at most the job of a killed worker waits for its next start.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from pathlib import Path

from benchmarks.measure import Comparison, Side
from pfd_contract.gaps import LONGEST

KILLS = 43

TESTS = {
    "embedded, SQLite": ("tests/contract/test_contract.py", "TestTrouble and local-sqlite"),
    "embedded, PostgreSQL": ("tests/contract/test_contract.py", "TestTrouble and local-postgres"),
    "Celery, Redis, PostgreSQL": ("tests/chaos", "celery"),
    "Dramatiq, Redis, PostgreSQL": ("tests/chaos", "dramatiq"),
}


def run(name: str, path: str, chosen: str) -> Side:
    """Run a test in full: its seconds, and how long at most a job of a killed worker waited for its next start.

    Raises `SystemExit` where it fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        options = ("--contract-full", f"--junitxml={report}", "-o", "junit_family=xunit1")
        command = [sys.executable, "-m", "pytest", "-q", "-n", "0", path, "-k", chosen, *options]
        began = time.monotonic()
        found = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        seconds = time.monotonic() - began
        if found.returncode:
            raise SystemExit(f"{found.stdout}\n{' '.join(command)} has failed")
        properties = ET.parse(report).iter("property")
        [longest] = [one.get("value") for one in properties if one.get("name") == LONGEST]
    setup = f"{KILLS} kills of workers of two or more; from a kill to the next start of its job at most {longest}"
    return Side(f"PFD, {name}", setup, (seconds,), "s")


def measure(runs: int) -> list[Comparison]:
    first, *others = (run(name, *test) for name, test in TESTS.items())
    return [
        Comparison(
            "Chaos: more than 300 jobs under kill -9 every second, restarts and losses; seconds of the whole test",
            "every job ends once, with one accepted result; the log of claims explains each run; "
            "the job of a killed worker starts again within 20 s",
            first,
            tuple(others),
        )
    ]
