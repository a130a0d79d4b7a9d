"""Dramatiq's own Prometheus metrics, counting jobs where they would count messages.

A message is only a wakeup: it takes no time, and many a job needs none.
"""

from __future__ import annotations

from typing import Any

from dramatiq import Broker, Message, MessageProxy
from dramatiq.middleware.prometheus import Prometheus

from pfd.hooks import EventKind, JobEvent, hookimpl

_ENDS = frozenset(EventKind) - {EventKind.SUBMITTED, EventKind.CLAIMED}


class JobMetrics(Prometheus):
    """Hears what becomes of jobs, and shows it under the names that dashboards for Dramatiq know."""

    def __init__(self) -> None:
        super().__init__()
        self._running: dict[str, MessageProxy] = {}
        self._broker: Broker | None = None

    def after_process_boot(self, broker: Broker) -> None:
        self._broker = broker
        super().after_process_boot(broker)

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        """A wakeup: not counted."""

    def after_process_message(
        self, broker: Broker, message: MessageProxy, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        """A wakeup: not counted."""

    after_skip_message = after_process_message

    @hookimpl
    def pfd_job_event(self, event: JobEvent) -> None:
        """See a change of a job."""
        if self._broker is None:
            return  # no process of Dramatiq's own has made the metrics
        if event.kind == EventKind.CLAIMED:
            message = Message[Any](event.queue, event.task, (), {}, {}, message_id=event.job_id)
            self._running[event.job_id] = MessageProxy(message)
            super().before_process_message(self._broker, self._running[event.job_id])
        elif event.kind in _ENDS and (proxy := self._running.pop(event.job_id, None)) is not None:
            failed = RuntimeError(event.kind) if event.kind != EventKind.SUCCESS else None
            super().after_process_message(self._broker, proxy, exception=failed)
