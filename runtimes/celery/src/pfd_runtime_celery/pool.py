"""A worker of PFD in the place where Celery has its pool of processes.

Celery keeps what it is good at: the broker, remote control, heartbeats, events.  Jobs are claimed from the store and
run by PFD, as on any other runtime.  The pool starts before Celery connects to its broker and ends after it has let go
of it, so that jobs run on, and are found, while the broker is away.
"""

from __future__ import annotations

import os
from typing import Any

from celery.concurrency.base import BasePool

from pfd.runtimes.hosted import Guest
from pfd_runtime_celery.address import DEFAULT_QUEUE
from pfd_runtime_celery.app import PfdCelery
from pfd_runtime_celery.control import take_over
from pfd_runtime_celery.listener import CeleryListener
from pfd_runtime_celery.message_consumer import MessageConsumer
from pfd_runtime_celery.mirror import Mirror
from pfd_runtime_celery.runtime import CeleryRuntime
from pfd_runtime_celery.transport import read_any_properties, refuse_compression, spare_the_log


class Pool(BasePool):  # type: ignore[misc]  # Celery carries no types
    """As many slots as Celery was told to have concurrency."""

    body_can_be_buffer = True
    app: PfdCelery

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._guest = self.app.pfd_guest or Guest("celery")

    def on_start(self) -> None:
        settings, registry = self.app.pfd_settings, self.app.pfd_registry
        if self.app.pfd_listener is not None:
            self.listener = self.app.pfd_listener
        else:
            self.listener = CeleryListener()
            registry.listen("celery", self.listener)
        self.listener.show()
        self._runtime = CeleryRuntime(settings, self.app)
        self.host = self._guest.host or self._guest.begin(settings, registry, self._slots())
        self._mirror = Mirror(self.app, self.host.store, self.host.alarm)
        self.messages = MessageConsumer(self.host, self._mirror.wake)
        self._mirror.start()
        self._restore = (take_over(self.host), refuse_compression(), read_any_properties(), spare_the_log())
        # Celery's event loop may sleep for a second, and what its worker does at SIGINT and SIGHUP is another thing.
        self._guest.settle(
            self._runtime, self.messages.open, self._let_go, wake=lambda: self.messages.call(lambda: None)
        )
        self.messages.start()

    def _slots(self) -> dict[str, int]:
        served = [name for name in self.app.amqp.queues.consume_from if name != DEFAULT_QUEUE]
        return {",".join(served or self.app.pfd_registry.queues): self.limit}

    def register_with_event_loop(self, loop: Any) -> None:
        """A connection to the broker is there, perhaps after another was lost."""
        self.messages.attach(loop)

    def on_stop(self) -> None:
        """Let running jobs end for a while; a second signal hands them back at once."""
        self._guest.end()

    def on_terminate(self) -> None:
        """A cold shutdown: requeue what runs."""
        self._guest.end(hurry=True)

    def _let_go(self) -> None:
        self.messages.stop()
        self.host.requeue()
        self._mirror.stop()
        self.host.stop()
        self._runtime.close()
        for restore in self._restore:  # last: Celery may read to its end
            restore()

    def _get_info(self) -> dict[str, Any]:
        worker = self.host.worker
        return {
            **super()._get_info(),
            "processes": [os.getpid()],
            "slots": self.host.slots,
            "busy": worker.busy if worker else 0,
        }
