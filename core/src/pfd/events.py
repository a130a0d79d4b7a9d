"""Telling hooks, and whoever waits in this process, what became of jobs."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterable

from pfd.app import App
from pfd.end_signal import job_ended as news
from pfd.errors import PfdError
from pfd.hooks import EventKind, JobEnd, JobEvent
from pfd.job import Job, JobFailure
from pfd.plugins import Registry
from pfd.retention import discard
from pfd.store import EndedJob, jobs, settle
from pfd.store.workers import Reclaimed


def publish(
    registry: Registry, job: Job, kind: EventKind, *, seconds: float = 0.0, failure: JobFailure | None = None
) -> None:
    """Tell of a change that did not end a job."""
    event = JobEvent(kind, job.id, job.task, job.queue, failure=failure, seconds=seconds, job=job)
    registry.notify("pfd_job_event", event=event)


def publish_ended(app: App, ended: Iterable[EndedJob], *, seconds: float = 0.0) -> None:
    """Tell of jobs whose end has just been stored.  `seconds` is how long the run took that ended.

    Whoever ends a job comes by here, so what cancelled ones have left goes from here, too.
    """
    ended = list(ended)
    discard(app.store, app.settings.home, ended)
    listeners = app.registry.listens("pfd_after_job")
    for job in ended:
        news.announce()
        event = JobEvent(EventKind.of(job.state), job.id, job.task, job.queue, job.result, job.failure, seconds)
        app.registry.notify("pfd_job_event", event=event)
        if listeners and job.task in app.registry.tasks:
            with contextlib.suppress(PfdError):  # the store went away again: who listens is told no more than that
                with app.store.read() as connection:
                    stored = jobs.get(connection, job.id)
                end = JobEnd(stored, app.registry.task(job.task), app.settings, seconds)
                app.registry.notify("pfd_after_job", end=end)


def publish_reclaimed(app: App, back: Reclaimed) -> None:
    """Tell of jobs that were reclaimed from a lost worker."""
    for job in back.again:
        publish(app.registry, job, EventKind.LOST)
    publish_ended(app, back.ended)


def settle_the_rest(app: App, *, seconds: float = math.inf) -> None:
    """End what hangs on jobs that have ended, where it was more than one transaction should; and tell of it.

    For so long at most, and a transaction more: each sweep goes on with it.  Raises `StoreError`.
    """
    deadline = time.monotonic() + seconds
    with app.store.read() as connection:
        left = settle.is_left(connection)
    while left and (ended := app.store.settle(settle.go_on)) is not None:
        publish_ended(app, ended)
        left = time.monotonic() < deadline
