"""A worker of Celery, under `pfd worker`."""

from __future__ import annotations

import os
import socket
import warnings
from collections.abc import Callable

from celery.platforms import SecurityWarning
from celery.signals import setup_logging, worker_ready

from pfd.errors import QueueError
from pfd_runtime_celery.address import DEFAULT_QUEUE
from pfd_runtime_celery.app import PfdCelery


def _leave_logging(**_: object) -> None:
    """Heard by Celery instead of setting up logging of its own."""


def work(app: PfdCelery, queues: list[str], concurrency: int, ready: Callable[[], None]) -> None:
    """Be a worker of Celery until told to stop.  Raises what kept it from starting."""
    if set(app.pfd_registry.queues) <= set(queues):
        queues = [*queues, DEFAULT_QUEUE]  # what clients of bare Celery route nowhere

    def announce(**_: object) -> None:
        ready()

    worker_ready.connect(announce)
    setup_logging.connect(_leave_logging)
    try:
        with warnings.catch_warnings():
            # About root, who could be made to unpickle: nothing is unpickled here.
            warnings.simplefilter("ignore", SecurityWarning)
            worker = app.Worker(
                # Of one's own: two of one name would be refused their mailbox on RabbitMQ.
                hostname=f"pfd-{os.getpid()}@{socket.gethostname()}",
                concurrency=concurrency,
                queues=queues,
                quiet=True,
                without_gossip=True,
                without_mingle=True,
            )
        worker.start()
    finally:
        worker_ready.disconnect(announce)
        setup_logging.disconnect(_leave_logging)
    if worker.exitcode:
        raise QueueError(f"the worker of Celery ended with code {worker.exitcode}")
