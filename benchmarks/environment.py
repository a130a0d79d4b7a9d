"""A store, workers and plugins of their own for each benchmark."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

PLUGIN = Path(__file__).with_name("plugin")


@contextlib.contextmanager
def fresh_home(plugins: str = "bench") -> Iterator[Path]:
    """An empty PFD_HOME with the plugin of the benchmarks, for this process and its children."""
    before = dict(os.environ)
    path = list(sys.path)
    with tempfile.TemporaryDirectory(prefix="pfd-bench-", ignore_cleanup_errors=True) as folder:
        os.environ.update(PFD_HOME=folder, PFD_PLUGINS=plugins, PYTHONPATH=str(PLUGIN))
        sys.path.insert(0, str(PLUGIN))
        try:
            yield Path(folder)
        finally:
            sys.path[:] = path
            os.environ.clear()
            os.environ.update(before)


@contextlib.contextmanager
def processes(*commands: list[str], env: dict[str, str] | None = None) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Programs that run for the length of the block, and are ended with their helpers."""
    started = [
        subprocess.Popen(
            command,
            env={**os.environ, **(env or {})},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        for command in commands
    ]
    try:
        yield started
    finally:
        for process in started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in started:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


WORKER = [sys.executable, "-c", "from pfd import Worker; Worker(slots=1).run_forever()"]
