"""What reporting progress a thousand times a second costs the task and the worker, in processor time."""

from __future__ import annotations

import time

import psutil

from benchmarks.environment import WORKER, fresh_store, processes
from benchmarks.measure import Comparison, Side, interleaved

TURNS = 100_000
REPORTS = 1000.0


def measure(runs: int) -> list[Comparison]:
    from pfd import Dispatcher

    worker_seconds: dict[str, list[float]] = {"with": [], "without": []}
    reported: list[float] = []
    with fresh_store(), Dispatcher() as dispatcher, processes(WORKER) as [worker]:
        process = psutil.Process(worker.pid)

        def loop(name: str, reports: float) -> float:
            before, began = _used(process), time.monotonic()
            result = dispatcher.submit("loop", {"turns": TURNS, "reports": reports}).get(300)
            lasted = time.monotonic() - began
            worker_seconds[name].append((_used(process) - before) / lasted * 1e3)
            if reports:
                reported.append(result["reported"] / result["seconds"])
            return float(result["used"])

        loop("without", 0.0)  # the warm server starts
        worker_seconds["without"].clear()
        found = interleaved({"with": lambda: loop("with", REPORTS), "without": lambda: loop("without", 0.0)}, runs * 2)
    setup = f"a loop of {TURNS:,} turns in a process of its own, all threads of it"
    calls = {"calls a second": reported}
    return [
        Comparison(
            "Progress reported 1,000 times a second: processor time of the task",
            "at most 5 % more than without",
            Side("1,000 calls a second", setup, found["with"], "s"),
            (Side("none", setup, found["without"], "s"),),
            calls,
        ),
        Comparison(
            "Progress reported 1,000 times a second: processor time of the worker, which writes it",
            "at most 50 ms for each second of the task",
            Side("1,000 calls a second", "coalesced to ten writes a second", tuple(worker_seconds["with"]), "ms/s"),
            (Side("none", "start, lease and end of the job", tuple(worker_seconds["without"]), "ms/s"),),
            calls,
        ),
    ]


def _used(process: psutil.Process) -> float:
    """Seconds of processor time of the worker itself, without its children."""
    times = process.cpu_times()
    return float(times.user + times.system)
