"""What a warm server was started with.  Workers whose profile is the same share one."""

from __future__ import annotations

import contextlib
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

from pfd.runner import shortage
from pfd.runner.interpreter import interpreter
from pfd.settings import Settings

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",  # PyTorch, the compiled loops of scikit-learn, pyarrow
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
PROCESS_VARIABLE = "LOKY_MAX_CPU_COUNT"
"""What `n_jobs=-1` stands for in joblib, and so in scikit-learn."""

# Read when a library is loaded, and so by the warm server; all others are set anew in the process of each job.
_READ_EARLY = (*THREAD_VARIABLES, "OMP_WAIT_POLICY", "LD_LIBRARY_PATH", "LD_PRELOAD", "LANG", "LC_ALL")


# What a library finds out about devices while it is imported must leave a trace: see `pfd.runner.cuda`.
_NOT_FOR_SERVERS = frozenset({"CUDA_VISIBLE_DEVICES"})

_NOT_OF_SERVERS = frozenset({"gpus", "hide_gpus", "metrics", "threads"})
"""Settings that are a worker's own affair: workers that differ in these alone share a server."""


def job_environment(threads: int, settings: Settings) -> dict[str, str]:
    """The environment of job processes: so many threads for libraries, and no spinning while waiting.

    Two spinning OpenMP teams on the same cores slow each other down tenfold and more.  What the user has set in the
    environment stands, before all but the setting `threads`.
    """
    numbers = dict.fromkeys((*THREAD_VARIABLES, PROCESS_VARIABLE), str(threads))
    defaults = {"OMP_WAIT_POLICY": "PASSIVE", "MPLBACKEND": "Agg", **numbers}
    return {**defaults, **os.environ, "PYTHONUNBUFFERED": "1", **(numbers if settings.threads is not None else {})}


# Asked early: where no file can be opened, the answer would be that it is not installed, and be kept.
_VERSION = importlib.metadata.version("pfd-core")


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
                *(_VERSION, interpreter(), self.order(), early, limits),
                # Jobs of another service would be counted, limited and ended with this one.
                _cgroup(),
            ],
            sort_keys=True,
        )

    def order(self) -> dict[str, Any]:
        """What the server is told when it starts."""
        # Made absolute, since the server stands in no folder of its own.
        path = [os.path.abspath(entry) for entry in sys.path]
        settings = self.settings.handed_on(without=_NOT_OF_SERVERS)
        return {"settings": settings, "preload": list(self.preload), "path": path}

    def server_environment(self) -> dict[str, str]:
        return {name: value for name, value in self.environment.items() if name not in _NOT_FOR_SERVERS}

    def name(self) -> str:
        """Changes when packages are installed, updated or removed: what is loaded would not fit what is on the disk."""
        return hashlib.sha256(f"{self._lasting}{_installed()}".encode()).hexdigest()[:12]


def _cgroup() -> str:
    try:
        return Path("/proc/self/cgroup").read_text(encoding="utf-8")
    except OSError as error:
        if shortage.cause(error) is not None:  # it would be taken for another group, and have another server
            raise
        return ""


def _installed() -> list[tuple[str, object]]:
    """The folders that modules are imported from, and what lies in each."""
    found: list[tuple[str, object]] = []
    for entry in sys.path:
        with contextlib.suppress(OSError):
            found.append((entry, _modules(entry, Path(entry).stat().st_mtime_ns)))
    return found


@functools.lru_cache(maxsize=256)
def _modules(folder: str, changed: int) -> object:
    """What can be imported from a folder, and what is installed in it; looked up when an entry came or went.

    Not when that was: a script's own folder is one of them, and what it writes there must not cost each job a server.
    """
    try:
        with os.scandir(folder) as entries:
            return sorted(filter(None, map(_module, entries)))
    except NotADirectoryError:  # an archive
        return changed


def _module(entry: os.DirEntry[str]) -> tuple[str, int] | None:
    """A module by its name; a distribution, which may be installed once more, by its time as well."""
    if entry.name.endswith((".dist-info", ".egg-info", ".egg-link", ".pth")):
        return entry.name, entry.stat().st_mtime_ns
    is_module = entry.name.endswith((".py", ".so")) or os.path.exists(f"{entry.path}/__init__.py")  # noqa: PTH110  (a thousand of them)
    return (entry.name, 0) if is_module else None
