"""How many cores there are to use: those this process is bound to, and the quotas of the groups it is in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pfd.worker import cores


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Control groups of a machine of sixteen cores."""
    monkeypatch.setattr(cores, "MEMBERSHIP", tmp_path / "membership")
    monkeypatch.setattr(cores, "GROUPS", tmp_path / "groups")
    monkeypatch.setattr(cores, "bound_to", lambda pid=0: frozenset(range(16)))
    return tmp_path


def put(groups: Path, membership: str, quotas: dict[str, str]) -> None:
    """`quotas` are texts of files by their paths."""
    (groups / "membership").write_text(membership, encoding="utf-8")
    for name, text in quotas.items():
        path = groups / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def test_without_groups_all_cores_count(groups: Path) -> None:
    assert cores.cores() == 16


def test_a_group_without_a_quota_limits_nothing(groups: Path) -> None:
    put(groups, "0::/app\n", {"app/cpu.max": "max 100000\n"})
    assert cores.cores() == 16


def test_the_smallest_quota_of_a_group_and_those_above_it_counts(groups: Path) -> None:
    put(groups, "0::/top/app\n", {"top/cpu.max": "250000 100000\n", "top/app/cpu.max": "800000 100000\n"})
    assert cores.cores() == 2.5


def test_in_a_container_the_quota_stands_at_the_top_though_the_path_is_that_of_the_host(groups: Path) -> None:
    put(groups, "0::/docker/4711\n", {"cpu.max": "150000 100000\n"})
    assert cores.cores() == 1.5


def test_a_quota_of_the_older_kind_counts(groups: Path) -> None:
    put(
        groups,
        "4:cpu,cpuacct:/docker/4711\n3:cpuset:/\n",
        {"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"},
    )
    assert cores.cores() == 3


def test_no_quota_of_the_older_kind_limits_nothing(groups: Path) -> None:
    put(groups, "4:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"})
    assert cores.cores() == 16


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processes are not bound to cores here")
def test_a_process_on_other_cores_does_not_compete() -> None:
    mine = sorted(os.sched_getaffinity(0))
    if len(mine) < 2:
        pytest.skip("there is a single core")
    code = f"import os, sys; os.sched_setaffinity(0, {{{mine[0]}}}); print(flush=True); sys.stdin.read()"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        assert cores.competes(process.pid)
        with pytest.MonkeyPatch.context() as patch:
            bound = cores.bound_to
            patch.setattr(cores, "bound_to", lambda pid=0: bound(pid) if pid else frozenset(mine[1:]))
            assert not cores.competes(process.pid)
    finally:
        process.communicate()
    assert not cores.competes(process.pid)  # it has ended
