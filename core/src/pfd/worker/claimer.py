"""Claiming jobs for a worker: the next one that it may run, its parameters filled in."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from typing import Any

from pfd.app import App
from pfd.errors import PfdError, StoreError
from pfd.job import Job, State
from pfd.runner.call import describe
from pfd.runner.shortage import Shortage
from pfd.store import EndedJob, FinalState, claims, jobs, next_job
from pfd.store.claim_filter import ClaimFilter
from pfd.store.rows import damage_of
from pfd.submission.params import fill, referred
from pfd.worker.finish import Finisher

log = logging.getLogger("pfd.worker")


class Claimer:
    """Claims jobs for a worker, for whichever of its threads asks.  Thread-safe.

    Parameters
    ----------
    finisher : tells of the jobs that end since they cannot be begun.
    shortage : while it lasts nothing is claimed.
    stopping : once it is set nothing is claimed any more.
    """

    def __init__(self, app: App, finisher: Finisher, shortage: Shortage, stopping: threading.Event) -> None:
        self._settings, self._store = app.settings, app.store
        self._finisher = finisher
        self._shortage = shortage
        self._stopping = stopping

    def take(self, wanted: ClaimFilter) -> Job | None:
        """Take the next job, in a transaction of its own; None where there is none, or none can be claimed now."""
        if self._shortage.lasts():
            return None  # the sweep wakes it again while there is something to claim
        try:
            while True:
                unready: list[EndedJob] = []
                with self._store.write() as connection:
                    if self._stopping.is_set():  # the store may have kept it waiting for long
                        return None
                    job = self.claim(connection, wanted, unready)
                self._finisher.publish_ended(unready)
                if job is not None or not unready:
                    return job
        except StoreError as error:
            log.warning("nothing can be claimed: %s", error)
        except Exception:  # a slot that died in silence would leave a worker that lives and does nothing
            log.exception("nothing can be claimed")
        self._stopping.wait(1.0)
        return None

    def claim(
        self, connection: Any, wanted: ClaimFilter, unready: list[EndedJob], *, due_by: float | None = None
    ) -> Job | None:
        """Take the next job, references to other results filled in; one whose references lead nowhere fails.

        What failed by that is added to `unready`, to be told once it is stored, and is not more than a transaction
        should end: where there is any and no job, there may be more behind it.
        """
        while (job := claims.claim(connection, wanted, due_by=due_by, ended=unready)) is not None:
            try:
                return self._filled(connection, job)
            except PfdError as error:
                unready += claims.end(connection, job, FinalState(State.FAILURE, failure=describe(error)))
        return None

    def claim_next(self, wanted: ClaimFilter | None, connection: Any, unready: list[EndedJob]) -> Job | None:
        """Take the next job for a slot, in the transaction that ends the one before."""
        if wanted is None or self._stopping.is_set() or self._shortage.lasts():
            return None
        return self.claim(connection, wanted, unready)

    def take_coordinator(self, wanted: ClaimFilter) -> Job | None:
        """Take the next coordinator, where a look says that there is one."""
        # They are few and every wakeup comes here: looked for without the lock that a claim takes.
        return self.take(wanted) if self.is_due(wanted) else None

    def is_due(self, wanted: ClaimFilter) -> bool:
        """Whether there is a job to claim now, for the moment; a look takes no lock."""
        if self._shortage.lasts():
            return False
        try:
            with self._store.read() as connection:
                due = next_job.next_due(connection, wanted)
        except StoreError:
            return False  # the sweep says so, and wakes a slot
        return due is not None and due <= time.time()

    def _filled(self, connection: Any, job: Job) -> Job:
        if not (ids := referred(job.params)):
            return job
        results = {ref: _result(jobs.get(connection, ref)) for ref in ids}
        return replace(job, params=fill(job.task, job.params, results, self._settings.max_params_bytes))


def _result(job: Job) -> dict[str, Any] | None:
    if "result" in job.damage:
        raise damage_of(job)
    return job.result
