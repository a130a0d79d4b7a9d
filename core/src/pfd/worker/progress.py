"""Writing progress: the newest report of each running job, all of them in one transaction, by its own thread.

The threads that run jobs never wait for the store: they enforce limits and pass on a cancel.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pfd.errors import StaleClaim, StoreError
from pfd.job import Job
from pfd.store import Store, claims
from pfd.threads import LastingThread
from pfd.vitals import Alarm

log = logging.getLogger("pfd.worker")

PAUSE = 1.0
"""Seconds before another try where the store did not answer."""


@dataclass(frozen=True)
class Report:
    """How far a run is; `fraction` is None of one whose task has not been called yet.

    `refused` is called where its job is no longer that run's.
    """

    job: Job
    fraction: float | None
    status: str
    meta: dict[str, Any]
    refused: Callable[[], None]


class ProgressWriter:
    """Takes reports from any thread.  Of a job only the newest is kept until it is written."""

    def __init__(self, store: Store, alarm: Alarm) -> None:
        self._store = store
        self._alarm = alarm
        self._latest: dict[int, Report] = {}
        self._changed = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None

    def report(self, report: Report) -> None:
        """Have it written soon."""
        with self._changed:
            self._latest[report.job.seq] = report
            if self._thread is None:
                self._start()
            self._changed.notify()

    def _start(self) -> None:
        thread = LastingThread("pfd-progress-writer", self._run, self._alarm)
        try:
            thread.start()
        except RuntimeError as error:  # no thread is to be had: with the next report, then
            log.warning("progress is not stored yet: %s", error)
        else:
            self._thread = thread

    def forget(self, job: Job) -> None:
        """Write no more of a run that has ended: its last report is part of the end."""
        with self._changed:
            waiting = self._latest.get(job.seq)
            if waiting is not None and waiting.job.claim == job.claim:
                del self._latest[job.seq]

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._latest and not self._closed:
                    self._changed.wait()
                if self._closed:
                    return
                taken, self._latest = self._latest, {}
            try:
                self._write(taken)
            except StoreError as error:
                log.warning("progress is not stored yet: %s", error)
                with self._changed:
                    self._latest = {**taken, **self._latest}
                    self._changed.wait_for(lambda: self._closed, PAUSE)
            except Exception:  # a report that cannot be stored must not keep all later ones from it
                log.exception("progress of %d jobs is not stored", len(taken))

    def _write(self, reports: dict[int, Report]) -> None:
        refused = []
        with self._store.write() as connection:
            # In order of their numbers: PostgreSQL locks each row until the commit.
            for _, report in sorted(reports.items()):
                try:
                    if report.fraction is None:
                        claims.standing(connection, report.job, report.status)
                    else:
                        claims.progress(connection, report.job, report.fraction, report.status, report.meta)
                except StaleClaim:
                    refused.append(report)
        for report in refused:
            report.refused()
