"""What clients and `pfd worker` use of Celery."""

from __future__ import annotations

import functools
import os
import socket
import warnings
from collections.abc import Callable, Mapping
from typing import cast

from celery.platforms import SecurityWarning
from celery.signals import setup_logging, worker_ready
from kombu.exceptions import KombuError

from pfd.errors import QueueError
from pfd.plugins import Registry, load_registry
from pfd.queue import Ring
from pfd.runtimes.on_celery.app import DEFAULT_QUEUE, PfdCelery, broker_url, count, make_app, publish
from pfd.runtimes.ringing import BoundedRinger
from pfd.settings import Settings


def _leave_logging(**_: object) -> None:
    """Heard by Celery instead of setting up logging of its own."""


class CeleryRuntime:
    """Rings through Celery's broker.  Constructed without touching it."""

    name = "celery"

    def __init__(self, settings: Settings, app: PfdCelery | None = None) -> None:
        broker_url(settings)  # what is wrong with it is said at once
        self._settings = settings
        self._given = app

    @functools.cached_property
    def _app(self) -> PfdCelery:
        return self._given or make_app(self._settings, load_registry(self._settings))

    @functools.cached_property
    def _ringer(self) -> BoundedRinger:
        connection = self._app.connection_for_write()
        errors = (*connection.connection_errors, *connection.channel_errors, KombuError, OSError)
        app = self._app
        return BoundedRinger(lambda queue: count(app, queue), lambda ring: publish(app, ring), errors)

    def ring(self, ring: Ring) -> None:
        """Send a message; nothing for a cancel, which the worker that runs the job looks for itself."""
        if not ring.cancel:
            self._ringer.ring(ring)

    def probe(self) -> str:
        """How the broker is, for people.  Raises `QueueError` where it is away."""
        return f"it answers, and {self._ringer.waiting('default')} rings of the queue default wait"

    def serve(self, registry: Registry, slots: Mapping[str, int], ready: Callable[[], None]) -> None:
        """Be a worker of Celery until told to stop.  Raises what kept it from starting."""
        app = make_app(self._settings, registry)
        app.pfd_slots = slots
        queues = list(dict.fromkeys(name for names in slots for name in names.split(",")))
        if set(registry.queues) <= set(queues):
            queues.append(DEFAULT_QUEUE)  # what clients of bare Celery route nowhere

        def announce(**_: object) -> None:
            ready()

        worker_ready.connect(announce)
        setup_logging.connect(_leave_logging)
        try:
            with warnings.catch_warnings():
                # About root, who could be made to unpickle: nothing is unpickled here.
                warnings.simplefilter("ignore", SecurityWarning)
                worker = app.Worker(
                    # Of one's own: two of one name would be refused their mailbox on RabbitMQ.
                    hostname=f"pfd-{os.getpid()}@{socket.gethostname()}",
                    concurrency=sum(slots.values()),
                    queues=queues,
                    quiet=True,
                    without_gossip=True,
                    without_mingle=True,
                )
            worker.start()
        finally:
            worker_ready.disconnect(announce)
            setup_logging.disconnect(_leave_logging)
        if (failure := cast("BaseException | None", getattr(app, "pfd_failure", None))) is not None:
            raise failure
        if worker.exitcode:
            raise QueueError(f"the worker of Celery ended with code {worker.exitcode}")

    def close(self) -> None:
        """Let go of connections."""
        if self._given is None and "_app" in self.__dict__:
            self._app.close()
            del self.__dict__["_app"]
        self.__dict__.pop("_ringer", None)
