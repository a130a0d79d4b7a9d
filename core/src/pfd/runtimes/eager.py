"""The eager runtime: a job runs in the caller, at once, inline.  For tests and debuggers; the tracking is the same."""

from __future__ import annotations

import math
from dataclasses import replace

from pfd.errors import SettingsError
from pfd.job import QUEUED
from pfd.notify import Ring
from pfd.plugins import load_registry
from pfd.settings import Settings
from pfd.store import Ended, Store, Wanted, jobs
from pfd.worker.worker import Owner


class EagerRuntime:
    """Runs what is rung for, in the thread that rings."""

    name = "eager"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._registry = load_registry(settings)

    def ring(self, ring: Ring) -> None:
        """Run the job to its end, retries and all; and then what waited for it."""
        store = Store(self._settings, self._registry.tables()).open()
        owner = Owner(self._settings, self._registry, store, slots={}, runtime=self)
        queues = tuple(sorted({ring.queue, *self._registry.queues}))
        try:
            owner.start()
            with store.read() as connection:
                if jobs.get(connection, ring.job_id).state not in QUEUED:
                    return  # rung for a cancel: there is nothing to run
            while True:
                unready: list[Ended] = []
                with store.write() as connection:
                    session = jobs.get(connection, ring.job_id).session
                    wanted = Wanted(owner.id, queues, tuple(self._registry.tasks), session, gpu=None)
                    job = owner.claim(connection, wanted, unready, due_by=math.inf) or owner.claim(
                        connection, replace(wanted, coordinators=True), unready, due_by=math.inf
                    )
                owner.tell(unready)
                if job is not None:
                    owner.run_one(job)
                elif not unready:
                    return
        finally:
            owner.stop()
            store.close()

    def serve(self, *_: object) -> None:
        """There is nothing to be served."""
        raise SettingsError(
            f"the runtime {self.name!r} has no workers: a job runs where it is submitted",
            hint="set PFD_RUNTIME to another one",
        )

    def close(self) -> None:
        """Nothing is held."""
