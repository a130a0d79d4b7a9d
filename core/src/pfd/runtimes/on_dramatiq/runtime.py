"""What clients and `pfd worker` use of Dramatiq."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable, Mapping, Sequence

import dramatiq
import pika.exceptions
import redis
from dramatiq.errors import BrokerError

from pfd.plugins import Registry, load_registry
from pfd.queue import Ring
from pfd.runtimes.on_dramatiq.broker import PfdBroker, check_url, count, make_broker, publish
from pfd.runtimes.ringing import BoundedRinger, ring_queue
from pfd.runtimes.service import BROKER_PATIENCE, Service, StopSignals
from pfd.settings import Settings

log = logging.getLogger("pfd.runtimes")

ERRORS = (BrokerError, redis.RedisError, pika.exceptions.AMQPError, OSError)

CONSUMER_THREADS = 2
"""Threads that take messages: each takes a moment."""


def listen_for_rings(broker: PfdBroker, worker: dramatiq.Worker, queues: Sequence[str]) -> None:
    """Have a worker that has not booted yet consume the rings of some queues, beside the requests of clients."""
    for name in queues:
        for declared in (name, ring_queue(name)):
            broker.declare_queue(declared)
            if worker.consumer_whitelist:
                worker.consumer_whitelist.add(declared)


def _close(worker: dramatiq.Worker, broker: PfdBroker) -> None:
    try:
        worker.stop()
        broker.close()
    except ERRORS as error:
        log.warning("the broker was not let go of in good order: %s", error)


class DramatiqRuntime:
    """Rings through Dramatiq's broker.  Constructed without touching it."""

    name = "dramatiq"

    def __init__(self, settings: Settings, broker: PfdBroker | None = None) -> None:
        check_url(settings)  # what is wrong with it is said at once
        self._settings = settings
        self._given = broker

    @functools.cached_property
    def _broker(self) -> PfdBroker:
        return self._given or make_broker(self._settings, load_registry(self._settings))

    @functools.cached_property
    def _ringer(self) -> BoundedRinger:
        broker = self._broker
        return BoundedRinger(lambda queue: count(broker, queue), lambda ring: publish(broker, ring), ERRORS)

    def ring(self, ring: Ring) -> None:
        """Send a message; nothing for a cancel, which the worker that runs the job looks for itself."""
        if not ring.cancel:
            self._ringer.ring(ring)

    def probe(self) -> str:
        """How the broker is, for people.  Raises `QueueError` where it is away."""
        return f"it answers, and {self._ringer.waiting('default')} rings of the queue default wait"

    def serve(self, registry: Registry, slots: Mapping[str, int], ready: Callable[[], None]) -> None:
        """Be a worker of Dramatiq until told to stop."""
        broker = make_broker(self._settings, registry)
        queues = {name for names in slots for name in names.split(",")}
        runtime = DramatiqRuntime(self._settings, broker)
        service = Service(self._settings, registry, slots, runtime, on_idle=broker.door.open)
        worker = dramatiq.Worker(broker, queues=set(queues), worker_threads=CONSUMER_THREADS)
        listen_for_rings(broker, worker, sorted(queues))
        with StopSignals().heard() as signals:
            service.start()
            try:
                broker.door.serve(service)
                worker.start()
                ready()
                signals.wait()
                service.drain(lambda: signals.hurry)
            finally:
                broker.door.stop()
                service.stop()
                closing = threading.Thread(target=_close, args=(worker, broker), name="pfd-close", daemon=True)
                closing.start()
                closing.join(BROKER_PATIENCE)
                if closing.is_alive():
                    log.warning("the broker does not answer; this worker ends without it")

    def close(self) -> None:
        """Let go of connections."""
        if self._given is None and "_broker" in self.__dict__:
            self._broker.close()
            del self.__dict__["_broker"]
        self.__dict__.pop("_ringer", None)
