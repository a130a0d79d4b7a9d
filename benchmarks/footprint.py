"""What a worker takes that does nothing: memory, transactions and connections of its store; and how memory grows."""

from __future__ import annotations

import time
from importlib.metadata import version
from typing import Any, LiteralString

import psycopg
from sqlalchemy.engine import make_url

from benchmarks.broker_sites import BARE_WORKERS, pfd_site, pfd_workers, servers
from benchmarks.environment import processes
from benchmarks.measure import Comparison, Side, interleaved
from benchmarks.memory import settled
from tests.support.brokers import RedisServer
from tests.support.servers import PostgresServer

JOBS = 1000
WATCHED = 20.0
"""Seconds over which the transactions of an idle worker are counted."""

RUNTIMES = ("local", "celery", "dramatiq")
MIB_STAGES = ("idle", f"after {JOBS:,} no-op jobs", f"after {3 * JOBS:,}")


def memory(runtime: str, server: PostgresServer, redis: RedisServer) -> list[float]:
    """MiB of a worker of one slot with its helpers: idle, after 1,000 no-op jobs, after 3,000."""
    with pfd_site(runtime, server, redis) as dispatcher, pfd_workers(dispatcher, runtime, 1) as [worker]:
        found = [settled(worker.pid)[0]]
        for jobs in (JOBS, 2 * JOBS):
            for handle in [dispatcher.submit("noop") for _ in range(jobs)]:
                handle.get(300)
            found.append(settled(worker.pid)[0])
        return found


def bare_memory(peer: str, redis: RedisServer) -> float:
    """MiB of an idle worker of the peer with one process for jobs."""
    redis.flush()
    env = {"PEER": peer, "PEER_URL": redis.url(0), "PYTHONPATH": "."}
    single = {"celery": [*BARE_WORKERS["celery"][:-1], "1"], "dramatiq": [*BARE_WORKERS["dramatiq"][:-1], "1"]}
    with processes(single[peer], env=env) as [worker]:
        time.sleep(5.0)  # neither says in a common way that it is ready
        return settled(worker.pid)[0]


def idle_load(runtime: str, server: PostgresServer, redis: RedisServer) -> tuple[float, int]:
    """Transactions a second and connections of one idle worker, with the default settings."""
    with pfd_site(runtime, server, redis) as dispatcher, pfd_workers(dispatcher, runtime, 1):
        url = dispatcher.settings.database_url
        name = str(make_url(url).database)
        dispatcher.close()  # of which nothing is to be counted
        time.sleep(3.0)
        before = _transactions(server, name)
        time.sleep(WATCHED)
        after = _transactions(server, name)
        connections = _number(server, "SELECT count(*) FROM pg_stat_activity WHERE datname = %s", name)
        return (after - before) / WATCHED, connections


def _transactions(server: PostgresServer, name: str) -> int:
    return _number(server, "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = %s", name)


def _number(server: PostgresServer, query: LiteralString, *values: str) -> int:
    with psycopg.connect(server.url("postgres").replace("postgresql+psycopg", "postgresql")) as connection:
        row = connection.execute(query, values).fetchone()
    assert row is not None
    return int(row[0])


def measure(runs: int) -> list[Comparison]:
    grown: dict[str, list[list[float]]] = {}
    loads: dict[str, list[tuple[float, int]]] = {}

    def remember(name: str, server: PostgresServer, redis: RedisServer) -> float:
        grown.setdefault(name, []).append(memory(name, server, redis))
        loads.setdefault(name, []).append(idle_load(name, server, redis))
        return grown[name][-1][0]

    with servers() as (server, redis):
        sides: dict[str, Any] = {name: lambda name=name: remember(name, server, redis) for name in RUNTIMES}
        sides |= {f"bare {name}": lambda name=name: bare_memory(name, redis) for name in ("celery", "dramatiq")}
        found = interleaved(sides, min(runs, 3))  # bytes vary little, and a round takes minutes
    peers = tuple(
        Side(f"bare {name} {version(name)}", "idle, one process for jobs", found[f"bare {name}"], "MiB")
        for name in ("celery", "dramatiq")
    )

    def stages(name: str, number: int) -> Side:
        title = f"PFD on {name.capitalize()}, {MIB_STAGES[number]}" if name != "local" else f"PFD, {MIB_STAGES[number]}"
        return Side(title, "one slot, with its helpers", tuple(one[number] for one in grown[name]), "MiB")

    def load(name: str) -> Side:
        return Side(f"PFD, runtime {name}", "default settings", tuple(rate for rate, _ in loads[name]), "per s")

    return [
        Comparison(
            f"Memory of a worker on {name.capitalize()} with Redis and PostgreSQL",
            "known, and no growth after the first jobs",
            stages(name, 0),
            (stages(name, 1), stages(name, 2), peer, stages("local", 0)),
        )
        for name, peer in zip(("celery", "dramatiq"), peers, strict=True)
    ] + [
        Comparison(
            "Transactions a second of one idle worker",
            "known",
            load("dramatiq"),
            (load("celery"), load("local")),
            {f"connections, {name}": max(number for _, number in loads[name]) for name in RUNTIMES},
        )
    ]
