"""Sizes that the README names, and what is measured."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tests.support.workspace import ROOT

UNITS = {"GB": 1e9, "MB": 1e6}
TOLERANCE = 0.15
"""Part by which a size may be off: it is given in two digits, and differs from one platform to the next."""


def on_disk(folder: Path) -> int:
    """Bytes of a file, or of those below a folder, without links and byte code: that depends on what has been run."""
    total = folder.stat().st_size if folder.is_file() else 0
    for place, _, names in os.walk(folder):
        if Path(place).name != "__pycache__":
            total += sum(path.stat().st_size for name in names if not (path := Path(place, name)).is_symlink())
    return total


def named(words: str) -> float:
    """Bytes that the README names behind these words."""
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    found = re.search(rf"{re.escape(words)} about ([\d.]+) (GB|MB)", text)
    assert found, f"the README says nothing of {words!r}"
    return float(found[1]) * UNITS[found[2]]


def check(words: str, measured: int) -> None:
    """Fail where a size that the README names is not what was measured."""
    said = named(words)
    found = f"the README says '{words} about {said / 1e6:.0f} MB', and it is {measured / 1e6:.0f} MB"
    assert abs(measured - said) <= TOLERANCE * said, found
