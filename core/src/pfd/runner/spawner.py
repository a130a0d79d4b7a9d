"""Processes for isolated jobs, as a worker makes them."""

from __future__ import annotations

import contextlib
import logging
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence

from pfd.errors import QueueError
from pfd.runner import native
from pfd.runner.profile import Profile, job_environment
from pfd.runner.supervisor import start_fresh
from pfd.runner.warm_client import WarmServerClient
from pfd.settings import Settings

log = logging.getLogger("pfd.worker")

CLOSE_PATIENCE = 5.0


class Processes:
    """Makes processes for jobs: through a warm server on Linux, else with a fresh interpreter."""

    def __init__(self, settings: Settings, threads: Callable[[], int]) -> None:
        self._settings = settings
        self._threads = threads
        self._servers: dict[tuple[str, ...], WarmServerClient] = {}
        self._profiles: dict[tuple[tuple[str, ...], int], Profile] = {}
        self._fresh: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()

    def spawn(self, preload: tuple[str, ...], fds: Sequence[int]) -> Mapping[str, str]:
        """Have a supervisor made.  It owns these descriptors: control, channel, output, and others that a job holds.

        Returns the environment that is meant for the job.
        """
        with self._lock:
            threads = self._threads()
            profile = self._profiles.get((preload, threads))
            if profile is None:
                profile = Profile(self._settings, preload, job_environment(threads, self._settings))
                self._profiles[preload, threads] = profile
            server = self._servers.setdefault(preload, WarmServerClient())
        if native.LINUX:
            try:
                server.spawn(profile, fds)
            except (OSError, QueueError) as error:
                log.warning("no warm server, so this job gets a fresh interpreter: %s", error)
            else:
                return profile.environment
        process = start_fresh(fds, profile.environment)
        with self._lock:
            self._fresh = [supervisor for supervisor in self._fresh if supervisor.poll() is None] + [process]
        return profile.environment

    def resume(self, preload: tuple[str, ...]) -> None:
        """Have the warm server for these imports go on, where something has stopped it."""
        with self._lock:
            server = self._servers.get(preload)
        if server is not None:
            server.resume()

    def close(self) -> None:
        """Let go of servers; to be called when no job runs any more."""
        for server in self._servers.values():
            server.close()
        for supervisor in self._fresh:
            with contextlib.suppress(subprocess.TimeoutExpired):
                supervisor.wait(CLOSE_PATIENCE)
