"""No-op jobs a second: PFD inline on SQLite beside Huey on SQLite, two worker processes each, one submit a job.

The queue is filled first; the rate is that between the first and the last job as the jobs' own clocks have it, so that
neither side pays for the start of its processes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.environment import WORKER, fresh_home, processes
from benchmarks.measure import Comparison, Side, interleaved

JOBS = 3000
CONSUMER = ("huey.bin.huey_consumer", "benchmarks.peer_huey.huey", "-w", "2", "-k", "process")


def ours() -> float:
    from pfd import Dispatcher, State

    with fresh_home(), Dispatcher() as dispatcher:
        for _ in range(JOBS):
            dispatcher.submit("noop")
        with processes(WORKER, WORKER):
            while dispatcher.counts().get(("default", State.SUCCESS), 0) < JOBS:
                time.sleep(0.2)
        moments = []
        before = None
        while page := dispatcher.jobs(limit=1000, before=before):
            before = page[-1].seq
            moments += [job.ended_at for job in page if job.ended_at is not None]
    return len(moments) / (max(moments) - min(moments))


def huey() -> float:
    with tempfile.TemporaryDirectory(prefix="huey-bench-") as folder:
        env = {"HUEY_BENCH_FILE": str(Path(folder, "huey.db"))}
        _peer(f"fill({JOBS})", env)
        with processes([sys.executable, "-m", *CONSUMER], env=env):
            return float(_peer(f"print(rate({JOBS}))", env))


def _peer(call: str, env: dict[str, str]) -> str:
    """Call a function of the peer in a process of its own: its queue is bound to a file when it is imported."""
    code = f"from benchmarks.peer_huey import fill, rate; {call}"
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env={**os.environ, **env}, check=True, stdout=subprocess.PIPE, text=True).stdout


def measure(runs: int) -> list[Comparison]:
    import huey as peer

    found = interleaved({"ours": ours, "huey": huey}, runs)
    return [
        Comparison(
            "No-op jobs a second, SQLite, two worker processes",
            "at least 2 × Huey",
            Side(
                "PFD",
                "inline task, SQLite (WAL, synchronous=NORMAL), 2 workers of 1 slot, results kept",
                found["ours"],
                "jobs/s",
            ),
            (
                Side(
                    f"Huey {peer.__version__}",
                    "SqliteHuey (its defaults), 2 process workers, results kept",
                    found["huey"],
                    "jobs/s",
                ),
            ),
            {"jobs": JOBS},
            larger_is_better=True,
        )
    ]
