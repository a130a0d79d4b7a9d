"""Where Dramatiq's messages arrive: rings for the slots, and jobs of clients that know nothing of PFD.

Rings come by queues of their own, which a worker whose slots are all busy leaves alone: they go to one that has a slot
free.  What clients ask for is stored at any time, though nobody may be free to run it yet.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from pfd.errors import ParameterError, StoreError
from pfd.runtimes.on_dramatiq.request import read_request
from pfd.runtimes.ringing import rung_queue
from pfd.runtimes.service import Service
from pfd.submission import adopt

if TYPE_CHECKING:
    from dramatiq import Broker, Message

log = logging.getLogger("pfd.runtimes")

PAUSE = 1.0
"""Seconds before another try where the store did not answer."""


class Door:
    """The door of a worker.  Thread-safe."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._service: Service | None = None
        self._changed = threading.Condition()
        self._closed = True  # until there are slots

    def serve(self, service: Service) -> None:
        """Let rings in, for the slots of a worker."""
        self._service = service
        self.open()

    @property
    def serves(self) -> bool:
        """Whether this worker takes jobs; not once it ends."""
        return self._service is not None

    def open(self) -> None:
        """A slot has become free."""
        with self._changed:
            self._closed = False
            self._changed.notify_all()

    def lets_in(self, timeout: float) -> bool:
        """Whether a ring is to be fetched now; waits up to `timeout` seconds until it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._closed, timeout)

    def _shut(self, service: Service) -> None:
        with self._changed:
            self._closed = True
        if service.has_room():  # a slot has become free meanwhile
            self.open()

    def receive(self, message: Message[Any]) -> None:
        """Take a message, or put it back where another worker may take it.  Dramatiq acknowledges it after that."""
        service = self._service
        queue = rung_queue(message.queue_name)
        if service is None:
            self._broker.enqueue(message)  # nobody serves here any more
        elif queue is None:
            self._adopt(service, message)
        elif not service.offer(queue):
            self._shut(service)
            self._broker.enqueue(message)

    def _adopt(self, service: Service, message: Message[Any]) -> None:
        try:
            request = read_request(message)
        except ParameterError as error:
            log.error("a message for %s is no request for a job: %s", message.actor_name, error)
            return
        while self._service is not None:
            try:
                rings = adopt(service.store, service.registry, service.settings, [request])
            except StoreError as error:
                log.warning("a job of a client of Dramatiq is not stored yet: %s", error)
                time.sleep(PAUSE)
            else:
                for ring in rings:
                    service.announce(ring)
                return
        self._broker.enqueue(message)

    def stop(self) -> None:
        """Let nothing in any more."""
        self._service = None
        with self._changed:
            self._closed = True
