"""Shows the jobs of a worker to Celery's tools: Flower and other listeners to events, and `celery inspect`."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

from pfd.hooks import JobEvent, hookimpl

_ENDS = {"success": "task-succeeded", "failure": "task-failed", "revoked": "task-revoked", "retry": "task-retried"}


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
        self.kwargs: dict[str, Any] = {}

    @property
    def hostname(self) -> str:
        consumer = self._listener.consumer
        return str(consumer.hostname) if consumer else ""

    def info(self, safe: bool = False) -> dict[str, Any]:  # noqa: ARG002  (Celery's shape)
        """What `celery inspect active` shows."""
        return {
            "id": self.id,
            "name": self.name,
            "args": [],
            "kwargs": {},
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
        if event.kind == "claimed":
            seen = SeenJob(event, self)
            with self._changing:
                self._running[event.job_id] = seen
                if self._state is not None:
                    self._state.task_accepted(seen)
            self._send("task-received", event, args="()", kwargs="{}")
            self._send("task-started", event)
        elif event.kind != "submitted":
            with self._changing:
                found = self._running.pop(event.job_id, None)
                if found is not None and self._state is not None:
                    self._state.task_ready(found)
            if event.kind in _ENDS:
                self._send(_ENDS[event.kind], event, **self._details(event, found))

    @staticmethod
    def _details(event: JobEvent, seen: SeenJob | None) -> dict[str, Any]:
        if event.kind == "success":
            runtime = time.monotonic() - seen.began if seen else 0.0
            return {"result": event.result or "", "runtime": runtime}
        if event.kind == "revoked":
            return {"terminated": seen is not None, "signum": None, "expired": False}
        failure = event.failure
        text = f"{failure.type}: {failure.message}" if failure else ""
        return {"exception": text, "traceback": failure.traceback if failure else ""}

    def _send(self, kind: str, event: JobEvent, **fields: Any) -> None:
        dispatcher = self.consumer.event_dispatcher if self.consumer else None
        if dispatcher is not None and dispatcher.enabled:
            # In the event loop: the dispatcher's connection is not to be shared by threads.
            self.consumer.pool.door.call(lambda: dispatcher.send(kind, uuid=event.job_id, name=event.task, **fields))
