"""Where Celery's messages arrive: rings for the slots, and jobs of clients that know nothing of PFD.

A worker whose slots are all busy takes no messages, so that a ring goes to one that has a slot free.  From time to time
it looks all the same: a job of a client is to be stored though nobody can run it yet, and a ring that has waited for as
long as a sweep finds nobody idle, so that it can go; whoever becomes free looks into the store first.
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

from pfd.errors import ParameterError, PfdError, StoreError
from pfd.runtimes.on_celery.app import DEFAULT_QUEUE, RING, is_redis
from pfd.runtimes.on_celery.request import read_request
from pfd.runtimes.service import Service
from pfd.submission import Request, adopt

log = logging.getLogger("pfd.runtimes")

PEEK = 0.5
"""Share of a sweep for which a busy worker looks at messages."""

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


@dataclass
class _Waiting:
    request: Request
    message: Any


class Door:
    """The door of a worker.  `receive` and what it calls run in Celery's event loop; `open` in any thread."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.consumer: Any = None
        self._hub: Any = None
        self._wake, self._wake_in = os.pipe()
        for end in (self._wake, self._wake_in):
            os.set_blocking(end, False)
        self._calls: deque[Callable[[], None]] = deque()
        self._closed = False
        self._peeking = False
        self._stopping = False
        self._changed = threading.Condition()
        self._requests: deque[_Waiting] = deque()
        self._thread = threading.Thread(target=self._adopt_all, name="pfd-adopt", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def attach(self, hub: Any) -> None:
        """Take part in the event loop of a new connection."""
        self._hub = hub
        self._closed = self._peeking = False
        hub.add_reader(self._wake, self._woken)
        hub.timer.call_repeatedly(self._service.settings.sweep, self._peek)
        channel = self.consumer.task_consumer.channel
        if is_redis(self.consumer.app.conf.broker_url):
            # As Celery itself does for `worker_disable_prefetch`: nothing is fetched while the door is closed.
            may = channel.qos.can_consume
            channel.qos.can_consume = lambda: not self._closed and may()

    def open(self) -> None:
        """A slot has become free."""
        if self._closed:
            self.call(self._let_in)

    def stop(self) -> None:
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
        """Take a message, or put it back where another worker may take it."""
        if message.headers.get(RING):
            self._ring(message)
            return
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
        queue = message.delivery_info.get("routing_key") or DEFAULT_QUEUE
        if self._service.offer(queue) or self._peeking:
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
                self.consumer.task_consumer.cancel()

    def _let_in(self) -> None:
        self._peeking = False
        if self._closed and self.consumer.task_consumer is not None:
            self._closed = False
            if not is_redis(self.consumer.app.conf.broker_url):
                self.consumer.task_consumer.consume()

    def _peek(self) -> None:
        if self._closed and not self._stopping:
            self._let_in()
            self._peeking = True
            self._hub.timer.call_after(PEEK * self._service.settings.sweep, self._end_peek)

    def _end_peek(self) -> None:
        if self._peeking:
            self._peeking = False
            if not self._service.has_room():
                self._shut()

    def _woken(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake, 4096)
        while self._calls:
            self._calls.popleft()()

    # -- the thread that stores jobs ----------------------------------------------------------------------------

    def _adopt_all(self) -> None:
        while True:
            with self._changed:
                while not self._requests and not self._stopping:
                    self._changed.wait()
                if self._stopping:
                    return  # what is not acknowledged goes back to the broker
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
                return
