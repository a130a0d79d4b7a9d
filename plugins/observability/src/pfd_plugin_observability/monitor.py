"""Serving the metrics and the health of one worker."""

from __future__ import annotations

import logging

from pfd import WorkerStart, WorkerStop, hookimpl
from pfd_plugin_observability import health
from pfd_plugin_observability.exposition import Exposition
from pfd_plugin_observability.server import MOST_CONNECTIONS, Application, MonitorServer, place, serve

log = logging.getLogger("pfd.monitor")


class Monitor:
    """Serves where the settings say, from the start of a worker until its stop, of which it hears by itself."""

    def __init__(self, start: WorkerStart) -> None:
        self._start = start
        self._exposition = Exposition(start)
        self._server: MonitorServer | None = None

    def serve(self) -> None:
        """Begin, and say where.  Raises `SettingsError` where the address cannot be used."""
        start, vitals, lease = self._start, self._start.vitals, self._start.settings.lease
        address = start.settings.metrics_address
        assert address is not None
        checks = {
            "/health": lambda: health.health(vitals, lease),
            "/health/live": lambda: health.liveness(vitals),
            "/health/ready": lambda: health.readiness(vitals, lease),
        }
        self._server = serve(address, Application(self._exposition.application, checks))
        start.listeners.listen("metrics", self._exposition.meters)
        start.listeners.listen("monitor", self)
        start.metrics = where = place(self._server)
        start.descriptors += MOST_CONNECTIONS
        log.info("metrics at http://%s/metrics, health at http://%s/health", where, where)

    @hookimpl
    def pfd_worker_stop(self, stop: WorkerStop) -> None:
        """Serve no more, where it is this worker that has stopped."""
        if stop.worker.id != self._start.worker.id or self._server is None:
            return
        self._server.shutdown()
        self._server.server_close()
        self._server = None
        self._start.listeners.unlisten(self._exposition.meters)
        self._start.listeners.unlisten(self)
