"""Who writes to a broker what no client would: one for each runtime and broker."""

from __future__ import annotations

import contextlib
import random
import struct
import uuid
from abc import ABC, abstractmethod
from typing import Any

import pika
import pika.data
import pika.exceptions
import redis

from pfd_contract import Site, until
from tests.support.foreign import (
    BODY,
    celery_envelope,
    celery_headers,
    dramatiq_message,
    foreign_body,
    foreign_celery,
    foreign_dramatiq,
    mutated,
    to_bytes,
)

TASK = "contract_noop"
QUEUE = "default"
LARGEST = 100_000
"""Bytes of the properties of a message of RabbitMQ."""


class Sender(ABC):
    """Writes to a broker what no client would."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def close(self) -> None:
        """Send no more."""
        self.site.close()

    @abstractmethod
    def good(self, job_id: str, queue: str = QUEUE) -> None:
        """Send a message as a client does."""

    @abstractmethod
    def foreign(self, rng: random.Random, queue: str) -> None:
        """Send something like a message."""

    @abstractmethod
    def raw(self, data: bytes) -> None:
        """Send some bytes in the place of a message, or of its body."""


class CeleryRedis(Sender):
    def _push(self, queue: str, item: bytes) -> None:
        with redis.Redis.from_url(self.site.settings.broker_url) as client:
            client.lpush(queue, item)

    def send(self, envelope: Any) -> None:
        self._push(QUEUE, to_bytes(envelope))

    def good(self, job_id: str, queue: str = QUEUE) -> None:
        self._push(queue, to_bytes(celery_envelope(TASK, job_id, queue)))

    def foreign(self, rng: random.Random, queue: str) -> None:
        self._push(queue, foreign_celery(rng, TASK, queue))

    def raw(self, data: bytes) -> None:
        self._push(QUEUE, data)


class DramatiqRedis(Sender):
    def _push(self, queue: str, content: bytes | None) -> None:
        identity = str(uuid.uuid4())
        with redis.Redis.from_url(self.site.settings.broker_url) as client:
            if content is not None:
                client.hset(f"dramatiq:{queue}.msgs", identity, content)
            client.rpush(f"dramatiq:{queue}", identity)

    def good(self, job_id: str, queue: str = QUEUE) -> None:
        self._push(queue, to_bytes(dramatiq_message(TASK, job_id, queue)))

    def foreign(self, rng: random.Random, queue: str) -> None:
        self._push(queue, foreign_dramatiq(rng, TASK, queue))

    def raw(self, data: bytes) -> None:
        self._push(QUEUE, data)


class Rabbit(Sender):
    """Either runtime on RabbitMQ, which lets nobody write what is not a message."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self._connection = pika.BlockingConnection(pika.URLParameters(site.settings.broker_url))
        self._channel = self._connection.channel()
        # RabbitMQ drops what is sent to a queue before a worker has declared it.
        until(self._is_declared, "the worker has declared its queue")

    def _is_declared(self) -> bool:
        with contextlib.suppress(pika.exceptions.ChannelClosedByBroker):
            self._connection.channel().queue_declare(QUEUE, passive=True)
            return True
        return False

    def close(self) -> None:
        self._connection.close()
        super().close()

    def publish(self, body: bytes, queue: str = QUEUE, **properties: Any) -> None:
        said = pika.BasicProperties(**properties)
        try:
            # What pika cannot say, and what is larger than a frame, for which RabbitMQ closes the line, is left out.
            if sum(map(len, said.encode())) > LARGEST:
                said = pika.BasicProperties()
        except Exception:
            said = pika.BasicProperties()
        self._channel.basic_publish("", queue, body, said)

    def publish_by_key(self, key: bytes) -> None:
        """Send a message by way of an exchange, with a routing key that pika would not write."""
        self._channel.exchange_declare("elsewhere", "fanout")
        self._channel.queue_bind(QUEUE, "elsewhere")

        def write(pieces: list[bytes], value: str) -> int:
            found = [key] if value == "odd" else [value.encode()]
            pieces += [bytes([len(found[0])]), *found]
            return 1 + len(found[0])

        usual, pika.data.encode_short_string = pika.data.encode_short_string, write
        try:
            self._channel.basic_publish("elsewhere", "odd", b"{}", pika.BasicProperties(headers={}))
        finally:
            pika.data.encode_short_string = usual

    def publish_field(self, field: bytes) -> None:
        """Send a message with a header of these bytes, which no client could be made to write."""
        name = b"\x01x"
        properties = pika.BasicProperties(headers={})
        table = struct.pack(">I", len(name + field)) + name + field
        properties.encode = lambda: [struct.pack(">H", pika.BasicProperties.FLAG_HEADERS), table]
        self._channel.basic_publish("", QUEUE, b"{}", properties)

    def raw(self, data: bytes) -> None:
        self.publish(data, **self.properties(str(uuid.uuid4())))

    def properties(self, job_id: str) -> dict[str, Any]:
        return {}


class CeleryRabbit(Rabbit):
    def properties(self, job_id: str) -> dict[str, Any]:
        headers = celery_headers(TASK, job_id)
        return {"headers": headers, "content_type": "application/json", "content_encoding": "utf-8"}

    def good(self, job_id: str, queue: str = QUEUE) -> None:
        self.publish(to_bytes(BODY), queue, **self.properties(job_id))

    def foreign(self, rng: random.Random, queue: str) -> None:
        changed = mutated(rng, self.properties(str(uuid.UUID(int=rng.getrandbits(128)))))
        known = ("headers", "content_type", "content_encoding")
        properties = {name: changed[name] for name in known if name in changed} if isinstance(changed, dict) else {}
        self.publish(foreign_body(rng) if rng.random() < 0.5 else to_bytes(BODY), queue, **properties)


class DramatiqRabbit(Rabbit):
    def good(self, job_id: str, queue: str = QUEUE) -> None:
        self.publish(to_bytes(dramatiq_message(TASK, job_id, queue)), queue)

    def foreign(self, rng: random.Random, queue: str) -> None:
        odd = {"headers": {"x": mutated(rng, [1, {"a": "b"}])}, "priority": rng.choice((None, 0, 255))}
        self.publish(foreign_dramatiq(rng, TASK, queue), queue, **odd)


SENDERS: dict[str, type[Sender]] = {
    "celery-redis-postgres": CeleryRedis,
    "celery-rabbitmq-postgres": CeleryRabbit,
    "dramatiq-redis-postgres": DramatiqRedis,
    "dramatiq-rabbitmq-postgres": DramatiqRabbit,
}
