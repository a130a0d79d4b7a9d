"""A page of 100,000 jobs that are looked for by what stands in rows: times, texts, parameters; and how many there are.

The longest way to a page is one on which nothing, or only the oldest job, belongs.
"""

from __future__ import annotations

import functools
import time
from typing import Any

from benchmarks.environment import fresh_store, postgres_server
from benchmarks.listing import JOBS, fill
from benchmarks.measure import Comparison, Side, interleaved
from pfd import Dispatcher
from tests.support.servers import PostgresServer

REPEATS = 5

ASKED: dict[str, dict[str, Any]] = {
    "since, the newest 1,000": {"since": 1.7e9 + JOBS - 1000},
    "since, none": {"since": 1.7e9 + 2 * JOBS},
    "until, the oldest 1,000": {"until": 1.7e9 + 1000},
    "text of every hundredth": {"text": "WRONG"},
    "text of none": {"text": "out of memory"},
    "parameter of all": {"params": {"dataset": "/data/bearings.h5"}},
    "parameter of an old one": {"params": {"seed": 77}},
    "two tags, none": {"tags": ["tag_a", "tag_b"]},
}

COUNTED = ("since, the newest 1,000", "until, the oldest 1,000", "text of every hundredth", "parameter of all")
"""Those of which there are more than a page."""


def measure(runs: int) -> list[Comparison]:
    with postgres_server() as server:
        return [*_on("SQLite", None, runs), *_on("PostgreSQL", server, runs)]


def _on(store: str, server: PostgresServer | None, runs: int) -> list[Comparison]:
    with fresh_store(server), Dispatcher() as dispatcher:
        fill(dispatcher)
        pages = {name: functools.partial(_page, dispatcher, asked) for name, asked in ASKED.items()}
        counts = {name: functools.partial(_count, dispatcher, ASKED[name]) for name in COUNTED}
        found = interleaved(pages, REPEATS * runs)
        counted = interleaved(counts, runs)
    return [
        _compared(f"A page of {JOBS:,} jobs by what stands in rows, {store}", "under 500 ms", "limit=50", found),
        _compared(f"Counting {JOBS:,} jobs by what stands in rows, {store}", "under 5 s", "JobList.total", counted),
    ]


def _compared(title: str, goal: str, asked: str, found: dict[str, tuple[float, ...]]) -> Comparison:
    sides = [Side(name, asked, values, "ms") for name, values in found.items()]
    slowest = max(sides, key=lambda side: side.median)
    return Comparison(title, goal, slowest, tuple(side for side in sides if side is not slowest))


def _page(dispatcher: Dispatcher, asked: dict[str, Any]) -> float:
    began = time.perf_counter()
    dispatcher.jobs(**asked)
    return (time.perf_counter() - began) * 1e3


def _count(dispatcher: Dispatcher, asked: dict[str, Any]) -> float:
    page = dispatcher.jobs(**asked, limit=1)
    began = time.perf_counter()
    assert page.total >= len(page)
    return (time.perf_counter() - began) * 1e3
