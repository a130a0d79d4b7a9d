"""Shows the jobs of a worker to Celery's tools: Flower and other listeners to events, and `celery inspect`."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

from pfd.hooks import EventKind, JobEvent, hookimpl

_ENDS = {
    EventKind.SUCCESS: "task-succeeded",
    EventKind.FAILURE: "task-failed",
    EventKind.REVOKED: "task-revoked",
    EventKind.RETRY: "task-retried",
}

MOST_SHOWN = 1024
"""Characters of the parameters of a job that an event carries, as of Celery's own."""


class SeenJob:
    """A running job as Celery's worker state holds it."""

    def __init__(self, event: JobEvent, listener: CeleryListener) -> None:
        self._listener = listener
        self.id = event.job_id
        self.name = event.task
        self.began = time.monotonic()
        self.time_start = time.time()
        self.worker_pid = os.getpid()
        self.delivery_info = {"routing_key": event.queue}
        self.args: tuple[()] = ()
        self.kwargs: dict[str, Any] = event.job.params if event.job is not None else {}

    @property
    def hostname(self) -> str:
        consumer = self._listener.consumer
        return str(consumer.hostname) if consumer else ""

    @property
    def shown_parameters(self) -> str:
        """The parameters as Celery's tools show them: of long ones the beginning."""
        from celery.utils.saferepr import saferepr

        return str(saferepr(self.kwargs, maxlen=MOST_SHOWN))

    def info(self, safe: bool = False) -> dict[str, Any]:
        """What `celery inspect active` shows."""
        return {
            "id": self.id,
            "name": self.name,
            "args": [],
            "kwargs": self.shown_parameters if safe else self.kwargs,
            "type": self.name,
            "hostname": self.hostname,
            "time_start": self.time_start,
            "acknowledged": True,
            "delivery_info": self.delivery_info,
            "worker_pid": self.worker_pid,
        }


class CeleryListener:
    """Hears what becomes of jobs, and says it in Celery's events, where anybody listens."""

    def __init__(self) -> None:
        self.consumer: Any = None
        self._state: Any = None
        self._running: dict[str, SeenJob] = {}
        self._changing = threading.Lock()

    def show(self) -> None:
        """Celery is loaded: from here on its worker shows what runs."""
        from celery.worker import state

        with self._changing:
            self._state = state
            for seen in self._running.values():
                state.task_accepted(seen)

    @hookimpl
    def pfd_job_event(self, event: JobEvent) -> None:
        """See a change of a job."""
        if event.kind == EventKind.CLAIMED:
            seen = SeenJob(event, self)
            with self._changing:
                self._running[event.job_id] = seen
                if self._state is not None:
                    self._state.task_accepted(seen)
            if self._is_heard:
                self._send("task-received", event, args="()", kwargs=seen.shown_parameters)
                self._send("task-started", event)
        elif event.kind != EventKind.SUBMITTED:
            with self._changing:
                found = self._running.pop(event.job_id, None)
                if found is not None and self._state is not None:
                    self._state.task_ready(found)
            if event.kind in _ENDS and self._is_heard:
                self._send(_ENDS[event.kind], event, **self._details(event, found))

    @staticmethod
    def _details(event: JobEvent, seen: SeenJob | None) -> dict[str, Any]:
        if event.kind == EventKind.SUCCESS:
            runtime = time.monotonic() - seen.began if seen else 0.0
            return {"result": event.result or "", "runtime": runtime}
        if event.kind == EventKind.REVOKED:
            return {"terminated": seen is not None, "signum": None, "expired": False}
        failure = event.failure
        text = f"{failure.type}: {failure.message}" if failure else ""
        return {"exception": text, "traceback": failure.traceback if failure else ""}

    @property
    def _is_heard(self) -> bool:
        """Whether anybody has asked for events."""
        dispatcher = self.consumer.event_dispatcher if self.consumer else None
        return dispatcher is not None and bool(dispatcher.enabled)

    def _send(self, kind: str, event: JobEvent, **fields: Any) -> None:
        dispatcher = self.consumer.event_dispatcher
        # In the event loop: the dispatcher's connection is not to be shared by threads.
        self.consumer.pool.messages.call(lambda: dispatcher.send(kind, uuid=event.job_id, name=event.task, **fields))
