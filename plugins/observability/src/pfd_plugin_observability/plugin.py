"""Manifest of the observability plugin.  What it needs is loaded where the settings ask for it."""

from __future__ import annotations

from pfd import PluginsLoaded, SettingsError, WorkerStart, hookimpl


@hookimpl
def pfd_loaded(loaded: PluginsLoaded) -> None:
    """Make spans, where the setting `otel` is on."""
    if not loaded.settings.otel:
        return
    try:
        from pfd_plugin_observability.tracing import Tracing
    except ImportError as error:
        raise SettingsError(
            f"otel is on, and OpenTelemetry cannot be loaded: {error}",
            hint="pip install 'pfd-core[otel]', or set PFD_OTEL=0",
        ) from error
    loaded.serve("otel", Tracing())


@hookimpl
def pfd_worker_start(start: WorkerStart) -> None:
    """Serve metrics and health, where the setting `metrics` asks for it.

    Not of a worker of one program alone: that is there too shortly to be watched, and the port is another's.
    """
    if not start.settings.metrics or not start.worker.serves_all:
        return
    try:
        from pfd_plugin_observability.monitor import Monitor
    except ImportError as error:
        raise SettingsError(
            f"metrics={start.settings.metrics} cannot be served: {error}",
            hint="pip install 'pfd-core[metrics]', or leave PFD_METRICS empty",
        ) from error
    Monitor(start).serve()
