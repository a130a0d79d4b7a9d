"""All metrics: name, kind, labels and meaning.  `docs/reference/metrics.md` is written from this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

STORE, WORKER, RUNS = "The store", "The worker", "What it did"


@dataclass(frozen=True)
class Metric:
    """One metric, as Prometheus knows it; the name of a counter ends in `_total`."""

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    group: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    """Upper bounds of a histogram, in seconds."""


def _gauge(name: str, group: str, text: str, *labels: str) -> Metric:
    return Metric(name, "gauge", group, text, labels)


def _counter(name: str, group: str, text: str, *labels: str) -> Metric:
    return Metric(name, "counter", group, text, labels)


MINUTE, HOUR = 60.0, 3600.0

JOBS = _gauge("pfd_jobs", STORE, "Jobs in the store.", "state", "task", "queue")
OLDEST = _gauge(
    "pfd_oldest_due_job_age_seconds",
    STORE,
    "For how long the first of the jobs that could run now has waited; 0 where none does.",
    "queue",
)
WORKERS = _gauge("pfd_workers", STORE, "Live workers, but for those that serve a single program.", "runtime")

INFO = _gauge("pfd_worker_info", WORKER, "Always 1; who it is.", "worker", "name", "runtime", "version")
SLOTS = _gauge("pfd_worker_slots", WORKER, "Jobs that may run at once.", "queues")
GPU_SLOTS = _gauge("pfd_worker_gpu_slots", WORKER, "Jobs that may run at once on a device.", "device")
BUSY = _gauge("pfd_worker_busy", WORKER, "Jobs that run; coordinators count, and need no slot.")
WATCH_AGE = _gauge("pfd_worker_watch_age_seconds", WORKER, "Time since its watch last went round: a few seconds.")
LEASE_AGE = _gauge("pfd_worker_lease_age_seconds", WORKER, "Time since the store last took a sign of life from it.")
LEASES_LOST = _counter("pfd_worker_leases_lost_total", WORKER, "Times that others took it for lost while it lived.")
ANSWER_AGE = _gauge(
    "pfd_store_answer_age_seconds",
    WORKER,
    "Time since the store last answered this worker; access is read or write.",
    "access",
)
STORE_ERRORS = _counter(
    "pfd_store_errors_total",
    WORKER,
    "Transactions that failed because of the store: claims, progress, ends, signs of life.",
    "access",
)

ENDED = _counter("pfd_jobs_ended_total", RUNS, "Jobs ended, whether or not they ran.", "task", "queue", "state")
RETRIED = _counter("pfd_jobs_retried_total", RUNS, "Runs after which the job is to run again.", "task", "queue")
LOST = _counter(
    "pfd_jobs_lost_total",
    RUNS,
    "Losses of a process, or of another worker, after which the job is to run again.",
    "task",
    "queue",
)
STALE = _counter(
    "pfd_jobs_stale_total", RUNS, "Runs of which nothing is kept: the job was another run's by then.", "task", "queue"
)
DURATION = Metric(
    "pfd_job_duration_seconds",
    "histogram",
    RUNS,
    "How long runs took; outcome is success, failure, revoked, retry, lost or stale.",
    ("task", "queue", "outcome"),
    (0.1, 0.5, 1, 5, 15, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 4 * HOUR, 12 * HOUR, 24 * HOUR),
)
WAITING = Metric(
    "pfd_job_waiting_seconds",
    "histogram",
    RUNS,
    "How long jobs that could run waited for a slot.",
    ("task", "queue"),
    (0.01, 0.05, 0.1, 0.5, 1, 5, 15, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 4 * HOUR),
)

METRICS = (
    *(JOBS, OLDEST, WORKERS),
    *(INFO, SLOTS, GPU_SLOTS, BUSY, WATCH_AGE, LEASE_AGE, LEASES_LOST, ANSWER_AGE, STORE_ERRORS),
    *(ENDED, RETRIED, LOST, STALE, DURATION, WAITING),
)
