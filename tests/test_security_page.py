"""The page on security names a test for each promise."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "explanation" / "security.md"

PROMISES_NOTHING = ("is of the group",)


def rows() -> list[list[str]]:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def test_each_line_that_promises_something_names_tests_that_exist() -> None:
    assert len(rows()) >= 15
    for who, _, _, held in rows():
        named = re.findall(r"`([^`]+\.py)`", held)
        assert named or who.startswith(PROMISES_NOTHING), who
        for name in named:
            assert "def test_" in (ROOT / name).read_text(encoding="utf-8"), name
