"""How much memory writing and reading a dataset takes, by the kernel's own count in a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from benchmarks.dataset_memory import GOAL_MIB, READ, READINGS, WRITE, peak_mib

SIZES_GB = (0.04, 0.4)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems count mapped pages differently"),
]


def test_a_dataset_ten_times_as_large_takes_no_more_memory_to_write_or_to_read(tmp_path: Path) -> None:
    path = tmp_path / "big.h5"
    found: dict[str, list[float]] = {}
    for size in SIZES_GB:
        found.setdefault("write", []).append(peak_mib(WRITE, path, size))
        for what, conditions in READINGS.items():
            found.setdefault(what, []).append(peak_mib(READ, path, size, conditions))
    path.unlink()
    for what, (small, large) in found.items():
        assert large < GOAL_MIB, what
        # Recordings of 20 MB: 0.4 GB in memory would be 343 MiB more.
        assert large - small < 60, what
