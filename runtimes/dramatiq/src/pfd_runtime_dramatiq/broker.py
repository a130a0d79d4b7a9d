"""The broker of Dramatiq: each task of PFD is an actor of that name; its messages go to the message consumer."""

from __future__ import annotations

import importlib.util
from typing import Any

import dramatiq
from dramatiq.middleware import Middleware

from pfd.errors import QueueError
from pfd.notify import Wakeup
from pfd.plugins import Registry
from pfd.runtimes.notifying import MARK, wakeup_queue
from pfd.settings import Settings
from pfd_runtime_dramatiq.address import broker_url, is_redis
from pfd_runtime_dramatiq.consumers import PfdRabbitmqBroker, PfdRedisBroker
from pfd_runtime_dramatiq.message_consumer import MessageConsumer

TIMEOUT = 2.0
"""Seconds that a broker may take to answer.  Longer than a consumer waits for a message."""

HEARTBEAT = 15_000
MAINTENANCE = 10_000
"""Milliseconds after which messages of a dead process are reclaimed, and in how many of a million commands that is
looked for.  Only a job of a client of bare Dramatiq that was fetched and not yet stored depends on it."""

PfdBroker = PfdRedisBroker | PfdRabbitmqBroker


def make_broker(settings: Settings, registry: Registry, *further: Middleware) -> PfdBroker:
    """The broker with an actor for each task.  Raises `SettingsError` where the settings name none."""
    url = broker_url(settings)
    # None of Dramatiq's retries, limits and so on: those are kept by the core.
    middleware: list[Middleware] = list(further)
    broker: PfdBroker
    if is_redis(url):
        broker = _redis(url, middleware)
    else:
        broker = PfdRabbitmqBroker(url=_with_timeouts(url), middleware=middleware)
    broker.messages = MessageConsumer()
    for task in registry.tasks.values():
        _actor(broker, task.name, task.queue)
    return broker


def _redis(url: str, middleware: list[Middleware]) -> PfdRedisBroker:
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    pool = redis.ConnectionPool.from_url(
        url, socket_connect_timeout=TIMEOUT, socket_timeout=TIMEOUT, retry=Retry(NoBackoff(), 1)
    )
    return PfdRedisBroker(
        client=redis.Redis(connection_pool=pool),
        middleware=middleware,
        heartbeat_timeout=HEARTBEAT,
        maintenance_chance=MAINTENANCE,
    )


def _with_timeouts(url: str) -> str:
    given = f"socket_timeout={TIMEOUT}&connection_attempts=1&blocked_connection_timeout={TIMEOUT}"
    return f"{url}{'&' if '?' in url else '?'}{given}"


def _actor(broker: PfdBroker, name: str, queue: str) -> None:
    def act(*_: Any, **__: Any) -> None:
        """What a worker of another broker would call."""
        raise QueueError(f"{name} is run by a worker of PFD and not by Dramatiq", hint="use delay() or 'pfd submit'")

    act.__name__ = name
    dramatiq.actor(actor_name=name, queue_name=queue, broker=broker)(act)


def publish(broker: PfdBroker, wakeup: Wakeup) -> None:
    """Send a wakeup: a message of the actor and with the id of the job, without parameters."""
    message = dramatiq.Message[Any](
        queue_name=wakeup_queue(wakeup.queue),
        actor_name=wakeup.task,
        args=(),
        kwargs={},
        options={MARK: True},
        message_id=wakeup.job_id,
    )
    broker.enqueue(message)


def count(broker: PfdBroker, queue: str) -> int:
    """Wakeups of a queue that wait."""
    name = wakeup_queue(queue)
    if isinstance(broker, PfdRedisBroker):
        return int(broker.client.llen(f"{broker.namespace}:{name}"))
    return broker.get_queue_message_counts(name)[0]


def has_prometheus() -> bool:
    """Whether Dramatiq's own metrics can be had."""
    return importlib.util.find_spec("prometheus_client") is not None
