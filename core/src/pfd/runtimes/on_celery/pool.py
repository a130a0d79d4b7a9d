"""A worker of PFD in the place where Celery has its pool of processes.

Celery keeps what it is good at: the broker, remote control, heartbeats, events.  Jobs are claimed from the store and
run by PFD, as on any other runtime.  The pool starts before Celery connects to its broker and ends after it has let go
of it, so that jobs run on, and are found, while the broker is away.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Any

from celery.concurrency.base import BasePool
from celery.signals import worker_shutting_down

from pfd.errors import PfdError
from pfd.runtimes.on_celery.app import DEFAULT_QUEUE, PfdCelery
from pfd.runtimes.on_celery.control import take_over
from pfd.runtimes.on_celery.door import Door
from pfd.runtimes.on_celery.listener import CeleryListener
from pfd.runtimes.on_celery.mirror import Mirror
from pfd.runtimes.on_celery.runtime import CeleryRuntime
from pfd.runtimes.on_celery.transport import read_any_properties, refuse_compression
from pfd.runtimes.service import SHUTDOWN_PATIENCE, Service, StopSignals

CELERY_PATIENCE = 15.0
"""Seconds that Celery may take for its own part of a shutdown, once no job runs any more."""


class Pool(BasePool):  # type: ignore[misc]  # Celery carries no types
    """As many slots as Celery was told to have concurrency."""

    body_can_be_buffer = True
    app: PfdCelery

    def on_start(self) -> None:
        settings, registry = self.app.pfd_settings, self.app.pfd_registry
        self.listener = CeleryListener()
        registry.listen("celery", self.listener)
        self._runtime = CeleryRuntime(settings, self.app)
        self.service = Service(settings, registry, self._slots(), self._runtime, on_idle=self._idle)
        self._mirror = Mirror(self.app, self.service.store, self.service.alarm)
        self.door = Door(self.service, self._mirror.wake)
        try:
            self.service.start()
        except PfdError as error:
            self.app.pfd_failure = error
            raise
        self._mirror.start()
        self._restore = (take_over(self.service), refuse_compression(), read_any_properties())
        self._ended = threading.Event()
        worker_shutting_down.connect(self._told_to_end, weak=False)
        self.door.start()

    def _slots(self) -> dict[str, int]:
        if self.app.pfd_slots is not None:
            return dict(self.app.pfd_slots)
        served = [name for name in self.app.amqp.queues.consume_from if name != DEFAULT_QUEUE]
        return {",".join(served or self.app.pfd_registry.queues): self.limit}

    def _idle(self) -> None:
        self.door.open()

    def register_with_event_loop(self, loop: Any) -> None:
        """A connection to the broker is there, perhaps after another was lost."""
        self.door.attach(loop)

    def on_stop(self) -> None:
        """Let running jobs end for a while; a second signal hands them back at once."""
        with StopSignals(asked=1).heard() as signals:
            self.service.drain(lambda: signals.hurry)
            self._end()

    def _told_to_end(self, **_: object) -> None:
        threading.Thread(target=self._see_to_the_end, name="pfd-end", daemon=True).start()

    def _see_to_the_end(self) -> None:
        """End without Celery where it does not: it may wait for ever for a broker that is away."""
        owner = self.service.owner
        if owner is not None:
            owner.claim_no_more()
            deadline = time.monotonic() + SHUTDOWN_PATIENCE
            while owner.busy and time.monotonic() < deadline:
                time.sleep(0.1)
        # What is handed back is asked to stop first, and has the grace period for it.
        if not self._ended.wait(CELERY_PATIENCE + self.app.pfd_settings.grace):
            self.service.hand_back()
        time.sleep(CELERY_PATIENCE)
        os._exit(0)

    def on_terminate(self) -> None:
        """A cold shutdown: hand back what runs."""
        self._end()

    def _end(self) -> None:
        for restore in self._restore:
            restore()
        self.door.stop()
        self.service.hand_back()
        self._mirror.stop()
        self.service.stop()
        self._runtime.close()
        self._ended.set()

    def _get_info(self) -> dict[str, Any]:
        owner = self.service.owner
        return {
            **super()._get_info(),
            "processes": [os.getpid()],
            "slots": self.service.slots,
            "busy": owner.busy if owner else 0,
        }
