"""For Dramatiq's own command line: `dramatiq pfd.runtimes.dramatiq`.  Settings come from the environment."""

from __future__ import annotations

import os

import dramatiq

from pfd.plugins import load_registry
from pfd.settings import load_settings
from pfd_runtime_dramatiq.broker import has_prometheus, make_broker
from pfd_runtime_dramatiq.native import Native

_settings = load_settings().values
_registry = load_registry(_settings)
_metrics = []

if has_prometheus():
    # Dramatiq serves its metrics to the whole network unless told otherwise, and reads this when imported.
    os.environ.setdefault("dramatiq_prom_host", "127.0.0.1")
    from pfd_runtime_dramatiq.metrics import JobMetrics

    _metrics = [JobMetrics()]
    _registry.listen("dramatiq", _metrics[0])

broker = make_broker(_settings, _registry, *_metrics, Native(_settings, _registry))
dramatiq.set_broker(broker)
