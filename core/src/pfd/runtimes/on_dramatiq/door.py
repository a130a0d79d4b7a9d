"""Where Dramatiq's messages arrive: rings for the slots, and jobs of clients that know nothing of PFD.

A worker whose slots are all busy fetches no messages, so that a ring goes to one that has a slot free.  From time to
time it looks all the same: a job of a client is to be stored though nobody can run it yet, and a ring that has waited
for as long as a sweep finds nobody idle, so that it can go; whoever becomes free looks into the store first.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from pfd.errors import ParameterError, StoreError
from pfd.runtimes.on_dramatiq.request import RING, read_request
from pfd.runtimes.service import Service
from pfd.submission import adopt

if TYPE_CHECKING:
    from dramatiq import Broker, Message

log = logging.getLogger("pfd.runtimes")

PEEK = 0.5
"""Share of a sweep for which a busy worker looks at messages."""

PAUSE = 1.0
"""Seconds before another try where the store did not answer."""


class Door:
    """The door of a worker.  Thread-safe."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._service: Service | None = None
        self._changed = threading.Condition()
        self._closed = True  # until there are slots
        self._peek_at = 0.0
        self._peek_until = 0.0

    def serve(self, service: Service) -> None:
        """Let messages in, for the slots of a worker."""
        self._service = service
        self.open()

    def open(self) -> None:
        """A slot has become free."""
        with self._changed:
            self._closed = False
            self._changed.notify_all()

    def lets_in(self, timeout: float) -> bool:
        """Whether a message is to be fetched now; waits up to `timeout` seconds until it is."""
        with self._changed:
            if self._closed and not self._peeks():
                self._changed.wait(timeout)
            return not self._closed or self._peeks()

    def _peeks(self) -> bool:
        if self._service is None:
            return False
        now = time.monotonic()
        if now >= self._peek_at:
            sweep = self._service.settings.sweep
            self._peek_at, self._peek_until = now + sweep, now + PEEK * sweep
        return now < self._peek_until

    def _shut(self) -> None:
        assert self._service is not None
        with self._changed:
            if not self._closed:
                self._closed = True
                self._peek_at = time.monotonic() + self._service.settings.sweep
                self._peek_until = 0.0
        if self._service.has_room():  # a slot has become free meanwhile
            self.open()

    def receive(self, message: Message[Any]) -> None:
        """Take a message, or put it back where another worker may take it.  Dramatiq acknowledges it after that."""
        service = self._service
        if service is None:
            self._broker.enqueue(message)  # nobody serves here
        elif message.options.get(RING):
            if service.offer(message.queue_name):
                return
            with self._changed:
                waited = self._closed and self._peeks()
            if not waited:
                self._shut()
                self._broker.enqueue(message)
        else:
            self._adopt(service, message)

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
            self._changed.notify_all()
