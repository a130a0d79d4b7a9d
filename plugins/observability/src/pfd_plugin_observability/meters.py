"""Counters and histograms of what a worker does, filled through hooks."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram

from pfd import EventKind, JobEvent, State, Task, hookimpl
from pfd_plugin_observability import catalogue
from pfd_plugin_observability.catalogue import Metric

ENDS = (State.SUCCESS, State.FAILURE, State.REVOKED)


class Meters:
    """Hears what becomes of jobs in this process, and counts."""

    def __init__(self, into: CollectorRegistry, tasks: Iterable[Task]) -> None:
        self._ended = _counter(catalogue.ENDED, into)
        self._duration = _histogram(catalogue.DURATION, into)
        self._waiting = _histogram(catalogue.WAITING, into)
        self._again = {
            EventKind.RETRY: _counter(catalogue.RETRIED, into),
            EventKind.LOST: _counter(catalogue.LOST, into),
            EventKind.STALE: _counter(catalogue.STALE, into),
        }
        # What is there from the start at 0 can be seen to rise when it first happens.
        for task in tasks:
            for state in ENDS:
                self._ended.labels(task.name, task.queue, state)
            for counter in self._again.values():
                counter.labels(task.name, task.queue)

    @hookimpl
    def pfd_job_event(self, event: JobEvent) -> None:
        """See a change of a job."""
        kind = event.kind
        if kind == EventKind.CLAIMED:
            if event.job is not None and event.job.started_at is not None:
                since = max(event.job.created_at, event.job.due_at)
                # Not below 0, where the clock of the machine that submitted it is ahead.
                self._waiting.labels(event.task, event.queue).observe(max(0.0, event.job.started_at - since))
            return
        if kind in self._again:
            self._again[kind].labels(event.task, event.queue).inc()
        elif kind.upper() in ENDS:
            self._ended.labels(event.task, event.queue, kind.upper()).inc()
        if event.seconds > 0:
            self._duration.labels(event.task, event.queue, kind).observe(event.seconds)


def _counter(metric: Metric, into: CollectorRegistry) -> Counter:
    return Counter(metric.name, metric.help, metric.labels, registry=into)


def _histogram(metric: Metric, into: CollectorRegistry) -> Histogram:
    return Histogram(metric.name, metric.help, metric.labels, buckets=metric.buckets, registry=into)
