"""The metrics of one worker, in the words of prometheus_client."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, make_wsgi_app
from prometheus_client.metrics_core import Metric as Family

from pfd import WorkerStart
from pfd_plugin_observability.gauges import Gauges
from pfd_plugin_observability.meters import Meters
from pfd_plugin_observability.reading import Reader


class Exposition:
    """All metrics of a worker, in its own registry.

    What else this process may export is not ours, and two workers in a process are two.
    """

    def __init__(self, start: WorkerStart) -> None:
        collectors = _Collectors()
        ProcessCollector(registry=collectors)
        collectors.register(Gauges(start.vitals, Reader(start.read_store), importlib.metadata.version("pfd-core")))
        self.meters = Meters(collectors, start.tasks.values())
        self.application = make_wsgi_app(collectors)


class _Collectors(CollectorRegistry):
    def collect(self) -> Iterator[Family]:
        for family in super().collect():
            # When each series began: nearly as many series again, and of no use to Prometheus.
            family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
            yield family
