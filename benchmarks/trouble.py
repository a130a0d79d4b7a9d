"""What becomes of a job in trouble on Celery and on Dramatiq, and how the number of workers tells."""

from __future__ import annotations

import functools
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import psutil

from benchmarks.broker_sites import ended, pfd_site, pfd_worker, pfd_workers, rate_of, servers
from benchmarks.environment import processes
from benchmarks.measure import Comparison, Side, interleaved
from tests.support.brokers import RedisServer
from tests.support.servers import PostgresServer

CPU_JOBS, CPU_MS = 60, 50.0
GRACE = 1.0


def recovery(runtime: str, server: PostgresServer, redis: RedisServer) -> float:
    """Seconds from kill -9 of a worker to the next run of its job, with the default settings."""
    with pfd_site(runtime, server, redis) as dispatcher, pfd_workers(dispatcher, runtime) as workers:
        handle = dispatcher.submit("loop", {"turns": 2_000_000_000, "reports": 1.0})
        first = _claim(dispatcher, handle.id)
        [info] = [info for info in dispatcher.workers() if info.id == first.engine]
        owner = int(info.name.rpartition(":")[2])
        [worker] = [one for one in workers if owner in _tree(one.pid)]
        os.killpg(worker.pid, signal.SIGKILL)
        killed = time.time()
        second = _claim(dispatcher, handle.id, 1)
        dispatcher.cancel(handle.id)
        handle.wait(60)
        return float(second.claimed_at - killed)


def cancelling(runtime: str, server: PostgresServer, redis: RedisServer) -> float:
    """Seconds beyond the grace period from cancel to the end of a job that sleeps in C code."""
    with (
        pfd_site(runtime, server, redis, PFD_GRACE=str(GRACE)) as dispatcher,
        pfd_workers(dispatcher, runtime),
    ):
        handle = dispatcher.submit("deaf")
        _claim(dispatcher, handle.id)
        time.sleep(1.0)
        asked = time.time()
        dispatcher.cancel(handle.id)
        return float(handle.wait(60).ended_at - asked - GRACE)


def _claim(dispatcher: Any, job_id: str, number: int = 0) -> Any:
    while len(claims := dispatcher.claims(job_id)) <= number:
        time.sleep(0.01)
    return claims[number]


def _tree(pid: int) -> set[int]:
    return {pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))}


def scaling(runtime: str, number: int, server: PostgresServer, redis: RedisServer) -> float:
    """Jobs of 50 ms of processor time a second, with so many workers of one slot."""
    with pfd_site(runtime, server, redis) as dispatcher:
        for _ in range(CPU_JOBS):
            dispatcher.submit("burn", {"milliseconds": CPU_MS})
        with processes(*[pfd_worker(runtime)] * number):
            return rate_of(ended(dispatcher, CPU_JOBS))


def measure(runs: int) -> list[Comparison]:
    with servers() as (server, redis):
        return [*_trouble(runs, server, redis), _scaling(runs, server, redis)]


def _trouble(runs: int, server: PostgresServer, redis: RedisServer) -> list[Comparison]:
    names = ("celery", "dramatiq")
    sides = {f"again {name}": functools.partial(recovery, name, server, redis) for name in names}
    sides |= {f"cancel {name}": functools.partial(cancelling, name, server, redis) for name in names}
    found = interleaved(sides, runs)
    return [
        Comparison(
            "From kill -9 of a worker to the next run of its job, default settings",
            "≤ 15 s; bare: never on Celery, 70–1100 s on Dramatiq",
            Side("PFD on Celery", "another worker on the machine", found["again celery"], "s"),
            (Side("PFD on Dramatiq", "the same", found["again dramatiq"], "s"),),
        ),
        Comparison(
            "From cancel of a job in C code to its end, beyond the grace period",
            "≤ 1 s; bare: not possible",
            Side("PFD on Celery", f"grace {GRACE:g} s", found["cancel celery"], "s"),
            (Side("PFD on Dramatiq", "the same", found["cancel dramatiq"], "s"),),
        ),
    ]


def _scaling(runs: int, server: PostgresServer, redis: RedisServer) -> Comparison:
    sides: dict[str, Callable[[], float]] = {
        f"{runtime} {number}": functools.partial(scaling, runtime, number, server, redis)
        for runtime in ("celery", "dramatiq")
        for number in (1, 2, 4)
    }
    found = interleaved(sides, runs)
    first, *others = (Side(f"PFD on {name}", "workers of one slot", values, "jobs/s") for name, values in found.items())
    return Comparison(
        f"Jobs of {CPU_MS:g} ms of processor time a second, 1, 2 and 4 workers",
        f"grows with the cores, of which there are {os.cpu_count()}",
        first,
        tuple(others),
        larger_is_better=True,
    )
