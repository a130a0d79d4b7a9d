"""Gauges, read when they are asked for: of the store, and of what the worker knows of itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from pfd import Vitals
from pfd_plugin_observability import catalogue
from pfd_plugin_observability.catalogue import Metric
from pfd_plugin_observability.reading import Reader

_Samples = Mapping[tuple[str, ...], float]


class Gauges(Collector):
    """What prometheus_client asks at each scrape."""

    def __init__(self, vitals: Vitals, reader: Reader, version: str) -> None:
        self._vitals = vitals
        self._reader = reader
        self._version = version

    def describe(self) -> Iterable[Family]:
        """Names only, so that the store is not asked when this is registered."""
        return [_family(metric) for metric in catalogue.METRICS if metric.group != catalogue.RUNS]

    def collect(self) -> Iterator[Family]:
        for metric, samples in (self._of_store() | self._of_worker()).items():
            family = _family(metric)
            for labels, value in samples.items():
                family.add_metric(labels, value)
            yield family

    def _of_store(self) -> dict[Metric, _Samples]:
        """Without samples where the store does not answer: what it held a while ago is worth nothing."""
        reading = self._reader.latest()
        if reading is None:
            return {catalogue.JOBS: {}, catalogue.OLDEST: {}, catalogue.WORKERS: {}}
        present = Counter(info.runtime for info in reading.workers if info.client_id is None)
        return {
            catalogue.JOBS: {tuple(kind): number for kind, number in reading.jobs.items()},
            catalogue.OLDEST: {(queue,): age for queue, age in reading.oldest_due.items()},
            catalogue.WORKERS: {(runtime,): number for runtime, number in present.items()},
        }

    def _of_worker(self) -> dict[Metric, _Samples]:
        vitals, info, answers = self._vitals, self._vitals.info, self._vitals.answers
        ages = {("read",): answers.age("read"), ("write",): answers.age("write")}
        return {
            catalogue.INFO: {(info.id, info.name, info.runtime, self._version): 1},
            catalogue.SLOTS: {(queues,): number for queues, number in info.slots.items()},
            catalogue.GPU_SLOTS: {(device,): number for device, number in info.gpus.items()},
            catalogue.BUSY: {(): vitals.busy()},
            catalogue.WATCH_AGE: {(): vitals.watch_age},
            catalogue.LEASE_AGE: {(): vitals.lease_age},
            catalogue.LEASES_LOST: {(): vitals.leases_lost},
            catalogue.ANSWER_AGE: {access: age for access, age in ages.items() if age is not None},
            catalogue.STORE_ERRORS: {(access,): number for access, number in answers.failures.items()},
        }


def _family(metric: Metric) -> CounterMetricFamily | GaugeMetricFamily:
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    return kind(metric.name, metric.help, labels=metric.labels)
