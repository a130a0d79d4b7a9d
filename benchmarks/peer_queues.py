"""The peers with a broker: bare Celery and bare Dramatiq on Redis, results kept there.

One of the two is set up when this module is imported: `PEER=celery` or `PEER=dramatiq`, on `PEER_URL`.  A job gives
back when it ran, and a CPU-bound one burns so many milliseconds of processor time.
"""

from __future__ import annotations

import os
import time
from typing import Any

PEER = os.environ.get("PEER", "celery")
URL = os.environ.get("PEER_URL", "redis://127.0.0.1:6379/0")


def burn(milliseconds: float) -> float:
    """Use so much processor time; when that began."""
    began = time.time()
    until = time.process_time() + milliseconds / 1000
    while time.process_time() < until:
        pass
    return began


if PEER == "celery":
    from celery import Celery

    app = Celery("peer", broker=URL, backend=URL, set_as_current=False)
    app.conf.broker_connection_retry_on_startup = True

    @app.task(name="noop")  # type: ignore[untyped-decorator]  # Celery carries no types
    def noop() -> float:
        return time.time()

    @app.task(name="work")  # type: ignore[untyped-decorator]
    def work(milliseconds: float) -> float:
        return burn(milliseconds)

    def send(name: str, *args: Any) -> Any:
        return app.send_task(name, args=args)

    def moment(sent: Any) -> float:
        return float(sent.get(timeout=300, interval=0.001))

else:
    import dramatiq
    from dramatiq.brokers.redis import RedisBroker
    from dramatiq.results import Results
    from dramatiq.results.backends import RedisBackend

    broker = RedisBroker(url=URL)  # type: ignore[no-untyped-call]
    backend = RedisBackend(url=URL)
    results = Results(backend=backend, store_results=True)  # type: ignore[no-untyped-call]
    broker.add_middleware(results)
    dramatiq.set_broker(broker)

    @dramatiq.actor(actor_name="noop")
    def noop() -> float:
        return time.time()

    @dramatiq.actor(actor_name="work")
    def work(milliseconds: float) -> float:
        return burn(milliseconds)

    def send(name: str, *args: Any) -> Any:
        return broker.get_actor(name).send(*args)

    def moment(sent: Any) -> float:
        return float(sent.get_result(backend=backend, block=True, timeout=300_000))


def rate(jobs: int, name: str, *args: Any) -> float:
    """Fill the queue, say so, and wait; jobs a second between the first and the last, by their own clocks."""
    sent = [send(name, *args) for _ in range(jobs)]
    print("filled", flush=True)
    moments = [moment(one) for one in sent]
    return (len(moments) - 1) / (max(moments) - min(moments))


def waits(jobs: int) -> list[float]:
    """Seconds from sending a job to its start, one job after the other."""
    found = []
    for _ in range(jobs):
        began = time.time()
        found.append(moment(send("noop")) - began)
        time.sleep(0.02)
    return found
