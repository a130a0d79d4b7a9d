"""Tells clients of bare Celery of their jobs, in Celery's result backend, so that their `AsyncResult` works."""

from __future__ import annotations

import logging
import threading
from types import SimpleNamespace
from typing import Any

from celery.exceptions import Retry, TaskRevokedError

from pfd.errors import JobFailed, StoreError
from pfd.job import RUNNING, Job, State
from pfd.store import Store, result_outbox
from pfd.threads import LastingThread
from pfd.urls import purge
from pfd.vitals import Alarm

log = logging.getLogger("pfd.runtimes")

INTERVAL = 0.25
"""Seconds between looks at what has changed, while there is any job whose client is to be told."""

PAUSE = 2.0
"""Seconds before another try where the backend or the store did not answer."""


class Mirror:
    """A thread of a worker that passes on what an outbox in the store says is not told yet."""

    def __init__(self, app: Any, store: Store, alarm: Alarm) -> None:
        self._app = app
        self._store = store
        self._stopping = False
        self._woken = threading.Event()
        self._thread = LastingThread("pfd-mirror", self._run, alarm)

    def start(self) -> None:
        if self._app.conf.result_backend:
            self._thread.start()

    def wake(self) -> None:
        """Look at once: there is a job whose client is to be told."""
        self._woken.set()

    def stop(self) -> None:
        """Tell what is left, where that is possible at once, and end."""
        self._stopping = True
        self.wake()
        if self._thread.ident is not None:
            self._thread.join(PAUSE)

    def _run(self) -> None:
        pause = INTERVAL
        while True:
            self._woken.wait(pause)
            self._woken.clear()
            stopping = self._stopping
            try:
                # Where nobody waits a look at each sweep is enough: for jobs of workers that are gone.
                pause = INTERVAL if self._tell() else self._app.pfd_settings.sweep
            except StoreError as error:
                log.warning("clients of Celery are not told for now: %s", error)
                pause = PAUSE
            except Exception as error:  # whatever the client of a backend raises; the outbox keeps what is not told
                purge(error)
                log.warning("the result backend of Celery does not answer: %s", error)
                pause = PAUSE
            if stopping:
                return

    def _tell(self) -> bool:
        """Tell all that has changed; whether anybody is to be told more."""
        with self._store.read() as connection:
            if not result_outbox.any_waiting(connection):
                return False
        told = result_outbox.BATCH
        while told == result_outbox.BATCH:
            with self._store.write(calling_others=True) as connection:
                told = result_outbox.tell(connection, self._store_result)
        return True

    def _store_result(self, job: Job, reply: dict[str, Any]) -> None:
        request = SimpleNamespace(id=job.id, **reply)
        backend = self._app.backend
        if job.state in RUNNING:
            backend.store_result(job.id, job.info, job.state.value, request=request)
        elif job.state is State.RETRY:  # of which a client makes an exception, whatever it is told
            backend.store_result(job.id, Retry(f"attempt {job.attempt + 1} is to follow"), "RETRY", request=request)
        elif job.state is State.SUCCESS:
            backend.store_result(job.id, job.result, "SUCCESS", request=request)
        elif job.state is State.FAILURE:
            failure = job.failure
            kind, message = (failure.type, failure.message) if failure else ("JobFailed", "")
            text = failure.traceback if failure else ""
            backend.store_result(job.id, JobFailed(f"{kind}: {message}"), "FAILURE", traceback=text, request=request)
        elif job.state is State.REVOKED:
            reason = job.failure.message if job.failure else "revoked"
            backend.store_result(job.id, TaskRevokedError(reason), "REVOKED", request=request)
