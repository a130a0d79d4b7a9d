"""A flood of mutated messages on each broker: how fast it is gone, and how long a good job takes meanwhile and after.

The messages are those of `tests/support/foreign.py`.  Some of them are good enough to become jobs, which run.
"""

from __future__ import annotations

import contextlib
import os
import random
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from benchmarks.environment import postgres_server
from benchmarks.measure import Comparison, Side
from tests.support.brokers import RabbitServer, RedisServer, find_rabbit, find_redis
from tests.support.senders import QUEUE, SENDERS, Sender

MESSAGES = 20_000
PATIENCE = 120.0


@contextlib.contextmanager
def _sender(name: str) -> Iterator[Sender]:
    from pfd_contract import LocalSite, contract_settings
    from pfd_contract.plugins import CONTRACT, write_plugins

    runtime, kind, _ = name.split("-")
    program = find_redis() if kind == "redis" else find_rabbit()
    if program is None:
        raise SystemExit(f"no program of {kind} found")
    broker: RedisServer | RabbitServer = RedisServer(program) if kind == "redis" else RabbitServer(program)
    folder = Path(tempfile.mkdtemp(prefix="pfd-foreign-"))
    plugins = folder / "plugins"
    write_plugins(plugins, CONTRACT)
    sys.path.insert(0, str(plugins))
    os.environ["PYTHONPATH"] = str(plugins)
    try:
        with postgres_server() as server:
            server.execute("CREATE DATABASE foreign_messages")
            url = broker.url(0) if isinstance(broker, RedisServer) else broker.url("foreign")
            given = {"runtime": runtime, "broker_url": url, "database_url": server.url("foreign_messages")}
            # Only its command line is another than that of the embedded runtime, and that follows from the settings.
            site = LocalSite(contract_settings(folder / "home", lease=15.0, **given))
            with site.worker(slots=2):
                found = SENDERS[name](site)
                _run(found)
                yield found
            found.close()
    finally:
        broker.stop()
        sys.path.remove(str(plugins))


def _run(sender: Sender) -> float:
    """Seconds from a good message of a client to the end of its job."""
    from pfd import State, UnknownJob

    job_id, began = str(uuid.uuid4()), time.monotonic()
    sender.good(job_id)
    while time.monotonic() - began < PATIENCE:
        with contextlib.suppress(UnknownJob):
            if sender.site.dispatcher.job(job_id).state is State.SUCCESS:
                return time.monotonic() - began
        time.sleep(0.005)
    raise SystemExit(f"a good message was not a job within {PATIENCE:g} s:\n{sender.site.programs[0].printed[-4000:]}")


def measure_one(name: str) -> tuple[float, float, float]:
    """Seconds of a job submitted by PFD during the flood, of the whole flood, and of a good message after it."""
    with _sender(name) as sender:
        rng, began, meanwhile = random.Random(20), time.monotonic(), 0.0
        for number in range(MESSAGES):
            sender.foreign(rng, QUEUE if rng.random() < 0.9 else f"pfd.{QUEUE}")
            if number == MESSAGES // 2:
                submitted = time.monotonic()
                assert sender.site.run("noop").state == "SUCCESS"
                meanwhile = time.monotonic() - submitted
        _run(sender)  # which stands behind all of them
        whole = time.monotonic() - began
        after = _run(sender)
        [program] = sender.site.programs
        assert sender.site.is_ready(program), program.printed
    return meanwhile, whole, after


def measure(runs: int) -> list[Comparison]:
    """Each runtime on each broker."""
    found = {name.removesuffix("-postgres"): measure_one(name) for name in SENDERS}
    told = (
        ("a job that PFD submits meanwhile", "within 5 s", 0),
        (f"all {MESSAGES} messages and a good one behind them, from the first that was sent", "the worker lives", 1),
        ("a good message after that", "within 5 s", 2),
    )
    comparisons = []
    for what, goal, index in told:
        first, *others = (Side(name, "2 slots, PostgreSQL", (times[index],), "s") for name, times in found.items())
        comparisons.append(Comparison(f"A flood of mutated messages: {what}", goal, first, tuple(others)))
    return comparisons
