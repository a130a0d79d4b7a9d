"""Celery's consumer, which hands every message of a client to the worker's message consumer.

Celery's own way of a message, by strategies and a pool, is not taken: it trusts the headers, and what it makes of odd
ones ends the worker, the message still on the queue for the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from celery.worker.consumer import Consumer


class PfdConsumer(Consumer):  # type: ignore[misc]  # Celery carries no types
    """What the setting `worker_consumer` names."""

    def __init__(self, *args: Any, worker_options: Mapping[str, Any] | None = None, **given: Any) -> None:
        # What workers of Celery tell each other serves no worker of PFD, and an odd event of them ends one.
        quiet = {"without_gossip": True, "without_mingle": True}
        super().__init__(*args, worker_options={**(worker_options or {}), **quiet}, **given)

    def update_strategies(self) -> None:
        """A new connection is being made: the message consumer and the listener go by this consumer from here on."""
        self.pool.messages.consumer = self.pool.listener.consumer = self

    def create_task_handler(self, promise: Any = None) -> Callable[[Any], None]:  # noqa: ARG002  (Celery's shape)
        """What each message of a client is given to."""
        receive: Callable[[Any], None] = self.pool.messages.receive
        return receive

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        """Take a message that kombu could not make."""
        self.pool.messages.receive_undecoded(message, exc)
