"""Where Celery's messages arrive: rings for the slots, and jobs of clients that know nothing of PFD.

Rings come by a line of their own, which a worker whose slots are all busy leaves alone: they go to one that has a slot
free.  What clients ask for is stored at any time, though nobody may be free to run it yet.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kombu import Consumer, Queue  # type: ignore[attr-defined]  # exported lazily

from pfd.errors import ParameterError, PfdError, StoreError
from pfd.runtimes.on_celery.app import is_redis
from pfd.runtimes.on_celery.request import read_request
from pfd.runtimes.ringing import ring_queue, rung_queue
from pfd.runtimes.service import Service
from pfd.submission import Request, adopt

log = logging.getLogger("pfd.runtimes")

BATCH = 100
PAUSE = 1.0
"""Seconds before another try where the store did not answer."""


def strategy(task: Any, app: Any, consumer: Any) -> Callable[..., None]:  # noqa: ARG001  (Celery's shape)
    """What Celery does with each message of a task: nothing but to hand it to the door of the worker."""
    door: Door = consumer.pool.door
    door.consumer = consumer.pool.listener.consumer = consumer

    def handle(message: Any, body: Any, ack: Any, reject: Any, callbacks: Any, **_: Any) -> None:  # noqa: ARG001
        door.receive(task.name, message)

    return handle


@dataclass(frozen=True)
class _Waiting:
    request: Request
    message: Any


class Door:
    """The door of a worker.  `open`, `call` and `stop` come from any thread, all else from Celery's event loop.

    `on_stored` is called, from a thread of its own, when jobs of clients have been stored.
    """

    def __init__(self, service: Service, on_stored: Callable[[], None]) -> None:
        self._service = service
        self._on_stored = on_stored
        self.consumer: Any = None
        self._rings: Any = None
        self._wake, self._wake_in = os.pipe()
        for end in (self._wake, self._wake_in):
            os.set_blocking(end, False)
        self._calls: deque[Callable[[], None]] = deque()
        self._closed = False
        self._stopping = False
        self._changed = threading.Condition()
        self._requests: deque[_Waiting] = deque()
        self._thread = threading.Thread(target=self._adopt_all, name="pfd-adopt", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def attach(self, hub: Any) -> None:
        """Take part in the event loop of a new connection, with a line of our own for rings."""
        hub.add_reader(self._wake, self._woken)
        channel = self.consumer.connection.channel()
        channel.basic_qos(0, sum(self._service.slots.values()), False)
        names = sorted({name for group in self._service.slots for name in group.split(",")})
        queues = [Queue(ring_queue(name)) for name in names]  # type: ignore[no-untyped-call]
        self._rings = Consumer(channel, queues, on_message=self._ring)  # type: ignore[no-untyped-call]
        self._closed = False
        if is_redis(self.consumer.app.conf.broker_url):
            # As Celery itself does for `worker_disable_prefetch`: nothing is fetched while the door is closed.
            may = channel.qos.can_consume
            channel.qos.can_consume = lambda: not self._closed and may()
        self._rings.consume()
        if not self._service.has_room():
            self._shut()

    def open(self) -> None:
        """A slot has become free."""
        if self._closed:
            self.call(self._let_in)

    def stop(self) -> None:
        """Store nothing more: what is not acknowledged goes back to the broker."""
        self._stopping = True
        with self._changed:
            self._changed.notify()

    def call(self, function: Callable[[], None]) -> None:
        """Have something done by the event loop, from any thread."""
        self._calls.append(function)
        with contextlib.suppress(OSError):
            os.write(self._wake_in, b"!")

    # -- the event loop -----------------------------------------------------------------------------------------

    def receive(self, name: str, message: Any) -> None:
        """Take the message of a client."""
        try:
            request = read_request(name, message)
        except ParameterError as error:
            log.error("a message for %s is no request for a job: %s", name, error)
            message.reject_log_error(log, self.consumer.connection_errors)
            return
        with self._changed:
            self._requests.append(_Waiting(request, message))
            self._changed.notify()

    def _ring(self, message: Any) -> None:
        """Take a ring, or put it back where another worker may take it."""
        queue = rung_queue(message.delivery_info.get("routing_key") or "")
        if queue is None or self._service.offer(queue):
            message.ack_log_error(log, self.consumer.connection_errors)
            return
        self._shut()
        with contextlib.suppress(*self.consumer.connection_errors):
            message.requeue()
        if self._service.has_room():  # a slot has become free meanwhile
            self._let_in()

    def _shut(self) -> None:
        if not self._closed:
            self._closed = True
            if not is_redis(self.consumer.app.conf.broker_url):
                self._rings.cancel()

    def _let_in(self) -> None:
        if self._closed and not self._stopping:
            self._closed = False
            if not is_redis(self.consumer.app.conf.broker_url):
                self._rings.consume()

    def _woken(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake, 4096)
        while self._calls:
            call = self._calls.popleft()
            try:
                call()
            except self.consumer.connection_errors:
                log.debug("the line to the broker is lost; Celery makes another", exc_info=True)
            except Exception:  # it would end the worker, and its jobs with it
                log.exception("Celery could not be told")

    # -- the thread that stores jobs ----------------------------------------------------------------------------

    def _adopt_all(self) -> None:
        while True:
            with self._changed:
                while not self._requests and not self._stopping:
                    self._changed.wait()
                if self._stopping:
                    return
                taken = [self._requests.popleft() for _ in range(min(BATCH, len(self._requests)))]
            self._adopt(taken)

    def _adopt(self, taken: list[_Waiting]) -> None:
        service = self._service
        while not self._stopping:
            try:
                rings = adopt(service.store, service.registry, service.settings, [one.request for one in taken])
            except StoreError as error:
                log.warning("%d jobs of clients of Celery are not stored yet: %s", len(taken), error)
                time.sleep(PAUSE)
            except PfdError:
                log.exception("%d messages are no jobs", len(taken))
                return
            else:
                for one in taken:
                    self.call(functools.partial(one.message.ack_log_error, log, self.consumer.connection_errors))
                for ring in rings:
                    service.announce(ring)
                self._on_stored()
                return
