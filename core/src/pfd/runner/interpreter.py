"""The Python that processes of jobs are started with.

It is not always `sys.executable`: a program that has Python in it (uWSGI, a web server, an application that was frozen)
is named there itself, and would be started once more.
"""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from pfd.errors import QueueError

_NAME = re.compile(r"python|pypy", re.IGNORECASE)
_SELF = "import sys, pfd; print(sys.implementation.cache_tag)"

PATIENCE = 60.0
"""Seconds after which a program that does not say what it is counts as no Python."""


@functools.cache
def interpreter() -> str:
    """The path of a Python of this version that can import PFD.  Raises `QueueError` where none is found."""
    if _is_named_python(sys.executable):
        return sys.executable
    tried = list(dict.fromkeys(_candidates()))
    for candidate in tried:
        if _fits(candidate):
            return candidate
    raise QueueError(
        f"jobs run in their own processes, and this program ({sys.executable or 'without a name'}) is not a Python to "
        f"start them with; nor is another that can import pfd: {', '.join(tried) or 'none was found'}",
        hint="run 'pfd worker' beside it, which serves what it submits; or set sys.executable to the Python in use",
    )


def _is_named_python(path: str | None) -> bool:
    return bool(path) and _NAME.match(Path(path or "").name) is not None


def _candidates() -> Iterator[str]:
    base = getattr(sys, "_base_executable", None)
    folders = [Path(prefix, "bin") for prefix in (sys.exec_prefix, sys.base_exec_prefix)]
    names = [f"python{sys.version_info.major}.{sys.version_info.minor}", "python3", "python"]
    for path in (*(str(folder / name) for folder in folders for name in names), base):
        if path and _is_named_python(path) and shutil.which(path):
            yield path


def _fits(candidate: str) -> bool:
    try:
        done = subprocess.run(
            [candidate, "-P", "-c", _SELF], stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and done.stdout.decode(errors="replace").split()[-1:] == [sys.implementation.cache_tag]
