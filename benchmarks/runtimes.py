"""PFD on Celery and on Dramatiq beside both bare: how many jobs a second, and how soon a job begins."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.metadata import version

from benchmarks.broker_sites import bare, pfd_rate, pfd_site, pfd_workers, servers
from benchmarks.measure import Comparison, Side, interleaved, percentile
from tests.support.brokers import RedisServer
from tests.support.servers import PostgresServer

JOBS = 3000
LATENCIES = 200


def pfd_waits(runtime: str, server: PostgresServer, redis: RedisServer) -> list[float]:
    """Seconds from submit to the start of the task, workers idle."""
    with pfd_site(runtime, server, redis) as dispatcher, pfd_workers(dispatcher, runtime):
        found = []
        for _ in range(LATENCIES):
            began = time.time()
            found.append(dispatcher.submit("noop").get(60)["at"] - began)
            time.sleep(0.02)
        return found


def measure(runs: int) -> list[Comparison]:
    with servers() as (server, redis):
        return [_throughput(runs, server, redis), *_latency(runs, server, redis)]


def _throughput(runs: int, server: PostgresServer, redis: RedisServer) -> Comparison:
    call = f"rate({JOBS}, 'noop')"
    found = interleaved(
        {
            "pfd-celery": lambda: pfd_rate("celery", server, redis, JOBS),
            "pfd-dramatiq": lambda: pfd_rate("dramatiq", server, redis, JOBS),
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
