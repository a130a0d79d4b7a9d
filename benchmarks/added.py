"""Where the time of a job goes that PFD adds, and how many jobs a second the store itself can take.

Told apart by leaving parts out, not by instruments in the code: the calls of the store alone; the embedded runtime,
which is those and PFD's own code; a runtime with a broker, which is both and the broker.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version

from benchmarks.broker_sites import bare, ended, pfd_rate, pfd_site, rate_of, servers
from benchmarks.environment import fresh_store, processes
from benchmarks.measure import Comparison, Side, interleaved, percentile
from tests.support.brokers import RedisServer
from tests.support.servers import PostgresServer

JOBS = 3000
SUBMISSIONS = 500
WORKERS = 2
CROWDS = (1, 2, 4, 8)

STORE_CALLS = [sys.executable, "-m", "benchmarks.store_calls"]
PATH = {"PYTHONPATH": os.pathsep.join((str(os.getcwd()), "benchmarks/plugin"))}  # noqa: PTH109  (a string is wanted)


def store_rate(server: PostgresServer, number: int) -> float:
    """Jobs a second where so many processes do the store's part alone."""
    with fresh_store(server):
        from pfd import Dispatcher

        with Dispatcher() as dispatcher:
            _store_fill(JOBS)
            with processes(*[STORE_CALLS] * number, env=PATH):
                return rate_of(ended(dispatcher, JOBS))


def _store_fill(number: int) -> list[float]:
    """Insert jobs from a process of its own, as a client is; the seconds that each took."""
    code = f"import json; from benchmarks.store_calls import *; print(json.dumps(fill(open_store(), {number})))"
    command = [sys.executable, "-c", code]
    told = subprocess.run(command, env={**os.environ, **PATH}, check=True, stdout=subprocess.PIPE, text=True).stdout
    return list(json.loads(told))


def submit_ms(runtime: str, server: PostgresServer, redis: RedisServer) -> float:
    """Milliseconds of a call of submit, p50, with nobody to run the job; the store's part alone for `store`."""
    if runtime == "store":
        with fresh_store(server):
            return percentile(_store_fill(SUBMISSIONS), 0.5) * 1000
    with pfd_site(runtime, server, redis) as dispatcher:
        found = []
        for _ in range(SUBMISSIONS):
            began = time.perf_counter()
            dispatcher.submit("noop")
            found.append(time.perf_counter() - began)
    return percentile(found, 0.5) * 1000


def measure(runs: int) -> list[Comparison]:
    with servers() as (server, redis):
        return [_job(runs, server, redis), _submit(runs, server, redis), _limit(runs, server)]


def _job(runs: int, server: PostgresServer, redis: RedisServer) -> Comparison:
    """A worker's milliseconds for a job, where queues are full."""
    call = f"rate({JOBS}, 'noop')"
    rates = interleaved(
        {
            "store": lambda: store_rate(server, WORKERS),
            **{
                name: functools.partial(pfd_rate, name, server, redis, JOBS) for name in ("local", "celery", "dramatiq")
            },
            "bare celery": lambda: float(bare("celery", redis, call, first=False)),
            "bare dramatiq": lambda: float(bare("dramatiq", redis, call, first=False)),
        },
        runs,
    )

    def side(key: str, name: str, setup: str) -> Side:
        return Side(name, setup, tuple(1000 * WORKERS / rate for rate in rates[key]), "ms")

    store = side("store", "the store's calls alone", "end a job and claim the next, 2 processes, PostgreSQL")
    local = side("local", "PFD, embedded runtime", "2 workers of 1 slot")
    celery, dramatiq = side("celery", "PFD on Celery", "the same"), side("dramatiq", "PFD on Dramatiq", "the same")
    peers = [
        side(f"bare {name}", f"bare {name} {version(name)}", "2 processes, results in Redis")
        for name in ("celery", "dramatiq")
    ]
    return Comparison(
        "A worker's milliseconds for one no-op job, and what they go to",
        "known, and the largest part looked at first",
        dramatiq,
        (celery, local, store, *peers),
        {
            "store": store.median,
            "own code (embedded less store)": local.median - store.median,
            "broker (Dramatiq less embedded)": dramatiq.median - local.median,
            "broker (Celery less embedded)": celery.median - local.median,
            "added to bare Dramatiq": dramatiq.median - peers[1].median,
            "added to bare Celery": celery.median - peers[0].median,
        },
    )


def _submit(runs: int, server: PostgresServer, redis: RedisServer) -> Comparison:
    names = ("store", "local", "celery", "dramatiq")
    found = interleaved({name: functools.partial(submit_ms, name, server, redis) for name in names}, runs)
    store, local, celery, dramatiq = (
        Side(title, setup, found[name], "ms")
        for name, title, setup in (
            ("store", "the store's call alone", "one insert, committed, PostgreSQL"),
            ("local", "PFD, embedded runtime", "checked, stored, workers told by a Unix socket"),
            ("celery", "PFD on Celery", "checked, stored, woken by Redis"),
            ("dramatiq", "PFD on Dramatiq", "the same"),
        )
    )
    return Comparison(
        "A client's milliseconds for one call of submit, p50",
        "known",
        dramatiq,
        (celery, local, store),
        {
            "store": store.median,
            "own code (embedded less store)": local.median - store.median,
            "broker (Dramatiq less embedded)": dramatiq.median - local.median,
            "broker (Celery less embedded)": celery.median - local.median,
        },
    )


def _limit(runs: int, server: PostgresServer) -> Comparison:
    sides: dict[str, Callable[[], float]] = {
        str(number): functools.partial(store_rate, server, number) for number in CROWDS
    }
    found = interleaved(sides, runs)
    first, *others = (
        Side(f"{number} process{'es' * (number > 1)}", "the store's calls alone", found[str(number)], "jobs/s")
        for number in CROWDS
    )
    return Comparison(
        "Where the store is the limit: jobs a second that PostgreSQL takes",
        f"known; PostgreSQL, Redis and all workers share {os.cpu_count()} cores here",
        first,
        tuple(others),
        larger_is_better=True,
    )
