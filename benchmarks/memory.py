"""Memory of a worker: idle, after no-op jobs, after isolated ones.  Proportional set size, so nothing counts twice."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from importlib.metadata import version

import psutil

from benchmarks.environment import WORKER, fresh_store, processes
from benchmarks.measure import Comparison, Side, interleaved

NOOPS = 1000
ISOLATED = 1000
CELERY = [sys.executable, "-m", "celery", "-A", "benchmarks.peer_celery", "worker", "-P", "prefork", "-c", "1"]
MIB = 2**20

STAGES = ("idle", f"after {NOOPS:,} no-op jobs", f"after {ISOLATED:,} isolated jobs more")


def ours() -> dict[str, tuple[float, float]]:
    """For each stage, MiB of the worker with its helpers, and of the worker alone."""
    from pfd import Dispatcher

    with fresh_store(), Dispatcher() as dispatcher, processes(WORKER) as [worker]:
        while not dispatcher.workers():
            time.sleep(0.05)
        found = {STAGES[0]: settled(worker.pid)}
        for stage, task, number in ((STAGES[1], "noop", NOOPS), (STAGES[2], "isolated_noop", ISOLATED)):
            for handle in [dispatcher.submit(task) for _ in range(number)]:
                handle.get(300)
            found[stage] = settled(worker.pid)
    return found


def celery() -> float:
    """MiB of an idle worker of Celery and its one child."""
    with tempfile.TemporaryDirectory(prefix="celery-bench-") as folder:
        env = {"CELERY_BENCH_FOLDER": folder, "PYTHONPATH": os.getcwd()}  # noqa: PTH109  (a string is what is wanted)
        with processes(CELERY, env=env) as [worker]:
            while not psutil.Process(worker.pid).children():
                time.sleep(0.05)
            return settled(worker.pid)[0]


def settled(pid: int) -> tuple[float, float]:
    """The memory of a tree and of its root, in MiB, once it changes no more."""
    before, found = -1.0, _pss(pid)
    while abs(found[0] - before) > 0.5:
        time.sleep(1.0)
        before, found = found[0], _pss(pid)
    return found


def _pss(pid: int) -> tuple[float, float]:
    root = psutil.Process(pid)
    alone = root.memory_full_info().pss / MIB
    return alone + sum(child.memory_full_info().pss for child in root.children(recursive=True)) / MIB, alone


def measure(runs: int) -> list[Comparison]:
    stages: list[dict[str, tuple[float, float]]] = []

    def idle() -> float:
        stages.append(ours())
        return stages[-1][STAGES[0]][0]

    found = interleaved({"ours": idle, "celery": celery}, min(runs, 3))  # bytes vary little, and a run takes a minute
    peer = Side(f"celery {version('celery')} worker -P prefork -c 1", "idle", found["celery"], "MiB")

    def side(stage: str, part: int) -> Side:
        what = ("with its warm server", "the worker's own process")[part]
        return Side(f"PFD, {stage}", what, tuple(one[stage][part] for one in stages), "MiB")

    idle_alone = side(STAGES[0], 1)
    return [
        Comparison("Memory of an idle worker of one slot", "at most Celery's", side(STAGES[0], 0), (peer,)),
        Comparison(
            "Memory of a worker that has run jobs",
            "under 100 MiB with its warm server",
            side(STAGES[2], 0),
            (side(STAGES[1], 0), peer),
        ),
        Comparison(
            "Growth of the worker's own process",
            "less than 5 MiB over all jobs",
            side(STAGES[2], 1),
            (side(STAGES[1], 1), idle_alone),
            {"growth": [one[STAGES[2]][1] - one[STAGES[0]][1] for one in stages]},
        ),
    ]
