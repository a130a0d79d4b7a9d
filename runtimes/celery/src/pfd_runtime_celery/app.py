"""The Celery application: every task of PFD under its own name, none of them run by Celery's own machinery."""

from __future__ import annotations

from typing import Any

from celery import Celery
from celery import Task as CeleryTask
from kombu import Queue  # type: ignore[attr-defined]  # exported lazily

from pfd.errors import QueueError
from pfd.notify import Wakeup
from pfd.plugins import Registry
from pfd.runtimes.hosted import Guest
from pfd.runtimes.notifying import MARK, wakeup_queue
from pfd.settings import Settings
from pfd_runtime_celery.address import DEFAULT_QUEUE, broker_url, is_redis
from pfd_runtime_celery.listener import CeleryListener
from pfd_runtime_celery.transport import OwnPool

CLEAN_UP = "celery.backend_cleanup"
"""The one task of Celery's own that is served: it removes old results, and `celery beat` sends it."""

TIMEOUT = 2.0
"""Seconds that a broker may take to answer a client."""


class PfdTask(CeleryTask):  # type: ignore[misc]  # Celery carries no types
    """A task of PFD as Celery knows it: its messages go to the worker's message consumer, not to Celery's pool."""

    abstract = True
    typing = False
    ignore_result = False

    def run(self, *_: Any, **__: Any) -> Any:
        """What `apply()` calls, and a worker of another application."""
        raise QueueError(f"{self.name} is run by a worker of PFD and not by Celery", hint="use delay() or 'pfd submit'")


class PfdCelery(Celery):  # type: ignore[misc]
    """The application, and what its worker needs to know beside Celery's own settings.

    `pfd_guest` and `pfd_listener` are those of a worker that has begun before Celery was loaded; where they are None
    the worker begins with Celery's, and serves what that is told to.
    """

    amqp_cls = "pfd_runtime_celery.transport:ScreenedAMQP"
    pfd_settings: Settings
    pfd_registry: Registry
    pfd_guest: Guest | None = None
    pfd_listener: CeleryListener | None = None

    @property
    def pool(self) -> Any:
        """Connections to the broker."""
        if self._pool is None:
            self._pool: Any = OwnPool(self.connection_for_write(), self.conf.broker_pool_limit)  # type: ignore[no-untyped-call]
        return self._pool

    def close(self) -> None:
        """Let go of connections."""
        if self._pool is not None:
            self._pool.force_close_all()
        super().close()


def make_app(settings: Settings, registry: Registry) -> PfdCelery:
    """The application of a broker.  Raises `SettingsError` where the settings name none that can be used."""
    broker = broker_url(settings)
    backend = settings.result_backend or (broker if is_redis(broker) else None)
    app = PfdCelery("pfd", broker=broker, backend=backend, set_as_current=False)
    app.pfd_settings = settings
    app.pfd_registry = registry
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        result_serializer="json",
        task_default_queue=DEFAULT_QUEUE,
        task_queues=[_queue(name) for name in (*registry.queues, DEFAULT_QUEUE)],
        task_routes={task.name: {"queue": task.queue} for task in registry.tasks.values()},
        worker_pool="pfd_runtime_celery.pool:Pool",
        worker_consumer="pfd_runtime_celery.consumer:PfdConsumer",
        worker_prefetch_multiplier=8,  # of what clients ask for, which is only stored
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # for ever: jobs are found in the store meanwhile
        broker_channel_error_retry=True,  # a key of another type in the place of a queue is no reason to end
        broker_connection_timeout=TIMEOUT,
        broker_transport_options=_transport_options(broker),
        redis_socket_connect_timeout=TIMEOUT,
        redis_socket_timeout=TIMEOUT,
    )
    # Those that run whatever they are given, and those that stand for others, are not tasks of PFD.
    app.finalize()
    for name in [name for name in app.tasks if name != CLEAN_UP]:
        del app.tasks[name]
    for task in registry.tasks.values():
        app.register_task(type(task.name, (PfdTask,), {"name": task.name, "__doc__": task.summary})())
    return app


def _queue(name: str) -> Any:
    return Queue(name)  # type: ignore[no-untyped-call]


def _transport_options(url: str) -> dict[str, Any]:
    if is_redis(url):
        # Without the second a client would wait for ever for a broker that vanished without a word.
        return {"socket_connect_timeout": TIMEOUT, "socket_timeout": TIMEOUT, "max_retries": 0}
    return {"connect_timeout": TIMEOUT, "max_retries": 0}


def publish(app: Celery, wakeup: Wakeup) -> None:
    """Send a wakeup: a message under the name of the task and the id of the job, without parameters."""
    app.send_task(
        wakeup.task,
        task_id=wakeup.job_id,
        queue=wakeup_queue(wakeup.queue),
        headers={MARK: True},
        ignore_result=True,
        retry=False,
    )


def count(app: Celery, queue: str) -> int:
    """Wakeups of a queue that wait in the broker."""
    return waiting(app, wakeup_queue(queue))


def waiting(app: Celery, name: str) -> int:
    """Messages that wait in a queue of the broker."""
    with app.pool.acquire(block=True) as connection:
        channel = connection.default_channel
        if hasattr(channel, "_size"):  # Redis: counted without asking first whether there is such a queue
            return int(channel._size(name))  # noqa: SLF001  (what its `queue_declare` counts by)
        return int(channel.queue_declare(queue=name, durable=True, auto_delete=False).message_count)
