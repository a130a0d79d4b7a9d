"""Processes for isolated jobs, as a worker makes them."""

from __future__ import annotations

import contextlib
import logging
import subprocess
import sys
import threading

from pfd.errors import QueueError
from pfd.execution import native
from pfd.execution.profile import Profile, job_environment
from pfd.execution.warm import WarmServer
from pfd.settings import Settings

log = logging.getLogger("pfd.execution")

CLOSE_PATIENCE = 5.0


class Processes:
    """Makes processes for jobs: through a warm server on Linux, else with a fresh interpreter."""

    def __init__(self, settings: Settings, slots: int) -> None:
        self._settings = settings
        self.environment = job_environment(slots)
        self._servers: dict[tuple[str, ...], WarmServer] = {}
        self._fresh: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()

    def spawn(self, preload: tuple[str, ...], fds: tuple[int, int, int]) -> None:
        """Have a keeper made that owns these descriptors: control, channel, output."""
        if native.LINUX:
            with self._lock:
                if preload not in self._servers:
                    self._servers[preload] = WarmServer(Profile(self._settings, preload, self.environment))
                server = self._servers[preload]
            try:
                server.spawn(fds)
            except (OSError, QueueError) as error:
                log.warning("no warm server, so this job gets a fresh interpreter: %s", error)
            else:
                return
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "pfd.execution.keeper", *map(str, fds)],
            pass_fds=fds,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        with self._lock:
            self._fresh = [keeper for keeper in self._fresh if keeper.poll() is None] + [process]

    def close(self) -> None:
        """Let go of servers; to be called when no job runs any more."""
        for server in self._servers.values():
            server.close()
        for keeper in self._fresh:
            with contextlib.suppress(subprocess.TimeoutExpired):
                keeper.wait(CLOSE_PATIENCE)
