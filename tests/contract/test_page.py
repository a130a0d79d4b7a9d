"""The page that says which test holds which line of the contract is true."""

from __future__ import annotations

import re

import pfd_contract.suite as suite
from tests.support.workspace import ROOT

PAGE = ROOT / "docs" / "how-to" / "test-a-runtime.md"
LATER = {3, 23}
"""Lines about brokers."""


def test_every_line_names_tests_that_exist_and_every_test_holds_a_line() -> None:
    rows = re.findall(r"^\| (\d+|all) [^|]*\| ([^|]+) \|$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert {int(line) for line, _ in rows if line != "all"} == set(range(1, 25)) - LATER
    named = {name for _, tests in rows for name in re.findall(r"`(test_\w+)`", tests)}
    there = {name for group in suite.__all__ for name in vars(getattr(suite, group)) if name.startswith("test_")}
    assert named == there
