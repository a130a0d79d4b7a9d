"""Sites of this workspace's runtimes, by name: runtime, broker and store."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from pfd import Settings
from pfd_contract import LocalSite, MakeSite, Site, contract_settings
from tests.contract.support.stores import StoppedPostgresSite
from tests.support.brokers import RabbitServer, RedisServer
from tests.support.servers import PostgresServer

_numbers = itertools.count(1)


class BrokerSite(StoppedPostgresSite):
    """A runtime with a broker, on a PostgreSQL that can be stopped."""

    def __init__(self, settings: Settings, server: PostgresServer, lose_rings: Callable[[], None]) -> None:
        super().__init__(settings, server)
        self._lose_rings = lose_rings

    def lose_rings(self) -> None:
        self._lose_rings()

    def waiting_messages(self) -> int:
        """Rings that wait in the broker, for the queue of the contract's tasks."""
        import redis

        key = "pfd.default" if self.settings.runtime == "celery" else "dramatiq:pfd.default"
        with redis.Redis.from_url(self.settings.broker_url) as client:
            return int(client.llen(key))


def site_maker(name: str, request: pytest.FixtureRequest) -> MakeSite:
    """What makes sites of one kind, such as `celery-redis-postgres`; its servers are started when first needed."""
    if name == "local-sqlite":
        return lambda folder, **settings: LocalSite(contract_settings(folder / "home", **settings))
    server = cast("PostgresServer", request.getfixturevalue("postgres_server"))

    def database() -> str:
        name = f"contract_{os.getpid()}_{next(_numbers)}"
        server.execute(f"CREATE DATABASE {name}")
        return server.url(name)

    if name == "local-postgres":
        return lambda folder, **settings: StoppedPostgresSite(
            contract_settings(folder / "home", database_url=database(), **settings), server
        )
    runtime, broker, _ = name.split("-")
    empty = _on_redis(request) if broker == "redis" else _on_rabbit(request)

    def make(folder: Path, **settings: Any) -> Site:
        url, lose_rings = empty()
        given = {"runtime": runtime, "broker_url": url, "database_url": database(), **settings}
        return BrokerSite(contract_settings(folder / "home", **given), server, lose_rings)

    return make


def _on_redis(request: pytest.FixtureRequest) -> Callable[[], tuple[str, Callable[[], None]]]:
    server = cast("RedisServer", request.getfixturevalue("redis_server"))

    def empty() -> tuple[str, Callable[[], None]]:
        number = next(_numbers) % 256
        server.flush(number)
        return server.url(number), lambda: server.flush(number)

    return empty


def _on_rabbit(request: pytest.FixtureRequest) -> Callable[[], tuple[str, Callable[[], None]]]:
    server = cast("RabbitServer", request.getfixturevalue("rabbit_server"))

    def empty() -> tuple[str, Callable[[], None]]:
        name = server.host()
        return server.url(name), lambda: server.purge(name)

    return empty
