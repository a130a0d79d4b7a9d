"""Celery's own revoke, routed into the store: `AsyncResult.revoke()`, `celery control revoke`, Flower's button."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from celery.worker.control import Panel

from pfd.errors import StoreError
from pfd.execution import tell
from pfd.runtimes.service import Service
from pfd.store import jobs

log = logging.getLogger("pfd.runtimes")

_COMMANDS = ("revoke", "terminate")


def take_over(service: Service) -> Callable[[], None]:
    """Make Celery's commands cancel jobs in this process; what is given back restores them.

    Each worker hears a command, and to cancel a job twice does nothing more; how it is ended is for the worker that
    runs it, so a signal that is asked for makes no difference.
    """
    before = {name: Panel.data[name] for name in _COMMANDS}

    def revoke(state: Any, task_id: str | list[str], **_: Any) -> dict[str, str]:  # noqa: ARG001  (Celery's shape)
        found = [one for one in ([task_id] if isinstance(task_id, str) else task_id) if _cancel(service, one)]
        return {"ok": f"jobs asked to stop: {', '.join(found) or 'none'}"}

    def terminate(state: Any, signal: str, task_id: str | list[str], **_: Any) -> dict[str, str]:  # noqa: ARG001
        return revoke(state, task_id)

    Panel.data.update(revoke=revoke, terminate=terminate)

    def restore() -> None:
        Panel.data.update(before)

    return restore


def _cancel(service: Service, job_id: str) -> bool:
    try:
        with service.store.write() as connection:
            if jobs.find(connection, job_id) is None:
                return False
            _, ended = jobs.cancel(connection, job_id)
    except StoreError as error:
        log.warning("job %s cannot be cancelled for now: %s", job_id, error)
        return False
    tell(service.registry, service.store, service.settings, ended)
    service.look()
    return True
