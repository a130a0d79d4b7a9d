"""Setting up OpenTelemetry in the programs of PFD: an SDK where one is installed, and the trace of a job's process."""

from __future__ import annotations

import importlib.metadata
import logging
import os

from opentelemetry import context, propagate, trace

log = logging.getLogger("pfd.tracing")

VARIABLES = ("TRACEPARENT", "TRACESTATE", "BAGGAGE")


def join() -> None:
    """Make what this process does part of the run that it was started for."""
    carrier = {name.lower(): os.environ[name] for name in VARIABLES if name in os.environ}
    context.attach(propagate.extract(carrier))


def configure() -> None:
    """Set up an SDK from the variables of OpenTelemetry, as `opentelemetry-instrument` would.

    For programs that are ours; nothing is done where a provider is set already, or where no distribution of the SDK
    is installed.  What goes wrong is logged: no job fails because of its trace.
    """
    found = list(importlib.metadata.entry_points(group="opentelemetry_configurator"))
    if not found or not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        return
    os.environ.setdefault("OTEL_SERVICE_NAME", "pfd")
    os.environ.setdefault("OTEL_TRACES_EXPORTER", "otlp")
    try:
        found[0].load()().configure()
    except Exception as error:
        log.warning("spans are not exported: %s", error)


def preload() -> None:
    """Import what `configure` needs, so that a process forked from this one has it."""
    for group in ("opentelemetry_configurator", "opentelemetry_traces_exporter"):
        for entry in importlib.metadata.entry_points(group=group):
            try:
                entry.load()
            except Exception as error:
                log.debug("%s cannot be loaded: %s", entry.value, error)
