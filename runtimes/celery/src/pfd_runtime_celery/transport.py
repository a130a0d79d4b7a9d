"""Celery's connection to its broker, with nothing of what comes by it trusted.

kombu takes what lies in a list of Redis for what another kombu has put there; where it is not, kombu raises in the
event loop of the worker, and ends it.  Here each item is looked at before kombu sees it, and what is raised even so
is caught where one item is taken in.
"""

from __future__ import annotations

import base64
import binascii
import functools
import logging
import struct
from collections.abc import Callable, Mapping
from typing import Any

from amqp import abstract_channel
from amqp.serialization import PROPERTY_CLASSES, loads
from celery.app.amqp import AMQP
from kombu import compression
from kombu.connection import Connection, ConnectionPool
from kombu.pools import ProducerPool
from kombu.transport import redis as kombu_redis
from kombu.transport.virtual import Empty
from redis.exceptions import ResponseError

from pfd.errors import ParameterError
from pfd.runtimes.sparing import Sparing, foreign
from pfd.store.encoding import decode

_DELIVERY = "sLbss"

MAX_TAG = 200
"""Characters of the tag by which Redis remembers a message until it is acknowledged."""


class RedisQoS(kombu_redis.QoS):
    """Messages that are not acknowledged yet; what lies among them and is none is let go of."""

    def restore_by_tag(self, tag: Any, client: Any = None, leftmost: bool = False) -> None:
        """Put a message back into its queue."""
        try:
            super().restore_by_tag(tag, client, leftmost)
        except (ResponseError, *lost_connection(kombu_redis.Transport)):  # type: ignore[misc]
            raise
        except Exception as error:
            foreign.error("what is kept as an unacknowledged message is none: %r: %s", tag, error)
            self._remove_from_indices(tag).execute()


class RedisChannel(kombu_redis.Channel):
    """Hands on what is a message, and tells of what is not, which is off its list by then."""

    QoS = RedisQoS
    connection: RedisTransport

    def _create_client(self, asynchronous: bool = False) -> Any:
        client = super()._create_client(asynchronous)
        # What is done with the answer to the one command that fetches messages.
        client.set_response_callback("BRPOP", self._screened)
        return client

    def _screened(self, response: Any, **_: Any) -> Any:
        if not response:
            return None
        key, item = response
        try:
            check_envelope(item, self.connection.most_bytes)
        except NotAMessage as error:
            queue = key.decode(errors="replace").rsplit(self.sep, 1)[0]
            self.connection.refuse(queue, error, item)
            return None
        return response


class RedisTransport(kombu_redis.Transport):
    """`most_bytes` and `refuse` are set by whoever consumes."""

    Channel = RedisChannel
    most_bytes: int = 1 << 20

    def refuse(self, queue: str, error: NotAMessage, item: bytes) -> None:  # noqa: ARG002  (its shape)
        """Tell of an item that is not a message."""
        foreign.error("an item in queue %s is not a message: %s", queue, error)

    def on_readable(self, *args: Any) -> None:
        """Take in what has come.  Only what is wrong with the connection is raised."""
        try:
            super().on_readable(*args)
        except (Empty, ResponseError, *lost_connection(self)):  # type: ignore[misc]
            raise
        except Exception:  # of one item, which is off its list; the next may be a good one
            foreign.exception("something that came by the broker could not be taken in")


class ScreenedConnection(Connection):
    """A connection whose transport is one of the above, where the broker is Redis."""

    def get_transport_cls(self) -> type:
        """The class of its transport."""
        found: type = super().get_transport_cls()
        return RedisTransport if found is kombu_redis.Transport else found


class OwnPool(ConnectionPool):
    """Connections of one application in one process.

    Those of kombu's own pools are found again by the child of a fork, and where multiprocessing has forked they are
    shut down in it: under the parent's hands.
    """

    close_after_fork = False


class OwnProducerPool(ProducerPool):
    """The same for what sends through them."""

    close_after_fork = False


class ScreenedAMQP(AMQP):  # type: ignore[misc]
    """What Celery makes its connections with."""

    Connection = ScreenedConnection
    BrokerConnection = ScreenedConnection

    @property
    def producer_pool(self) -> ProducerPool:
        """Senders through the connections of the application."""
        if self._producer_pool is None:
            self._producer_pool: ProducerPool | None = OwnProducerPool(self.app.pool, limit=self.app.pool.limit)
        return self._producer_pool


def lost_connection(transport: Any) -> tuple[type[BaseException], ...]:
    """What is raised where the line to a broker is lost.

    kombu counts a `KeyError` among them on Redis, which anything may raise that looks into a message.
    """
    return tuple(kind for kind in transport.connection_errors if kind is not KeyError)


class NotAMessage(ParameterError):
    """An item that kombu cannot make a message of.  `payload` is what was read of it, or None."""

    def __init__(self, message: str, payload: Any = None) -> None:
        super().__init__(message)
        self.payload = payload


def check_envelope(item: bytes, most: int) -> None:
    """Make sure that kombu can make a message of an item.  Raises `NotAMessage`."""
    if len(item) > most:
        raise NotAMessage(f"the message is larger than {most} bytes")
    try:
        payload = decode(item.decode())
    except ValueError as error:  # not UTF-8, not JSON, numbers too long, nested too deep
        raise NotAMessage(f"the message is not JSON ({type(error).__name__})") from error
    for problem in _problems(payload):
        raise NotAMessage(problem, payload)


def _problems(payload: Any) -> Any:
    if not isinstance(payload, dict):
        yield f"the message is not an object but of type {type(payload).__name__}"
        return
    properties = payload.get("properties")
    if not isinstance(properties, dict):
        yield "its properties are not an object"
        return
    if not isinstance(payload.get("headers"), dict | None):
        yield "its headers are not an object"
    tag = properties.get("delivery_tag")
    if not isinstance(tag, str) or not 0 < len(tag) <= MAX_TAG:
        yield "its delivery_tag is not a short text"
    delivery = properties.get("delivery_info")
    if not isinstance(delivery, Mapping) or not all(
        isinstance(delivery.get(n), str) for n in ("exchange", "routing_key")
    ):
        yield "its delivery_info names no exchange and routing_key"
    yield from _body_problems(payload.get("body"), properties.get("body_encoding"))


def _body_problems(body: Any, encoding: Any) -> Any:
    if not isinstance(body, str | None):
        yield f"its body is not a text but of type {type(body).__name__}"
    elif encoding == "base64":
        try:
            base64.b64decode(body or "")
        except (binascii.Error, ValueError):  # the latter where it is not ASCII
            yield "its body is not base64"
    elif encoding is not None and (not isinstance(encoding, str) or encoding.lower() != "utf-8"):
        yield "its body_encoding is not known"


def read_any_properties() -> Callable[[], None]:
    """Have properties of a message of RabbitMQ that cannot be read taken for none; what comes back undoes it.

    RabbitMQ hands on what a client has written: a time beyond all calendars, a text that is none.  py-amqp raises where
    it reads from the line, which ends the worker, and the message comes again.
    """
    known = dict(PROPERTY_CLASSES)

    def read(decode: Callable[[bytes, int], Any], buffer: bytes, offset: int) -> Any:
        try:
            return decode(buffer, offset)
        except Exception as error:
            foreign.warning("properties of a message cannot be read: %s", error)
            return {}, len(buffer)

    def restore() -> None:
        PROPERTY_CLASSES.update(known)
        abstract_channel.loads = loads

    PROPERTY_CLASSES.update({kind: functools.partial(read, decode) for kind, decode in known.items()})
    abstract_channel.loads = _loads
    return restore


def _loads(kinds: str, buffer: bytes, offset: int) -> Any:
    """Arguments of a method of AMQP; those of a delivery also where the routing key is not a text."""
    try:
        return loads(kinds, buffer, offset)
    except UnicodeDecodeError:
        if kinds != _DELIVERY:
            raise
    tag, offset = _short_text(buffer, offset)
    number, redelivered = struct.unpack_from(">QB", buffer, offset)
    exchange, offset = _short_text(buffer, offset + 9)
    routing_key, offset = _short_text(buffer, offset)
    return [tag, number, bool(redelivered & 1), exchange, routing_key], offset


def _short_text(buffer: bytes, offset: int) -> tuple[str, int]:
    end = offset + 1 + buffer[offset]
    return bytes(buffer[offset + 1 : end]).decode(errors="replace"), end


def spare_the_log() -> Callable[[], None]:
    """Have libraries say once in a second what they say of foreign messages; what comes back undoes it."""
    loggers = [logging.getLogger(name) for name in ("kombu.transport.redis", "kombu.pidbox", "celery.worker.pidbox")]
    sparing = Sparing()
    for one in loggers:
        one.addFilter(sparing)

    def restore() -> None:
        for one in loggers:
            one.removeFilter(sparing)

    return restore


def refuse_compression() -> Callable[[], None]:
    """Have kombu unpack nothing in this process, where a few bytes can stand for gigabytes; what comes back undoes it.

    kombu unpacks while it makes a message, before anybody can look at that.
    """
    known = {kind: (compression.get_encoder(kind)[0], compression.get_decoder(kind)) for kind in compression.encoders()}

    def refuse(body: Any) -> Any:  # noqa: ARG001  (the shape of a decoder)
        raise ParameterError("compression: the body is compressed, which is not accepted", hint="send it as it is")

    for kind, (encoder, _) in known.items():
        compression.register(encoder, refuse, kind)
    return functools.partial(_restore, known)


def _restore(known: Mapping[str, tuple[Any, Any]]) -> None:
    for kind, (encoder, decoder) in known.items():
        compression.register(encoder, decoder, kind)
