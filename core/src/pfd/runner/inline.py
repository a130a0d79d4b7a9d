"""Running a job in the worker's own interpreter: short pure-Python work, and everything on the eager runtime."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pfd.app import App
from pfd.context import TaskContext
from pfd.errors import StopReason
from pfd.job import Job
from pfd.logs.job_logger import JobLogger
from pfd.logs.log_file import LogFile
from pfd.runner.call import Outcome, OutcomeKind, call
from pfd.task import Task


class InlineRun:
    """One run of a job in this interpreter.  It stops only where the task asks whether it should."""

    def __init__(
        self,
        app: App,
        job: Job,
        task: Task,
        on_progress: Callable[[float, str, dict[str, Any]], None],
    ) -> None:
        self._app = app
        self._job = job
        self._on_progress = on_progress
        self._reason: StopReason | None = None
        limits = [
            job.options.get("soft_time_limit", task.soft_time_limit),
            job.options.get("time_limit", task.time_limit),
        ]
        known = [limit for limit in limits if limit is not None]
        self._stop_at = time.monotonic() + min(known) if known else None

    def stop(self, reason: StopReason) -> None:
        """Ask the task to stop, from any thread."""
        self._reason = self._reason or reason

    def run(self) -> Outcome:
        """Run to the end; blocks."""
        with LogFile(self._app.settings, self._job) as logfile:
            context = TaskContext(
                self._job,
                self._app.settings,
                send=lambda fraction, status, meta: self._on_progress(fraction, status, dict(meta)),
                log=JobLogger(self._job.task, _ToLog(logfile)),
                stopping=self._stopping,
                registry=self._app.registry,
                store=lambda: self._app.store,
                runtime=self._app.runtime,
            )
            outcome = call(self._app.registry, self._job, context)
        if self._reason is StopReason.STALE:
            return Outcome(OutcomeKind.STALE)
        if outcome.kind is OutcomeKind.STOPPED and self._reason is not None:
            return replace(outcome, stopped_for=self._reason)  # in whatever words the task has answered
        return outcome

    def _stopping(self) -> str | None:
        if self._reason is None and self._stop_at is not None and time.monotonic() >= self._stop_at:
            self._reason = StopReason.TIME_LIMIT
        return self._reason


class _ToLog(logging.Handler):
    def __init__(self, logfile: LogFile) -> None:
        super().__init__()
        self._logfile = logfile

    def emit(self, record: logging.LogRecord) -> None:
        self._logfile.write(self.format(record).encode(errors="replace") + b"\n")
