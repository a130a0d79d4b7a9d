"""In CI a skipped test is a failure, unless `tests/allowed_skips.txt` names it with its reason.

A line is `PATTERN: REASON`: a shell pattern for the test's id, and text that the reason shown must contain.
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ALLOWED = Path(__file__).parents[1] / "allowed_skips.txt"


@dataclass(frozen=True)
class Skip:
    test: str
    reason: str


def read_allowed(path: Path) -> list[Skip]:
    """The (pattern, reason) pairs of a list of allowed skips."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if text := line.partition("#")[0].strip():
            pattern, separator, reason = text.partition(": ")
            if not separator or not reason.strip():
                raise pytest.UsageError(f"{path}: {line!r} is not of the form 'PATTERN: REASON'")
            found.append(Skip(pattern, reason.strip()))
    return found


class SkipRule:
    """Collects what was skipped, and fails the run where something else than the allowed was."""

    def __init__(self, allowed: list[Skip]) -> None:
        self.allowed = allowed
        self.seen: list[Skip] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            self.seen.append(Skip(report.nodeid, _reason(report)))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self.seen.append(Skip(report.nodeid, _reason(report)))

    def refused(self) -> Iterator[Skip]:
        for skip in self.seen:
            if not any(fnmatch.fnmatch(skip.test, item.test) and item.reason in skip.reason for item in self.allowed):
                yield skip

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if session.exitstatus == pytest.ExitCode.OK and any(self.refused()):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if refused := list(self.refused()):
            terminalreporter.section("skips that CI does not allow", red=True)
            for skip in refused:
                terminalreporter.line(f"{skip.test}: {skip.reason}")
            terminalreporter.line(f"Mend what is missing, or name them in {ALLOWED.name} with the reason.")


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    return str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)


def pytest_configure(config: pytest.Config) -> None:
    # With xdist the reports of all workers reach the controller; a worker by itself judges nothing.
    if os.environ.get("CI") == "true" and not hasattr(config, "workerinput"):
        config.pluginmanager.register(SkipRule(read_allowed(ALLOWED)), "skip-rule")
