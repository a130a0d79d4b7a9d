"""Where the time of a run goes: its slowest files, tests that are slow without a reason, and processes that wait.

`@pytest.mark.slow("why")` on a test that takes more than five seconds says why it does.  `first=True` beside that has
it begin before all others, for a test that takes about a minute: begun last, it would keep one process of the run busy
while the others have nothing left to do.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from typing import Any

import pytest

FILES = 15
"""How many of the slowest files are shown."""

LONG = 5.0
"""Seconds beyond which a test says why it takes them."""

ENDED = "pace_ended"
"""Where a process of xdist says when it ran out of tests."""


class Pace:
    """Collects in the first process how long each test took, and when each other process ended."""

    def __init__(self) -> None:
        self.began = time.time()
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.explained: set[str] = set()
        self.ended: dict[str, float] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration
        if "slow" in report.keywords:
            self.explained.add(report.nodeid)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        ended = getattr(node, "workeroutput", {}).get(ENDED)
        if ended is not None:  # one that crashed has said nothing
            self.ended[node.gateway.id] = ended

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.seconds:
            return
        files: defaultdict[str, float] = defaultdict(float)
        for test, seconds in self.seconds.items():
            files[test.partition("::")[0]] += seconds
        terminalreporter.section(f"slowest {FILES} files")
        for name, seconds in _longest(files)[:FILES]:
            terminalreporter.line(f"{seconds:8.1f} s  {name}")
        terminalreporter.line(self._total())
        unexplained = [(test, seconds) for test, seconds in self.seconds.items() if test not in self.explained]
        if long := [found for found in _longest(dict(unexplained)) if found[1] > LONG]:
            terminalreporter.section(f"longer than {LONG:g} s, and no @pytest.mark.slow says why")
            for test, seconds in long:
                terminalreporter.line(f"{seconds:8.1f} s  {test}")

    def _total(self) -> str:
        cpu = sum(os.times()[:4])  # of all processes that this one, and those below it, have waited for
        total = (
            f"{sum(self.seconds.values()):.0f} s in tests, {time.time() - self.began:.0f} s in all, {cpu:.0f} s of CPU"
        )
        last = max(self.ended.values(), default=0.0)
        idle = (f"{name} {last - ended:.0f} s" for name, ended in sorted(self.ended.items()))
        return f"{total}; idle at the end: {', '.join(idle)}" if self.ended else total


def _longest(seconds: dict[str, float]) -> list[tuple[str, float]]:
    return sorted(seconds.items(), key=lambda item: -item[1])


def _is_first(item: pytest.Item) -> bool:
    return any(mark.kwargs.get("first", False) for mark in item.iter_markers("slow"))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # xdist gives each process a part of this list, from its beginning to its end, and lets those that are done take
    # from the ends of other parts: all of these are begun by one process, one after the other, and none at the end.
    items.sort(key=lambda item: not _is_first(item))


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[ENDED] = time.time()


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Pace(), "pace")
