"""The eager runtime: a job runs in the caller, at once, inline.  For tests and debuggers; the tracking is the same."""

from __future__ import annotations

import math
from dataclasses import replace

from pfd.execution import Owner
from pfd.job import QUEUED
from pfd.plugins import load_registry
from pfd.settings import Settings
from pfd.store import Store, Wanted, jobs


class EagerRuntime:
    """Runs what is rung for, in the thread that rings."""

    name = "eager"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._registry = load_registry(settings)

    def ring(self, queue: str, job_id: str) -> None:
        """Run the job to its end, retries and all; and then what waited for it."""
        store = Store(self._settings, self._registry.tables()).open()
        owner = Owner(self._settings, self._registry, store, slots={}, runtime=self.name)
        queues = {task.queue for task in self._registry.tasks.values()}
        try:
            owner.start()
            with store.read() as connection:
                if jobs.get(connection, job_id).state not in QUEUED:
                    return  # rung for a cancel: there is nothing to run
            while True:
                with store.write() as connection:
                    session = jobs.get(connection, job_id).session
                    wanted = Wanted(owner.id, tuple(sorted({queue, *queues})), tuple(self._registry.tasks), session)
                    job = owner.claim(connection, wanted, due_by=math.inf) or owner.claim(
                        connection, replace(wanted, coordinators=True), due_by=math.inf
                    )
                if job is None:
                    return
                owner.run_one(job)
        finally:
            owner.stop()
            store.close()

    def close(self) -> None:
        """Nothing is held."""
