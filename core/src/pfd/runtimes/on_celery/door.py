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
from collections import deque
from collections.abc import Callable
from typing import Any

from kombu import Consumer, Queue  # type: ignore[attr-defined]  # exported lazily

from pfd.errors import ParameterError
from pfd.runtimes.intake import Intake, most_bytes
from pfd.runtimes.on_celery.app import CLEAN_UP, is_redis
from pfd.runtimes.on_celery.request import read_request, refused_request
from pfd.runtimes.on_celery.transport import lost_connection
from pfd.runtimes.ringing import ring_queue, rung_queue
from pfd.runtimes.service import Service

log = logging.getLogger("pfd.runtimes")


class Door:
    """The door of a worker.  `open`, `call` and `stop` come from any thread, all else from Celery's event loop.

    `on_stored` is called, from a thread of its own, when jobs of clients have been stored.
    """

    def __init__(self, service: Service, on_stored: Callable[[], None]) -> None:
        self._service = service
        self._intake = Intake(service, "celery", on_stored)
        self._most = most_bytes(service.settings)
        self.consumer: Any = None
        self._rings: Any = None
        self._wake, self._wake_in = os.pipe()
        for end in (self._wake, self._wake_in):
            os.set_blocking(end, False)
        self._calls: deque[Callable[[], None]] = deque()
        self._closed = False
        self._stopping = False

    def start(self) -> None:
        self._intake.start()

    def attach(self, hub: Any) -> None:
        """Take part in the event loop of a new connection, with a line of our own for rings."""
        hub.add_reader(self._wake, self._woken)
        transport = self.consumer.connection.transport
        if is_redis(self.consumer.app.conf.broker_url):
            transport.most_bytes, transport.refuse = self._most, self._refuse_item
        channel = self.consumer.connection.channel()
        channel.basic_qos(0, sum(self._service.slots.values()), False)
        names = sorted({name for group in self._service.slots for name in group.split(",")})
        queues = [Queue(ring_queue(name)) for name in names]  # type: ignore[no-untyped-call]
        self._rings = Consumer(  # type: ignore[no-untyped-call]
            channel, queues, on_message=self._ring, on_decode_error=lambda message, _: self._ring(message)
        )
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
        self._intake.stop()

    def call(self, function: Callable[[], None]) -> None:
        """Have something done by the event loop, from any thread."""
        self._calls.append(function)
        with contextlib.suppress(OSError):
            os.write(self._wake_in, b"!")

    # -- the event loop -----------------------------------------------------------------------------------------

    def receive(self, message: Any) -> None:
        """Take the message of a client, whatever it holds."""
        try:
            self._take(message)
        except lost_connection(self.consumer.connection.transport):
            raise
        except Exception as error:  # nothing that a message holds may end the event loop, and all jobs with it
            log.exception("a message of a client could not be taken in")
            self._refuse(message, f"{type(error).__name__}: it could not be taken in")

    def receive_undecoded(self, message: Any, error: Exception) -> None:
        """Take a message that kombu could not make: it is compressed, mostly."""
        reason = error if isinstance(error, ParameterError) else ParameterError(f"it cannot be read: {error}")
        try:
            request = refused_request(message, reason)
        except ParameterError as odd:
            self._refuse(message, str(odd))
        else:
            self._put(request, message)

    def _take(self, message: Any) -> None:
        try:
            request = read_request(message, self._most)
        except ParameterError as error:
            self._refuse(message, str(error))
            return
        if request.task == CLEAN_UP and request.problem is None:
            threading.Thread(target=self._clean_up, name="pfd-clean-up", daemon=True).start()
            self._acknowledge(message)
        else:
            self._put(request, message)

    def _put(self, request: Any, message: Any) -> None:
        self._intake.put(request, lambda: self.call(functools.partial(self._acknowledge, message)))

    def _refuse(self, message: Any, reason: str) -> None:
        queue = (message.delivery_info or {}).get("routing_key")
        self._intake.refuse(str(queue)[:200], reason, message.headers or message.body)
        self._acknowledge(message)

    def _refuse_item(self, queue: str, error: ParameterError, item: Any) -> None:
        """Take what lay in a queue of Redis, and is no message; it is off the queue."""
        if isinstance(item, dict):
            with contextlib.suppress(ParameterError):
                self._intake.put(refused_request(_Item(item), error), lambda: None)
                return
        self._intake.refuse(queue, str(error), item)

    def _acknowledge(self, message: Any) -> None:
        message.ack_log_error(log, self.consumer.connection_errors)

    def _clean_up(self) -> None:
        try:
            self.consumer.app.backend.cleanup()
        except Exception:  # whatever the client of a backend raises
            log.exception("old results of Celery could not be removed")

    def _ring(self, message: Any) -> None:
        """Take a ring, or put it back where another worker may take it."""
        # What it says is not looked at: that there is one is the news.
        queue = rung_queue(str((message.delivery_info or {}).get("routing_key")))
        if queue is None or self._service.offer(queue):
            self._acknowledge(message)
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


class _Item:
    """What lay in a queue of Redis in the place of a message, as far as the names of a message go."""

    def __init__(self, payload: dict[str, Any]) -> None:
        self.headers = payload.get("headers")
        self.properties = payload.get("properties")
        self.delivery_info = None
        self.body = None
