"""How long listing takes: `pfd tasks` beside `celery --help` and a bare Python that imports click and rich."""

from __future__ import annotations

import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

from benchmarks.environment import fresh_home
from benchmarks.measure import Comparison, Side, interleaved


def _seconds(*command: str) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - began) * 1e3


def measure(runs: int) -> list[Comparison]:
    folder = Path(sys.executable).parent
    with fresh_home(plugins=""):
        found = interleaved(
            {
                "ours": lambda: _seconds(str(folder / "pfd"), "tasks"),
                "celery": lambda: _seconds(str(folder / "celery"), "--help"),
                "bare": lambda: _seconds(sys.executable, "-c", "import click, rich.console, rich.table"),
            },
            max(runs, 5) * 3,
        )
    return [
        Comparison(
            "Cold start: list the tasks of all plugins",
            "at most `celery --help`, and 3 × a bare Python that imports click and rich",
            Side("pfd tasks", "all plugins installed, output piped", found["ours"], "ms"),
            (
                Side(f"celery {version('celery')} --help", "no application", found["celery"], "ms"),
                Side("bare Python", "python -c 'import click, rich.console, rich.table'", found["bare"], "ms"),
            ),
        )
    ]
