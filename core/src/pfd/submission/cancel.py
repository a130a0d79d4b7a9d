"""Cancelling a job: a queued one ends at once, a running one is asked to stop."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from sqlalchemy.engine import Connection

from pfd.app import App
from pfd.errors import StoreError
from pfd.events import publish_ended, settle_the_rest
from pfd.job import Job
from pfd.notify import Wakeup
from pfd.store import jobs
from pfd.submission.submit import notify_workers


def cancel(app: App, find: Callable[[Connection], str]) -> Job:
    """Cancel the job whose id `find` gives, in the transaction that cancels it; one that has ended stays as it is.

    Raises
    ------
    StoreError : it cannot be written.
    """
    job, gone = app.store.settle(lambda connection: jobs.cancel(connection, find(connection)))
    notify_workers(app.runtime, Wakeup(job.id, job.task, job.queue, cancel=True))
    with contextlib.suppress(StoreError):  # it is cancelled, and any sweep goes on with the rest
        publish_ended(app, gone)
        settle_the_rest(app)
    return job
