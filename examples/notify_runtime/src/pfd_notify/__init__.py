"""A runtime without a broker: workers are woken by the notifications of the PostgreSQL that holds the jobs anyway."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

import psycopg

from pfd import QueueError, Settings, SettingsError
from pfd.plugins import Registry
from pfd.runtimes import StopSignals, Wakeup, WorkerHost

CHANNEL = "pfd_wakeup"
PAUSE = 1.0
"""Seconds before another try where the server is away."""


class NotifyRuntime:
    """Wakes workers with NOTIFY."""

    name = "notify"

    def __init__(self, settings: Settings) -> None:
        if not settings.database_url.startswith("postgres"):
            raise SettingsError("the runtime 'notify' needs a PostgreSQL", hint="set PFD_DATABASE_URL=postgresql://…")
        self._settings = settings
        self._connection: psycopg.Connection | None = None
        self._lock = threading.Lock()

    def notify(self, wakeup: Wakeup) -> None:
        """Tell all who listen.  A wakeup that is lost costs a sweep, so no more than one try is worth it."""
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = _connect(self._settings)
                self._connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, wakeup.queue))
            except psycopg.Error as error:
                self._connection = None
                raise QueueError(f"the server cannot be asked to notify: {error}") from error

    def serve(self, registry: Registry, slots: Mapping[str, int], ready: Callable[[], None]) -> None:
        """Be a worker until told to stop."""
        host = WorkerHost(self._settings, registry, slots, self)
        with StopSignals().heard() as signals:
            host.start()
            try:
                threading.Thread(target=self._listen, args=(host,), daemon=True).start()
                ready()
                signals.wait()
                host.drain(lambda: signals.hurry)
            finally:
                host.stop()

    def _listen(self, host: WorkerHost) -> None:
        pause = threading.Event()
        while True:
            try:
                with _connect(self._settings) as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    for notification in connection.notifies():
                        host.offer(notification.payload)
            except psycopg.Error:
                pause.wait(PAUSE)  # jobs are found by the sweep meanwhile

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _connect(settings: Settings) -> psycopg.Connection:
    return psycopg.connect(settings.database_url, autocommit=True, connect_timeout=5)
