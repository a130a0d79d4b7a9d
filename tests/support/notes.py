"""Figures that a test wants seen at the end of the run, also where it ran in another process."""

from __future__ import annotations

from collections.abc import Callable

import pytest

KEY = "note"


@pytest.fixture
def note(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Print a line once all tests are done."""
    return lambda text: record_property(KEY, text)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.stats.get(outcome, ())]
    notes = [str(value) for report in reports for name, value in report.user_properties if name == KEY]
    if notes:
        terminalreporter.section("notes")
        for line in sorted(notes):
            terminalreporter.line(line)
