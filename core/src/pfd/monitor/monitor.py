"""Serving the metrics and the health of one worker."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pfd.app import App
from pfd.errors import SettingsError
from pfd.monitor import health
from pfd.monitor.server import Application, MonitorServer, place, serve
from pfd.vitals import Vitals

if TYPE_CHECKING:
    from pfd.monitor.exposition import Exposition

log = logging.getLogger("pfd.monitor")


class Monitor:
    """Serves what the setting `metrics` asks for.

    Nothing where it is empty, nor for a worker of one program alone: that is there too shortly to be watched, and the
    port is another's.
    """

    def __init__(self, app: App, vitals: Vitals) -> None:
        self._settings = app.settings
        self._registry = app.registry
        self._store = app.store
        self._vitals = vitals
        self._server: MonitorServer | None = None
        self._exposition: Exposition | None = None

    def start(self) -> str | None:
        """Begin to serve; the HOST:PORT, or None where none is asked for.

        Raises
        ------
        SettingsError : the address cannot be used, or prometheus-client is not installed.
        """
        vitals, lease = self._vitals, self._settings.lease
        address = self._settings.metrics_address
        if address is None or vitals.info.client_id is not None or not vitals.info.slots:
            return None
        checks = {
            "/health": lambda: health.health(vitals, lease),
            "/health/live": lambda: health.liveness(vitals),
            "/health/ready": lambda: health.readiness(vitals, lease),
        }
        exposition = self._expose()
        self._server = serve(address, Application(exposition.application, checks))
        self._exposition = exposition
        self._registry.listen("metrics", exposition.meters)
        where = place(self._server)
        log.info("metrics at http://%s/metrics, health at http://%s/health", where, where)
        return where

    def stop(self) -> None:
        """Serve no more."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        if self._exposition is not None:
            self._registry.unlisten(self._exposition.meters)
            self._exposition = None

    def _expose(self) -> Exposition:
        try:
            from pfd.monitor.exposition import Exposition
        except ImportError as error:
            raise SettingsError(
                f"metrics={self._settings.metrics} cannot be served: {error}",
                hint="pip install 'pfd-core[metrics]', or leave PFD_METRICS empty",
            ) from error
        return Exposition(self._vitals, self._store, self._registry.tasks.values())
