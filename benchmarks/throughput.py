"""No-op jobs a second: PFD inline beside Huey on SQLite and beside procrastinate on PostgreSQL.

Two worker processes each, one submit a job.  The queue is filled first; the rate is that between the first and the last
job as the jobs' own clocks have it, so that neither side pays for the start of its processes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from benchmarks.environment import WORKER, database, fresh_store, postgres_server, processes
from benchmarks.measure import Comparison, Side, interleaved
from tests.support.servers import PostgresServer

JOBS = 3000
HUEY = [sys.executable, "-m", "huey.bin.huey_consumer", "benchmarks.peer_huey.huey", "-w", "2", "-k", "process"]
PROCRASTINATE = [sys.executable, "-m", "procrastinate", "--app", "benchmarks.peer_procrastinate.app", "worker"]


def ours(server: PostgresServer | None) -> float:
    from pfd import Dispatcher, State

    with fresh_store(server), Dispatcher() as dispatcher:
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
        _peer("peer_huey", f"fill({JOBS})", env)
        with processes(HUEY, env=env):
            return float(_peer("peer_huey", f"print(rate({JOBS}))", env))


def procrastinate(server: PostgresServer) -> float:
    with database(server) as url:
        env = {"PROCRASTINATE_BENCH_URL": url}
        _peer("peer_procrastinate", f"fill({JOBS})", env)
        with processes(PROCRASTINATE, PROCRASTINATE, env=env):
            return float(_peer("peer_procrastinate", f"print(rate({JOBS}))", env))


def _peer(module: str, call: str, env: dict[str, str]) -> str:
    """Call a function of a peer in a process of its own: its queue is bound to a store when it is imported."""
    command = [sys.executable, "-c", f"from benchmarks.{module} import fill, rate; {call}"]
    return subprocess.run(command, env={**os.environ, **env}, check=True, stdout=subprocess.PIPE, text=True).stdout


def measure(runs: int) -> list[Comparison]:
    with postgres_server() as server:
        found = interleaved(
            {
                "sqlite": lambda: ours(None),
                "huey": huey,
                "postgres": lambda: ours(server),
                "procrastinate": lambda: procrastinate(server),
            },
            runs,
        )
    return [
        Comparison(
            "No-op jobs a second, SQLite, two worker processes",
            "at least 2 × Huey",
            Side(
                "PFD",
                "inline task, SQLite (WAL, synchronous=NORMAL), 2 workers of 1 slot, results kept",
                found["sqlite"],
                "jobs/s",
            ),
            (
                Side(
                    f"Huey {version('huey')}",
                    "SqliteHuey (its defaults), 2 process workers, results kept",
                    found["huey"],
                    "jobs/s",
                ),
            ),
            {"jobs": JOBS},
            larger_is_better=True,
        ),
        Comparison(
            "No-op jobs a second, PostgreSQL, two worker processes",
            "at least 2 × procrastinate",
            Side("PFD", "inline task, 2 workers of 1 slot, results kept", found["postgres"], "jobs/s"),
            (
                Side(
                    f"procrastinate {version('procrastinate')}",
                    "async task, 2 workers of concurrency 1 (its default), ended jobs kept",
                    found["procrastinate"],
                    "jobs/s",
                ),
            ),
            {"jobs": JOBS, "server": "on this machine, Unix socket, fsync=off for both"},
            larger_is_better=True,
        ),
    ]
