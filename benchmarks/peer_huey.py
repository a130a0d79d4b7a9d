"""The peer: Huey on a SQLite file, with its defaults."""

from __future__ import annotations

import os
import pickle  # Huey keeps its results that way; nothing of PFD does
import time

from huey import SqliteHuey

huey = SqliteHuey("bench", filename=os.environ.get("HUEY_BENCH_FILE", ":memory:"))


@huey.task()  # type: ignore[untyped-decorator]  # Huey carries no types
def noop() -> float:
    return time.time()


def fill(jobs: int) -> None:
    """Submit the jobs, one by one."""
    for _ in range(jobs):
        noop()


def rate(jobs: int) -> float:
    """Wait for all results; jobs a second between the first and the last."""
    while huey.storage.result_store_size() < jobs:
        time.sleep(0.2)
    moments: list[float] = [pickle.loads(value) for value in huey.storage.result_items().values()]
    return len(moments) / (max(moments) - min(moments))
