"""The eager runtime: a job runs in the caller, at once, inline.  For tests and debuggers; the tracking is the same."""

from __future__ import annotations

import math
from dataclasses import replace

from pfd.app import App
from pfd.errors import SettingsError
from pfd.job import QUEUED
from pfd.notify import Wakeup
from pfd.plugins import load_registry
from pfd.settings import Settings
from pfd.store import EndedJob, Store, jobs
from pfd.store.claim_filter import ClaimFilter
from pfd.worker.worker import Worker


class EagerRuntime:
    """Runs what is to be claimed, in the thread that says so."""

    name = "eager"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._registry = load_registry(settings)

    def notify(self, wakeup: Wakeup) -> None:
        """Run the job to its end, retries and all; and then what waited for it."""
        store = Store(self._settings, self._registry.tables()).open()
        worker = Worker(App(self._settings, self._registry, store, self), slots={})
        queues = tuple(sorted({wakeup.queue, *self._registry.queues}))
        try:
            worker.start()
            with store.read() as connection:
                if jobs.get(connection, wakeup.job_id).state not in QUEUED:
                    return  # woken for a cancel: there is nothing to run
            while True:
                unready: list[EndedJob] = []
                with store.write() as connection:
                    client_id = jobs.get(connection, wakeup.job_id).client_id
                    wanted = ClaimFilter(worker.id, queues, tuple(self._registry.tasks), client_id, gpu=None)
                    job = worker.claimer.claim(connection, wanted, unready, due_by=math.inf) or worker.claimer.claim(
                        connection, replace(wanted, coordinators=True), unready, due_by=math.inf
                    )
                worker.finisher.publish_ended(unready)
                if job is not None:
                    worker.run_one(job)
                elif not unready:
                    return
        finally:
            worker.stop()
            store.close()

    def serve(self, *_: object) -> None:
        """There is nothing to be served."""
        raise SettingsError(
            f"the runtime {self.name!r} has no workers: a job runs where it is submitted",
            hint="set PFD_RUNTIME to another one",
        )

    def close(self) -> None:
        """Nothing is held."""
