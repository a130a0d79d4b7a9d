"""How much of the machine's processor this process may use: the cores it is bound to, and the quota of its group."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

MEMBERSHIP = Path("/proc/self/cgroup")
GROUPS = Path("/sys/fs/cgroup")


def cores() -> float:
    """Cores that this process may use; a quota may leave it a part of one."""
    return min([float(len(bound_to()) or os.cpu_count() or 1), *_quotas(MEMBERSHIP, GROUPS)])


def bound_to(pid: int = 0) -> frozenset[int]:
    """Numbers of the cores that a process (this one where left out) may run on; empty where the system does not say."""
    try:
        return frozenset(os.sched_getaffinity(pid))
    except (AttributeError, OSError):  # not on macOS; or the process is gone
        return frozenset()


def competes(pid: int) -> bool:
    """Whether another process of this machine uses the same cores, as far as can be known."""
    if not bound_to(pid) & bound_to():
        return False
    # A quota is that of a group: a process outside takes nothing from it.
    return not any(_quotas(MEMBERSHIP, GROUPS)) or _groups(pid) == _groups()


def _groups(pid: int | None = None) -> str:
    with contextlib.suppress(OSError):
        return (MEMBERSHIP if pid is None else Path(f"/proc/{pid}/cgroup")).read_text(encoding="utf-8")
    return ""


def _quotas(membership: Path, groups: Path) -> Iterator[float]:
    """Quotas in cores of the control groups that this process is in, those above included; of both versions."""
    try:
        lines = membership.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        number, controllers, path = line.split(":", 2)
        if number == "0":
            roots = (groups, groups / "unified")
        elif "cpu" in controllers.split(","):
            roots = (groups / controllers, groups / "cpu")
        else:
            continue
        # In a container the path may be that of the host, of which only the top is to be seen.
        here = Path(path.lstrip("/"))
        for folder in (root / part for root in roots for part in (here, *here.parents)):
            if (quota := _unified(folder) or _legacy(folder)) is not None:
                yield quota


def _unified(folder: Path) -> float | None:
    with contextlib.suppress(OSError, ValueError):  # not a number: "max"
        quota, period = (folder / "cpu.max").read_text(encoding="ascii").split()
        return int(quota) / int(period)
    return None


def _legacy(folder: Path) -> float | None:
    with contextlib.suppress(OSError, ValueError):
        quota = int((folder / "cpu.cfs_quota_us").read_text(encoding="ascii"))
        if quota > 0:
            return quota / int((folder / "cpu.cfs_period_us").read_text(encoding="ascii"))
    return None
