"""Tests that `make test` leaves out and `make test-all` runs: said at the end of a run, with their number and why.

A test is left out by the marker `elsewhere`, which says why what it shows is shown by another one: the contract has
many tests and sites, and few pairs of them can fail alone.  It is deselected, so that no skip hides among those.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

OPTION = "--all"
LEFT_OUT = "left_out"
"""Where a process of xdist says what it has left out: all leave out the same."""


class LeftOut:
    """What was left out, by the reason."""

    def __init__(self) -> None:
        self.reasons: dict[str, int] = {}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        if config.getoption(OPTION):
            return
        left = {item: mark for item in items if (mark := item.get_closest_marker("elsewhere"))}
        if not left:
            return
        self.reasons = Counter(str(mark.args[0]) for mark in left.values())
        items[:] = [item for item in items if item not in left]
        config.hook.pytest_deselected(items=list(left))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput[LEFT_OUT] = dict(self.reasons)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self.reasons = getattr(node, "workeroutput", {}).get(LEFT_OUT, self.reasons)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.reasons:
            number = sum(self.reasons.values())
            terminalreporter.section(f"{number} tests left out: 'make test-all' ({OPTION}) runs them")
            for reason, number in sorted(self.reasons.items()):
                terminalreporter.line(f"{number:5}  {reason}")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(OPTION, action="store_true", help="run the tests as well that are marked 'elsewhere'")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(LeftOut(), "left-out")
