"""The metrics of one worker, in the words of prometheus_client."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, make_wsgi_app
from prometheus_client.metrics_core import Metric as Family

from pfd.monitor.gauges import Gauges
from pfd.monitor.meters import Meters
from pfd.monitor.reading import Reader
from pfd.store import Store
from pfd.task import Task
from pfd.vitals import Vitals


class Exposition:
    """All metrics of a worker, in its own registry.

    What else this process may export is not ours, and two workers in a process are two.
    """

    def __init__(self, vitals: Vitals, store: Store, tasks: Iterable[Task]) -> None:
        collectors = _Collectors()
        ProcessCollector(registry=collectors)
        collectors.register(Gauges(vitals, store, Reader(store), importlib.metadata.version("pfd-core")))
        self.meters = Meters(collectors, tasks)
        self.application = make_wsgi_app(collectors)


class _Collectors(CollectorRegistry):
    def collect(self) -> Iterator[Family]:
        for family in super().collect():
            # When each series began: nearly as many series again, and of no use to Prometheus.
            family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
            yield family
