"""Consumers of Dramatiq that fetch only what this worker has a slot for, and hear of it at once."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pika.exceptions
import redis
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.brokers.rabbitmq import _RabbitmqConsumer as RabbitmqConsumer
from dramatiq.brokers.redis import RedisBroker
from dramatiq.brokers.redis import _RedisConsumer as RedisConsumer
from dramatiq.common import q_name
from dramatiq.errors import ConnectionClosed

from pfd.runtimes.ringing import rung_queue

if TYPE_CHECKING:
    from pfd.runtimes.on_dramatiq.door import Door

log = logging.getLogger("pfd.runtimes")

POLL = 0.05
"""Seconds between looks at whether a slot is free, for a consumer that has to keep its connection alive meanwhile."""


@contextlib.contextmanager
def _acknowledging(door: Door) -> Iterator[None]:
    """Where the broker is away Dramatiq tries again until it is back, unless this worker ends.

    A message that is not acknowledged comes again.  That does no harm: what it asks for is in the store.
    """
    try:
        yield
    except (ConnectionClosed, redis.TimeoutError) as error:
        if door.serves:
            raise ConnectionClosed(error) from None
        log.warning("the broker is away, a message is not acknowledged and will come again: %s", error)


class GatedRedisConsumer(RedisConsumer):
    """Fetches one message at a time, rings only while the door lets them in.

    Dramatiq's own sleeps longer and longer while a queue is empty, up to a second: a job would begin that much later.
    """

    def __init__(self, broker: PfdRedisBroker, queue_name: str, prefetch: int, timeout: int) -> None:
        self._delayed = q_name(queue_name) != queue_name
        self._gated = rung_queue(queue_name) is not None and not self._delayed
        self._handled = threading.Event()
        super().__init__(broker, queue_name, prefetch if self._delayed else 1, timeout)

    def __next__(self) -> Any:
        if self._delayed:
            return super().__next__()
        seconds = self.timeout / 1000
        if self.outstanding_message_count >= self.prefetch:
            self._handled.wait(seconds)
            self._handled.clear()
            return None
        if self._gated and not self.broker.door.lets_in(seconds):
            return None
        try:
            key = f"{self.broker.namespace}:{self.queue_name}"
            # From one end of the list to the same end: waits for a message without taking it.
            if self.broker.client.blmove(key, key, seconds, "LEFT", "LEFT") is None:
                return None
            self.misses = 0  # who comes too late for it tries again at once
            return super().__next__()
        except (redis.ConnectionError, redis.TimeoutError) as error:
            raise ConnectionClosed(error) from None

    def ack(self, message: Any) -> None:
        try:
            with _acknowledging(self.broker.door):
                super().ack(message)
        finally:
            self._handled.set()

    def nack(self, message: Any) -> None:
        with _acknowledging(self.broker.door):
            super().nack(message)


class GatedRabbitmqConsumer(RabbitmqConsumer):
    """Consumes rings while the door lets them in, else cancels its subscription: what was prefetched goes back."""

    def __init__(self, broker: PfdRabbitmqBroker, queue_name: str, prefetch: int, timeout: int) -> None:
        self._delayed = q_name(queue_name) != queue_name
        self._gated = rung_queue(queue_name) is not None and not self._delayed
        self._seconds = timeout / 1000
        self._consuming = True
        super().__init__(broker, queue_name, 1 if self._gated else prefetch, timeout)

    def __next__(self) -> Any:
        if not self._gated:
            return super().__next__()
        try:
            if not self.broker.door.lets_in(0.0):
                if self._consuming:
                    self._consuming = False
                    self.channel.cancel()
                self.connection.sleep(POLL)  # and not idle: a connection without heartbeats is closed
                return None
            if not self._consuming:
                self.iterator = self.channel.consume(self.queue_name, inactivity_timeout=self._seconds)
                self._consuming = True
        except (pika.exceptions.AMQPError, OSError) as error:
            raise ConnectionClosed(error) from None
        return super().__next__()

    def ack(self, message: Any) -> None:
        with _acknowledging(self.broker.door):
            super().ack(message)

    def nack(self, message: Any) -> None:
        with _acknowledging(self.broker.door):
            super().nack(message)


class PfdRedisBroker(RedisBroker):
    """Dramatiq's broker on Redis, with a door."""

    door: Door

    @property
    def consumer_class(self) -> type[RedisConsumer]:
        return GatedRedisConsumer


class PfdRabbitmqBroker(RabbitmqBroker):
    """Dramatiq's broker on RabbitMQ, with a door."""

    door: Door

    @property
    def consumer_class(self) -> type[RabbitmqConsumer]:
        return GatedRabbitmqConsumer

    def close(self) -> None:
        """Close the connections of this thread and those that no thread uses any more."""
        with contextlib.suppress(pika.exceptions.AMQPError, OSError):
            super().close()
