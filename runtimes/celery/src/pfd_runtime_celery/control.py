"""Celery's own revoke, routed into the store: `AsyncResult.revoke()`, `celery control revoke`, Flower's button."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from celery.worker.control import Panel

from pfd.errors import StoreError
from pfd.events import publish_ended
from pfd.job import is_job_id
from pfd.runtimes.worker_host import WorkerHost
from pfd.store import jobs

log = logging.getLogger("pfd.runtimes")

MOST = 1000
"""Jobs that one command may cancel."""

_SERVED = frozenset(
    {
        *("ping", "clock", "conf", "report", "stats", "registered", "active", "reserved", "scheduled"),
        *("dump_conf", "dump_tasks", "dump_active", "dump_reserved", "dump_schedule", "dump_revoked"),
        *("query_task", "revoked", "active_queues", "enable_events", "disable_events", "heartbeat", "shutdown"),
    }
)
"""Commands that only tell of a worker, or end it.  The others would change, or look into, what Celery does not do
here: pools, limits, queues; and some of them take as long, or write as much, as whoever sends them likes."""


def take_over(host: WorkerHost) -> Callable[[], None]:
    """Make Celery's commands cancel jobs in this process, or refuse them; what is given back restores them.

    Each worker hears a command, and to cancel a job twice does nothing more; how it is ended is for the worker that
    runs it, so a signal that is asked for makes no difference.
    """
    before = dict(Panel.data)

    def revoke(state: Any, task_id: Any, **_: Any) -> dict[str, str]:  # noqa: ARG001  (Celery's shape)
        listed = [task_id] if isinstance(task_id, str) else task_id
        # It comes from whoever can write to the broker, and each takes a look into the store.
        ids = [one for one in listed if is_job_id(one)][:MOST] if isinstance(listed, list | tuple | set) else []
        found = [one for one in ids if _cancel(host, one)]
        return {"ok": f"jobs asked to stop: {', '.join(found) or 'none'}"}

    def terminate(state: Any, signal: str, task_id: Any, **_: Any) -> dict[str, str]:  # noqa: ARG001
        return revoke(state, task_id)

    Panel.data.update({name: _refusal(name) for name in before if name not in _SERVED})
    Panel.data.update(revoke=revoke, terminate=terminate)

    def restore() -> None:
        Panel.data.update(before)

    return restore


def _refusal(name: str) -> Callable[..., dict[str, str]]:
    def refuse(state: Any, **_: Any) -> dict[str, str]:  # noqa: ARG001  (Celery's shape)
        return {"error": f"{name}: is not served by a worker of PFD"}

    return refuse


def _cancel(host: WorkerHost, job_id: str) -> bool:
    try:
        with host.store.write() as connection:
            if jobs.find(connection, job_id) is None:
                return False
            _, ended = jobs.cancel(connection, job_id)
    except StoreError as error:
        log.warning("job %s cannot be cancelled for now: %s", job_id, error)
        return False
    publish_ended(host.app, ended)
    host.check_now()
    return True
