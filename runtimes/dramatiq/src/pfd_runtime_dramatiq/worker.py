"""A worker of Dramatiq, under `pfd worker`."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

import dramatiq
import pika.exceptions
import redis
from dramatiq.errors import BrokerError

from pfd.runtimes.notifying import wakeup_queue
from pfd.runtimes.worker_host import BROKER_PATIENCE
from pfd_runtime_dramatiq.broker import PfdBroker

log = logging.getLogger("pfd.runtimes")

ERRORS = (BrokerError, redis.RedisError, pika.exceptions.AMQPError, OSError)

CONSUMER_THREADS = 2
"""Threads that take messages: each takes a moment."""


def make_worker(broker: PfdBroker, queues: Sequence[str]) -> dramatiq.Worker:
    """A worker for some queues, not started."""
    worker = dramatiq.Worker(broker, queues=set(queues), worker_threads=CONSUMER_THREADS)
    listen_for_wakeups(broker, worker, queues)
    return worker


def listen_for_wakeups(broker: PfdBroker, worker: dramatiq.Worker, queues: Sequence[str]) -> None:
    """Have a worker that has not booted yet consume the wakeups of some queues, beside the requests of clients."""
    for name in queues:
        for declared in (name, wakeup_queue(name)):
            broker.declare_queue(declared)
            if worker.consumer_whitelist:
                worker.consumer_whitelist.add(declared)


def close(worker: dramatiq.Worker, broker: PfdBroker) -> None:
    """Stop a worker and let go of its broker, or go on without that where the broker does not answer."""
    closing = threading.Thread(target=_close, args=(worker, broker), name="pfd-close", daemon=True)
    closing.start()
    closing.join(BROKER_PATIENCE)
    if closing.is_alive():
        log.warning("the broker does not answer; this worker ends without it")


def _close(worker: dramatiq.Worker, broker: PfdBroker) -> None:
    try:
        worker.stop()
        broker.close()
    except ERRORS as error:
        log.warning("the broker was not let go of in good order: %s", error)
