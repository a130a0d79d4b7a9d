"""What it takes to show a job: its blocks, and `pfd report` as a whole program, of a long training and of the demo."""

from __future__ import annotations

import os
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.environment import fresh_home
from benchmarks.measure import Comparison, Side, interleaved

EPOCHS = 1000
LOOKS = 20
PLUGINS = "data,features,training,evaluation"

LIBRARIES = "import sqlalchemy.orm, matplotlib.figure, matplotlib.backends.backend_svg"
"""What a report cannot do without: the store's driver, and what draws."""


def measure(runs: int) -> list[Comparison]:
    with _a_long_training() as (job, folder):
        looks = _blocks(job)
        training = _report(f"a training of {EPOCHS:,} epochs", [job], folder, runs)
    with fresh_home(PLUGINS) as folder:
        subprocess.run([*_PFD, "demo"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        from pfd import Dispatcher

        with Dispatcher() as dispatcher:
            demo = _report("the demo", [one.id for one in dispatcher.jobs(tag="demo")], folder, runs)
    return [looks, *training, *demo]


_PFD = [sys.executable, "-m", "pfd"]


@contextmanager
def _a_long_training() -> Iterator[tuple[str, Path]]:
    from pfd import Dispatcher, Worker

    with fresh_home(PLUGINS) as folder, Dispatcher(tells_unserved=False) as dispatcher:
        with Worker(dispatcher.settings):
            data = {"name": "small", "num_signals_per_fault": 3, "duration_s": 0.3, "rpm": [1200.0]}
            dispatcher.submit("generate_dataset_task", data).get(120)
            network = {"model": "cnn1d", "dataset": "small", "epochs": EPOCHS, "window": 512}
            job = dispatcher.submit("train_model_task", {**network, "split": {"protocol": "recording"}})
            job.get(600)
        yield job.id, folder


def _blocks(job: str) -> Comparison:
    from pfd import Dispatcher

    with Dispatcher() as dispatcher:
        began = time.perf_counter()
        found = dispatcher.blocks(job)
        first = (time.perf_counter() - began) * 1e3
        epochs = len(dispatcher.series(job, "training").points)
        if epochs < EPOCHS:
            raise SystemExit(f"the training has recorded {epochs} epochs only")
        times = []
        for _ in range(LOOKS):
            began = time.perf_counter()
            dispatcher.blocks(job)
            times.append((time.perf_counter() - began) * 1e3)
    return Comparison(
        f"The blocks of a training of {EPOCHS:,} epochs",
        "at most 50 ms",
        Side("Dispatcher.blocks", f"{len(found)} blocks, SQLite", tuple(times), "ms"),
        (),
        {"the first time in a process, which loads the views, ms": first},
    )


def _report(of: str, jobs: list[str], folder: Path, runs: int) -> list[Comparison]:
    page = folder / "report.html"
    report = [*_PFD, "report", *jobs, "--to", str(page), "--force"]
    used: dict[str, list[float]] = {"report": [], "libraries": []}

    def seconds(name: str, command: list[str]) -> float:
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        used[name].append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        return took

    busy, *_ = os.getloadavg()
    found = interleaved(
        {
            "report": lambda: seconds("report", report),
            "libraries": lambda: seconds("libraries", [sys.executable, "-c", LIBRARIES]),
        },
        runs,
    )
    size = page.stat().st_size
    pictures = len(re.findall("<svg", page.read_text(encoding="utf-8")))
    return [
        Comparison(
            f"`pfd report` of {of}, the whole program",
            "at most 2 s",
            Side("pfd report", f"{len(jobs)} jobs, {pictures} pictures", found["report"], "s"),
            (Side("libraries alone", f'python -c "{LIBRARIES}"', found["libraries"], "s"),),
            {
                "processor time of the report, s": statistics.median(used["report"]),
                "of the libraries alone, s": statistics.median(used["libraries"]),
                "programs that wanted the machine's cores before (load average)": busy,
            },
        ),
        Comparison(
            f"Size of the report of {of}",
            "at most 2 MB",
            Side("report.html", f"{len(jobs)} jobs, {pictures} pictures", (size / 1e6,), "MB"),
            (),
        ),
    ]
