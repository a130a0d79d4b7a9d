"""Waiting for a condition, rather than for a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil

from pfd_contract.waiting import until as _until

T = TypeVar("T")

GENEROUS = 60.0
"""Seconds after which something that should have happened long ago is taken for not happening at all."""


def until(condition: Callable[[], T], what: str = "", seconds: float = GENEROUS) -> T:
    """The first value of `condition` that is true.  Fails where there is none in time."""
    return _until(condition, what or str(condition), seconds)


def lines(path: Path) -> list[str]:
    """The lines of a file that may not exist yet."""
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def is_gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has collected yet counts as ended."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
