"""Where Celery's messages arrive: wakeups for the slots, and jobs of clients that know nothing of PFD.

Wakeups come by their own line, which a worker whose slots are all busy leaves alone: they go to one that has a
slot free.  What clients ask for is stored at any time, though nobody may be free to run it yet; what they send to a
queue of wakeups, as soon as somebody is.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from kombu import Consumer, Queue  # type: ignore[attr-defined]  # exported lazily

from pfd.errors import ParameterError
from pfd.runtimes.intake import Incoming, Intake, most_bytes
from pfd.runtimes.notifying import MARK, wakeup_queue, woken_queue
from pfd.runtimes.worker_host import WorkerHost
from pfd.submission.client_message import ClientMessage
from pfd.waker import Waker
from pfd_runtime_celery.address import is_redis
from pfd_runtime_celery.app import CLEAN_UP
from pfd_runtime_celery.client_message import read_request, refused_request
from pfd_runtime_celery.transport import NotAMessage, lost_connection

log = logging.getLogger("pfd.runtimes")


MOST_ODD = 1000
"""Items that are not messages and may be stored as failures of their ids; of more than that they are only counted.

No number of unacknowledged messages holds them back: they are off their queue when they are looked at.
"""


class MessageConsumer:
    """`open`, `call` and `stop` are called from any thread, all else from Celery's event loop.

    `on_stored` is called, from another thread, when jobs of clients have been stored.
    """

    def __init__(self, host: WorkerHost, on_stored: Callable[[], None]) -> None:
        self._host = host
        self._intake = Intake(host, "celery", on_stored)
        self._most = most_bytes(host.settings)
        self.consumer: Any = None
        self._wakeups: Any = None
        self._waker = Waker()
        self._calls: deque[Callable[[], None]] = deque()
        self._closed = False
        self._stopping = False

    def start(self) -> None:
        self._intake.start()

    def attach(self, hub: Any) -> None:
        """Take part in the event loop of a new connection, with our own line for wakeups."""
        hub.add_reader(self._waker.fileno(), self._woken)
        transport = self.consumer.connection.transport
        if is_redis(self.consumer.app.conf.broker_url):
            transport.most_bytes, transport.refuse = self._most, self._refuse_item
        channel = self.consumer.connection.channel()
        channel.basic_qos(0, sum(self._host.slots.values()), False)
        names = sorted({name for group in self._host.slots for name in group.split(",")})
        queues = [Queue(wakeup_queue(name)) for name in names]  # type: ignore[no-untyped-call]
        self._wakeups = Consumer(  # type: ignore[no-untyped-call]
            channel, queues, on_message=self._take_wakeup, on_decode_error=self.receive_undecoded
        )
        self._closed = False
        if is_redis(self.consumer.app.conf.broker_url):
            # As Celery itself does for `worker_disable_prefetch`: nothing is fetched while the consumer is paused.
            may = channel.qos.can_consume
            channel.qos.can_consume = lambda: not self._closed and may()
        self._wakeups.consume()
        if not self._host.has_room():
            self._pause()

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
        self._waker.wake()

    # -- the event loop -----------------------------------------------------------------------------------------

    def receive(self, message: Any, queue: str | None = None) -> None:
        """Take the message of a client, whatever it holds; `queue` is that of the job where it lay in another."""
        headers = message.headers
        if isinstance(headers, Mapping) and headers.get("task") == CLEAN_UP:
            threading.Thread(target=self._clean_up, name="pfd-clean-up", daemon=True).start()
            self._acknowledge(message)
        else:
            self._put(message, functools.partial(read_request, message, self._most, queue))

    def receive_undecoded(self, message: Any, error: Exception) -> None:
        """Take a message that kombu could not make: it is compressed, mostly."""
        said = str(error) if isinstance(error, ParameterError) else f"it cannot be read: {error}"
        self._put(message, functools.partial(refused_request, message, said))

    def _put(self, message: Any, read: Callable[[], ClientMessage]) -> None:
        queue = message.delivery_info.get("routing_key") if isinstance(message.delivery_info, Mapping) else None
        size = len(message.body or b"")
        acknowledge = functools.partial(self.call, functools.partial(self._acknowledge, message))
        self._intake.put(Incoming(str(queue)[:200], read, size, acknowledge, message.headers or message.body))

    def _refuse_item(self, queue: str, error: NotAMessage, item: bytes) -> None:
        """Take what lay in a queue of Redis, and is not a message; it is off the queue."""
        if isinstance(error.payload, dict) and len(self._intake) < MOST_ODD:
            with contextlib.suppress(ParameterError):  # it has no id
                request = refused_request(_Item(error.payload), error.message)  # of which little is kept
                self._intake.put(Incoming(queue, lambda: request, 0, lambda: None))
                return
        self._intake.refuse(queue, error.message, item)

    def _acknowledge(self, message: Any) -> None:
        """Raises what says that the line is lost: Celery makes another, and what is not acknowledged comes again."""
        if not message.acknowledged:
            message.ack()

    def _clean_up(self) -> None:
        try:
            self.consumer.app.backend.cleanup()
        except Exception:  # whatever the client of a backend raises
            log.exception("old results of Celery could not be removed")

    def _take_wakeup(self, message: Any) -> None:
        """Take a wakeup, or put it back where another worker may take it."""
        queue = woken_queue(str((message.delivery_info or {}).get("routing_key")))
        if not (isinstance(message.headers, Mapping) and message.headers.get(MARK) is True):
            self.receive(message, queue)
            if queue is not None:
                self._host.offer(queue)  # it was counted as a wakeup, in place of which none was sent
            return
        # What a wakeup says is not looked at: that there is one is the news.
        if queue is None or self._host.offer(queue):
            self._acknowledge(message)
            return
        self._pause()
        with contextlib.suppress(*self.consumer.connection_errors):
            message.requeue()
        if self._host.has_room():  # a slot has become free meanwhile
            self._let_in()

    def _pause(self) -> None:
        if not self._closed:
            self._closed = True
            if not is_redis(self.consumer.app.conf.broker_url):
                self._wakeups.cancel()

    def _let_in(self) -> None:
        if self._closed and not self._stopping:
            self._closed = False
            if not is_redis(self.consumer.app.conf.broker_url):
                self._wakeups.consume()

    def _woken(self) -> None:
        self._waker.drain()
        lost = lost_connection(self.consumer.connection.transport)
        while self._calls:
            call = self._calls.popleft()
            try:
                call()
            except lost:
                self._calls.clear()  # they are of this connection
                raise
            except Exception:  # it would end the worker, and its jobs with it
                log.exception("Celery could not be told")


class _Item:
    """What lay in a queue of Redis in the place of a message, as far as the names of a message go."""

    def __init__(self, payload: dict[str, Any]) -> None:
        self.headers = payload.get("headers")
        self.properties = payload.get("properties")
        self.delivery_info = None
        self.body = None
