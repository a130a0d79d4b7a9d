"""Consumers of Dramatiq that fetch only what this worker can take, and give nothing of it to Dramatiq's own threads.

Those trust what they are given: a message that names another queue than it lay in, or no id, ends one of them, and is
never acknowledged.  Here the queue is the one that is consumed, and the id the one that the broker knows, whatever a
message says.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pika
import pika.exceptions
import redis
from dramatiq.broker import Consumer
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.brokers.rabbitmq import _RabbitmqConsumer as RabbitmqConsumer
from dramatiq.brokers.redis import RedisBroker
from dramatiq.common import q_name
from dramatiq.errors import ConnectionClosed

from pfd.runtimes.notifying import woken_queue
from pfd.runtimes.sparing import foreign
from pfd_runtime_dramatiq.client_message import is_wakeup

if TYPE_CHECKING:
    from pfd_runtime_dramatiq.message_consumer import MessageConsumer

log = logging.getLogger("pfd.runtimes")

POLL = 0.05
"""Seconds between looks at whether a slot is free, for a consumer that has to keep its connection alive meanwhile."""

FETCH = 100
"""Messages of clients that are fetched at once."""

UNSTORED, UNSTORED_BYTES = 200, 8 * 2**20
"""Messages of clients of one queue, and bytes of them, that may be fetched and not stored yet."""

BEAT = 1.0
"""Seconds between two signs of life of a consumer, by which Dramatiq knows whose messages to give to others."""

# A message too large to be read stays where it is: only its size is told.
_FETCH = """
local found, total = {}, 0
for i = 1, tonumber(ARGV[1]) do
    local id = redis.call("lpop", KEYS[1])
    if not id then break end
    redis.call("sadd", KEYS[2], id)
    local size = redis.call("hstrlen", KEYS[3], id)
    local data = false
    if size <= tonumber(ARGV[2]) then
        data = redis.call("hget", KEYS[3], id)
        total = total + size
    end
    found[i] = {id, size, data}
    if total > tonumber(ARGV[3]) then break end
end
return found
"""

_ACKNOWLEDGE = """
for _, id in ipairs(ARGV) do
    if redis.call("srem", KEYS[1], id) > 0 then redis.call("hdel", KEYS[2], id) end
end
"""


@contextlib.contextmanager
def _converting() -> Iterator[None]:
    try:
        yield
    except (redis.ConnectionError, redis.TimeoutError) as error:
        raise ConnectionClosed(error) from None


class Held:
    """Messages of a queue of Redis that were fetched: those not stored yet, and those to be acknowledged.

    They outlive a consumer, of which there is a new one after each trouble with the connection.
    """

    def __init__(self) -> None:
        self.unstored: dict[bytes, int] = {}
        self.stored: deque[bytes] = deque()
        self.changed = threading.Event()

    def store(self, identity: bytes) -> None:
        """A message is stored; from any thread."""
        self.stored.append(identity)
        self.unstored.pop(identity, None)
        self.changed.set()

    def has_room(self) -> bool:
        """Whether more may be fetched."""
        sizes = list(self.unstored.values())
        return len(sizes) < UNSTORED and sum(sizes) < UNSTORED_BYTES

    def __contains__(self, identity: object) -> bool:
        # In this order: one that is stored meanwhile is among the second before it leaves the first.
        return identity in self.unstored or identity in self.stored.copy()


class GatedRedisConsumer(Consumer):
    """Fetches wakeups one at a time and only while the consumer is open, and messages of clients several at once.

    Dramatiq's own sleeps longer and longer while a queue is empty, up to a second: a job would begin that much later.
    """

    def __init__(self, broker: PfdRedisBroker, queue_name: str, prefetch: int, timeout: int) -> None:  # noqa: ARG002
        self._broker = broker
        self._queue_name = queue_name
        self._queue = q_name(queue_name)
        self._woken = woken_queue(self._queue)
        self._seconds = timeout / 1000
        self._list = f"{broker.namespace}:{queue_name}"
        self._contents = f"{self._list}.msgs"
        self._fetched = f"{broker.namespace}:__acks__.{broker.broker_id}.{queue_name}"
        self._fetch = broker.client.register_script(_FETCH)
        self._acknowledge = broker.client.register_script(_ACKNOWLEDGE)
        self._held = broker.held.setdefault(queue_name, Held())
        self._beat_at = 0.0

    def __next__(self) -> None:
        """Take what there is, within about a second.  Always None: there is nothing for Dramatiq to do."""
        with _converting():
            self._flush()
            if not self._may_fetch():
                return
            if time.monotonic() >= self._beat_at:
                self._beat_at = time.monotonic() + BEAT
                self._broker.do_fetch(self._queue_name, 0)
                self._give_back_the_lost()
            # From one end of the list to the same end: waits for a message without taking it.
            wait: Any = self._seconds  # a fraction of a second is as good for Redis, if not by its types
            if self._broker.client.blmove(self._list, self._list, wait, "LEFT", "LEFT") is None:
                return
            keys = [self._list, self._fetched, self._contents]
            number = FETCH if self._woken is None else 1
            args = [number, self._broker.messages.most_bytes, UNSTORED_BYTES // 2]
            for identity, size, data in self._fetch(keys=keys, args=args):
                self._take(identity, size, data)
            self._flush()

    def _may_fetch(self) -> bool:
        messages = self._broker.messages
        if not messages.serves:
            time.sleep(self._seconds)
            return False
        if self._held.has_room():
            return self._woken is None or messages.is_open(self._seconds)
        self._held.changed.wait(self._seconds)
        self._held.changed.clear()
        return False

    def _take(self, identity: bytes, size: int, data: bytes | None) -> None:
        messages = self._broker.messages
        if self._woken is None or not is_wakeup(data):
            self._held.unstored[identity] = len(data or b"")
            stored = functools.partial(self._held.store, identity)
            messages.receive(self._woken or self._queue, data, size, stored, among_wakeups=self._woken is not None)
            if self._woken is not None:
                messages.offer(self._woken)  # it was counted as a wakeup, in place of which none was sent
        elif messages.offer(self._woken):  # what it says is not looked at: that there is one is the news
            self._held.store(identity)
        else:
            self._broker.do_requeue(self._queue_name, identity)

    def _give_back_the_lost(self) -> None:
        """Give back what the broker counts as fetched by this worker, and did not get here: its answer was lost.

        Nothing is fetched meanwhile, since it is this thread that does so.
        """
        counted: Any = self._broker.client.smembers(self._fetched)
        if lost := [identity for identity in counted if identity not in self._held]:
            log.warning("%d messages were fetched and have not come; they are given back", len(lost))
            self._broker.do_requeue(self._queue_name, *lost)

    def _flush(self) -> None:
        """Acknowledge what is stored.  What cannot be for now is kept."""
        while self._held.stored:
            some = [self._held.stored.popleft() for _ in range(min(FETCH, len(self._held.stored)))]
            try:
                self._acknowledge(keys=[self._fetched, self._contents], args=some)
            except redis.RedisError:
                self._held.stored.extendleft(some)
                raise

    def ack(self, message: Any) -> None:
        """Nothing: Dramatiq is given no messages."""

    nack = ack

    def requeue(self, messages: Any) -> None:
        """Nothing, as above."""

    def close(self) -> None:
        """Once the worker ends, give back what is not stored.

        What cannot be given back comes again all the same, to others: that does no harm.
        """
        if self._broker.messages.serves:
            return
        try:
            self._flush()
            if unstored := tuple(self._held.unstored):
                self._broker.do_requeue(self._queue_name, *unstored)
        except redis.RedisError as error:
            number = len(self._held.unstored) + len(self._held.stored)
            log.warning("the broker is away: %d messages are not acknowledged, and will come again: %s", number, error)


_decode = pika.BasicProperties.decode


def _decode_any(properties: Any, encoded: bytes, offset: int = 0) -> Any:
    """Read the properties of a message, none where that is not possible.

    RabbitMQ hands on what a client has written: a time beyond all calendars, a text that is none.  pika raises where it
    reads from the line, which is lost by it, and the message comes again.
    """
    try:
        return _decode(properties, encoded, offset)
    except Exception as error:
        foreign.warning("properties of a message cannot be read: %s", error)
        return properties


class GatedRabbitmqConsumer(RabbitmqConsumer):
    """Consumes wakeups while the consumer is open, else cancels its subscription: what was prefetched goes back."""

    def __init__(self, broker: PfdRabbitmqBroker, queue_name: str, prefetch: int, timeout: int) -> None:  # noqa: ARG002
        self._queue = q_name(queue_name)
        self._woken = woken_queue(self._queue)
        self._seconds = timeout / 1000
        self._consuming = True
        pika.BasicProperties.decode = _decode_any  # in a process with a worker: nothing of them is used here
        super().__init__(broker, queue_name, FETCH if self._woken is None else 1, timeout)

    def __next__(self) -> None:
        """Take what there is, within about a second.  Always None: there is nothing for Dramatiq to do."""
        try:
            if self._may_consume():
                method, _, body = next(self.iterator)
                if method is not None:
                    self._take(method.delivery_tag, body)
        except pika.exceptions.ChannelClosedByBroker as error:
            if error.reply_code == 404:  # the queue is gone: it is declared again
                self.broker.queues_pending.add(self._queue)
            raise ConnectionClosed(error) from None
        except (AssertionError, pika.exceptions.AMQPError, OSError) as error:
            raise ConnectionClosed(error) from None

    def _may_consume(self) -> bool:
        messages = self.broker.messages
        if messages.serves and (self._woken is None or messages.is_open(0.0)):
            if not self._consuming:
                self.iterator = self.channel.consume(self.queue_name, inactivity_timeout=self._seconds)
                self._consuming = True
            return True
        if self._consuming:
            self._consuming = False
            self.channel.cancel()
        self.connection.sleep(POLL)  # and not idle: a connection without heartbeats is closed
        return False

    def _take(self, tag: int, body: bytes) -> None:
        messages = self.broker.messages
        if self._woken is None or not is_wakeup(body):
            data = body if len(body) <= messages.most_bytes else None
            stored = functools.partial(self._acknowledge_later, tag)
            messages.receive(self._woken or self._queue, data, len(body), stored, among_wakeups=self._woken is not None)
            if self._woken is not None:
                messages.offer(self._woken)  # as above
        elif messages.offer(self._woken):  # what it says is not looked at: that there is one is the news
            self.channel.basic_ack(tag)
        else:
            self.channel.basic_nack(tag, requeue=True)

    def _acknowledge_later(self, tag: int) -> None:
        """From any thread."""
        try:
            self.connection.add_callback_threadsafe(lambda: self._acknowledge(tag))
        except (pika.exceptions.AMQPError, OSError) as error:
            log.warning("a message is not acknowledged, and will come again: %s", error)

    def _acknowledge(self, tag: int) -> None:
        if self.channel.is_open:  # else it comes again, by another connection
            self.channel.basic_ack(tag)


class PfdRedisBroker(RedisBroker):
    """Dramatiq's broker on Redis, with a consumer of its messages."""

    messages: MessageConsumer

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.held: dict[str, Held] = {}

    @property
    def consumer_class(self) -> type[Consumer]:
        return GatedRedisConsumer


class PfdRabbitmqBroker(RabbitmqBroker):
    """Dramatiq's broker on RabbitMQ, with a consumer of its messages."""

    messages: MessageConsumer

    @property
    def consumer_class(self) -> type[RabbitmqConsumer]:
        return GatedRabbitmqConsumer

    def close(self) -> None:
        """Close the connections of this thread and those that no thread uses any more."""
        with contextlib.suppress(pika.exceptions.AMQPError, OSError):
            super().close()
