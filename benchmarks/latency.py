"""How soon a job starts and ends."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import time
from multiprocessing.connection import Connection

from benchmarks.environment import fresh_home
from benchmarks.measure import Comparison, Side, interleaved, percentile

REPEATS = 60


def inline_round_trips(repeats: int = REPEATS) -> list[float]:
    """Milliseconds from submit to result of an inline job, worker and caller in one process."""
    from pfd import Dispatcher, Worker

    found = []
    with fresh_home(), Dispatcher() as dispatcher, Worker(slots=1):
        dispatcher.submit("noop").get(30)
        for _ in range(repeats):
            began = time.perf_counter()
            dispatcher.submit("noop").get(30)
            found.append((time.perf_counter() - began) * 1e3)
    return found


def isolated_starts(repeats: int = REPEATS) -> list[float]:
    """Milliseconds from submit to the first line of a task that needs torch, in a process of its own, warm."""
    from pfd import Dispatcher, Worker

    found = []
    with fresh_home(), Dispatcher() as dispatcher, Worker(slots=1):
        dispatcher.submit("torch_noop").get(120)
        for _ in range(repeats):
            began = time.time()
            result = dispatcher.submit("torch_noop").get(60)
            found.append((result["at"] - began) * 1e3)
    return found


def _say_when(connection: Connection) -> None:
    began = time.time()
    import torch

    torch.zeros(1)
    connection.send(began)


def forkserver_starts(repeats: int = REPEATS) -> list[float]:
    """The same with the standard library's forkserver, torch preloaded."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch", __name__])
    found = []
    for attempt in range(repeats + 1):
        ours, theirs = context.Pipe()
        began = time.time()
        process = context.Process(target=_say_when, args=(theirs,))
        process.start()
        moment = ours.recv()
        process.join()
        if attempt:
            found.append((moment - began) * 1e3)
    return found


def interpreter_start() -> float:
    """Milliseconds until a fresh interpreter has imported torch."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torch; torch.zeros(1)"], check=True)
    return (time.perf_counter() - began) * 1e3


def measure(runs: int) -> list[Comparison]:
    starts = interleaved(
        {
            "ours": lambda: percentile(isolated_starts(), 0.5),
            "forkserver": lambda: percentile(forkserver_starts(), 0.5),
            "interpreter": interpreter_start,
        },
        runs,
    )
    trips = interleaved({"ours": lambda: percentile(inline_round_trips(), 0.5)}, runs)
    return [
        Comparison(
            "Start of an isolated job whose task needs torch, warm, p50",
            "under 40 ms",
            Side(
                "PFD", "submit to first line of the task, SQLite, worker in the caller's process", starts["ours"], "ms"
            ),
            (
                Side(
                    "forkserver",
                    "multiprocessing, torch preloaded: no queue, no store, no keeper",
                    starts["forkserver"],
                    "ms",
                ),
                Side("fresh interpreter", "python -c 'import torch'", starts["interpreter"], "ms"),
            ),
        ),
        Comparison(
            "Submit to result of an inline job in one process, p50",
            "under 5 ms",
            Side("PFD", "SQLite, worker and caller in one process", trips["ours"], "ms"),
            (),
        ),
    ]
