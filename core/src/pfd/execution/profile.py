"""What a warm server was started with.  Workers whose profile is the same share one."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import os
import resource
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pfd.settings import Settings

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")

# Read when a library is loaded, and so by the warm server; all others are set anew in the process of each job.
_READ_EARLY = (*THREAD_VARIABLES, "OMP_WAIT_POLICY", "LD_LIBRARY_PATH", "LD_PRELOAD", "LANG", "LC_ALL")


def job_environment(slots: int) -> dict[str, str]:
    """The environment of job processes: a fair share of cores for each slot, and no spinning while waiting.

    Two spinning OpenMP teams on the same cores slow each other down tenfold and more.  What the user has set stands.
    """
    share = str(max(1, cores() // max(1, slots)))
    defaults = {"OMP_WAIT_POLICY": "PASSIVE", "MPLBACKEND": "Agg", **dict.fromkeys(THREAD_VARIABLES, share)}
    return {**defaults, **os.environ, "PYTHONUNBUFFERED": "1"}


def cores() -> int:
    """Cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        return os.cpu_count() or 1


@dataclass(frozen=True)
class Profile:
    """Settings, imports and environment of a warm server."""

    settings: Settings
    preload: tuple[str, ...]
    environment: Mapping[str, str]

    @functools.cached_property
    def _lasting(self) -> str:
        """What does not change in the life of a worker."""
        early = {name: self.environment.get(name) for name in _READ_EARLY}
        early |= {name: value for name, value in self.environment.items() if name.startswith("PYTHON")}
        limits = [
            resource.getrlimit(kind) for kind in (resource.RLIMIT_NOFILE, resource.RLIMIT_AS, resource.RLIMIT_NPROC)
        ]
        return json.dumps(
            [
                *(importlib.metadata.version("pfd-core"), sys.executable, self.order(), early, limits),
                # Jobs of another service would be counted, limited and ended with this one.
                _cgroup(),
            ],
            sort_keys=True,
        )

    def order(self) -> dict[str, Any]:
        """What the server is told when it starts."""
        # Made absolute, since the server stands in no folder of its own.
        path = [os.path.abspath(entry) for entry in sys.path]
        return {"settings": self.settings.model_dump(mode="json"), "preload": list(self.preload), "path": path}

    def name(self) -> str:
        """Changes when packages are installed, updated or removed: what is loaded would not fit what is on the disk."""
        return hashlib.sha256(f"{self._lasting}{_installed()}".encode()).hexdigest()[:12]


def _cgroup() -> str:
    try:
        return Path("/proc/self/cgroup").read_text(encoding="utf-8")
    except OSError:
        return ""


def _installed() -> list[tuple[str, int]]:
    """The folders that packages lie in, and when an entry of each was last added or removed."""
    found = []
    for entry in sys.path:
        try:
            status = Path(entry).stat()
        except OSError:
            continue
        found.append((entry, status.st_mtime_ns))
    return found
