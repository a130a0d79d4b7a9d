"""What a running task is given."""

from __future__ import annotations

import contextlib
import functools
import logging
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsInt, TypeVar

from pfd.artifacts import ArtifactFolder, job_folder, write_json
from pfd.errors import CancelRequested, ParameterError, PluginError, StoreUnavailable, shown
from pfd.job import Job
from pfd.reporter import Reporter, Send
from pfd.settings import Settings
from pfd.store.retrying import retrying
from pfd.stored import home_relative

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection
    from sqlalchemy.orm import Session

    from pfd.notify import Notifier
    from pfd.plugins import Registry
    from pfd.series.reader import Point
    from pfd.series.writer import SeriesWriter
    from pfd.store import Store, Submitted
    from pfd.views import Figure, Table

SESSION_SECONDS = 10.0
"""A session held longer than this keeps every other writer of a SQLite store waiting; it is rolled back."""

WAIT_FIRST, WAIT_MOST = 0.02, 0.5
"""Seconds between looks for children that have ended."""

COORDINATE = (
    "declare it with coordinator=True (and isolation='process'), and let children do what needs a slot or a device"
)

running: ContextVar[TaskContext | None] = ContextVar("pfd_running", default=None)
"""What the task is given that this thread runs, where it runs one."""

T = TypeVar("T")


class TaskContext:
    """Given to each task as its second argument.

    Attributes
    ----------
    job_id, task : what is being run.
    attempt : 1 for the first attempt; losses of a worker do not count.
    claim : number of this run, never used again.
    settings : the settings of the worker.
    log : a logger whose lines end up in the job's log.
    """

    def __init__(
        self,
        job: Job,
        settings: Settings,
        *,
        send: Send,
        log: logging.Logger,
        stopping: Callable[[], str | None],
        registry: Registry,
        store: Callable[[], Store],
        runtime: Notifier,
    ) -> None:
        self.job_id = job.id
        self.task = job.task
        self.attempt = job.attempt
        self.claim = job.claim or 0
        self.settings = settings
        self.log = log
        self.reporter = Reporter(send)
        self._job = job
        self._stopping = stopping
        self._registry = registry
        self._store = store
        self._runtime = runtime
        self._warned = False

    @functools.cached_property
    def _folder(self) -> ArtifactFolder:
        return ArtifactFolder(self.settings.home, self.job_id, self.claim)

    @property
    def threads(self) -> int:
        """How many CPU threads the task may compute with: its fair share of the cores, as the worker has set it."""
        given = os.environ.get("OMP_NUM_THREADS", "")
        if given.isdecimal() and self._registry.task(self.task).isolation == "process":
            return max(1, int(given))
        return 1  # beside the other slots of its worker, whose own variables say nothing of it

    def progress(self, fraction: float, status: str = "", **meta: Any) -> None:
        """Report how far the task is: `fraction` from 0 to 1, a line for people, and whatever else is worth knowing.

        Cheap enough for the innermost loop.  It never goes back within an attempt.  A long status is cut.  For what is
        no fraction the nearest is taken, and the log says so once: hours of work are not to fail by a slip.

        Raises
        ------
        ParameterError : more than 64 KiB of JSON beside the status; the largest field is named.
        """
        try:
            share = float(fraction)
        except (TypeError, ValueError, OverflowError):
            share = math.nan
        if not 0.0 <= share <= 1.0:
            self._warn_of(fraction)
            share = 0.0 if math.isnan(share) else min(max(share, 0.0), 1.0)
        self.reporter.report(share, str(status), meta)

    def _warn_of(self, fraction: object) -> None:
        if not self._warned:
            self._warned = True
            self.log.warning(
                "progress %s is not between 0 and 1: 50 of 100 is 0.5; the nearest is shown", shown(fraction)
            )

    def check_cancelled(self) -> None:
        """Raise `CancelRequested` where the job is to stop.

        A task in its own process is interrupted by itself; an inline one stops only here.
        """
        if reason := self._stopping():
            raise CancelRequested(reason)

    def record(self, series: str, step: SupportsInt, **values: Any) -> None:
        """Add a point to a series: losses by epoch, the best value by trial.

        It can be read while the task runs (`Dispatcher.series`, `pfd open`), and stays however the job ends.  A call
        takes some microseconds; the disk is written to ten times a second.  A run that begins anew at an earlier step
        takes back what an earlier run of the job recorded from there on.

        Parameters
        ----------
        series : a name of letters, digits and `_ . / -`.
        step : a whole number from 0 on.
        values : numbers by name, of Python, NumPy or torch; NaN and infinities become gaps.

        Raises
        ------
        ParameterError : one of these is not as it has to be; it is named.
        """
        self._series.record(series, step, values)

    @functools.cached_property
    def _series(self) -> SeriesWriter:
        from pfd.series.writer import SeriesWriter, series_path

        return SeriesWriter(series_path(job_folder(self.settings.home, "logs", self.job_id), self.claim), self.log)

    def close(self) -> None:
        """Write what is left of the series; called once the task has ended."""
        if "_series" in vars(self):
            self._series.close()

    def artifact(self, name: str) -> Path:
        """The path to write an artifact to, inside this run's folder.  Published when the job succeeds."""
        return self._folder.file(name)

    def write_json(self, name: str, value: Any, *, indent: int | None = 2) -> Path:
        """Write an artifact as JSON, whole or not at all; its path.  Raises `ValueError` for NaN and infinities."""
        path = self.artifact(name)
        write_json(path, value, indent=indent)
        return path

    def home_relative(self, path: Path) -> str:
        """The path of a file below PFD_HOME as a row keeps it.  Raises `ArtifactError` for one that lies elsewhere."""
        return home_relative(self.settings.home, path)

    def unpublishable(self) -> list[str]:
        """Names of files that the task has left, and that nobody will find among its artifacts."""
        return self._folder.unpublishable() if "_folder" in vars(self) else []  # most tasks ask for no file

    def figure(self, name: str, figure: Figure, *, pictures: bool = True) -> None:
        """Keep a figure as artifacts: `<name>.figure.json`, and, where `pfd-plots` is installed, `.png` and `.svg`.

        A figure of many panels takes seconds to draw: without `pictures` that is left to those who look at it.

        Long curves are thinned to what a picture shows.  A picture that cannot be drawn is told of in the log, and does
        not end the task: every client can draw from the JSON.

        Raises
        ------
        ArtifactError : the name leads outside, or there is no room.
        """
        from pfd.view_files import write_figure

        write_figure(self.artifact, name, figure, self.log, pictures=pictures)

    def table(self, name: str, table: Table) -> None:
        """Keep a table as artifacts: `<name>.table.json`, and `<name>.table.csv` for others."""
        from pfd.view_files import write_table

        write_table(self.artifact, name, table)

    def checkpoint(self, name: str) -> Path | None:
        """The newest file of that name left by an earlier run of this job, or None."""
        return self._folder.checkpoint(name)

    @contextlib.contextmanager
    def session(self) -> Iterator[Session]:
        """A SQLAlchemy session for short reads and writes, committed at the end of the block.

        Waits where the store does not answer; the job can be cancelled meanwhile.

        Raises
        ------
        StaleClaim : the job has been given to another run; nothing is written.
        StoreError : the block took longer than `SESSION_SECONDS`; nothing is written.
        """
        with contextlib.ExitStack() as stack:
            yield self._patiently(lambda: self._open(stack))

    def _open(self, stack: contextlib.ExitStack) -> Session:
        with contextlib.ExitStack() as opening:
            session = opening.enter_context(self._store().session(write=True, most=SESSION_SECONDS))
            self._hold(session.connection())
            stack.push(opening.pop_all())
        return session

    def _hold(self, connection: Connection) -> None:
        from pfd.store import claims

        claims.hold(connection, self._job.seq, self.claim, self.job_id)

    def _patiently(self, step: Callable[[], T]) -> T:
        """Do something with the store, however long it takes to come back: a job does not fail because of that."""
        return retrying(
            step, lambda error: isinstance(error, StoreUnavailable), self.log, "waiting for the store", rest=self._rest
        )

    def _rest(self, seconds: float) -> None:
        self.check_cancelled()
        time.sleep(seconds)

    def submit_child(self, task: str, params: Mapping[str, Any], *, key: str, **options: Any) -> str:
        """Submit a job that belongs to this one; its id comes back.

        Idempotent by `key` within this job, so that a re-run submits nothing twice.  When this job ends badly, its
        children are cancelled.
        """
        from pfd.app import App
        from pfd.submission.options import make_options
        from pfd.submission.submit import Origin, submit

        chosen = make_options(self._registry.task(task), options)
        origin = Origin(self._job.client_id, self.job_id, self._job.level + 1, key, self._job.submitter)

        def step() -> Submitted:
            app = App(self.settings, self._registry, self._store(), self._runtime)
            return submit(app, task, params, chosen, origin, guard=self._hold)

        return self._patiently(step).id

    def children(self) -> list[Job]:
        """The children of this job, also those of earlier runs of it, in the order in which they were submitted.

        Each as it is now, with its state and progress, without parameters and results.
        """
        from pfd.store import listing
        from pfd.store.search import Search

        def step() -> list[Job]:
            with self._store().read() as connection:
                return listing.listing(connection, Search(parent_id=self.job_id), limit=None)[::-1]

        return self._patiently(step)

    def child_series(self, child_id: str, name: str) -> tuple[Point, ...]:
        """The points of a series that a child has recorded so far, of all its runs; it may still run."""
        from pfd.series import reader

        return reader.merged(reader.read(job_folder(self.settings.home, "logs", child_id), name).points)

    def cancel_child(self, child_id: str) -> Job:
        """End a child that waits, ask one that runs to stop; one that has ended stays as it is.

        Raises
        ------
        ParameterError : it is no child of this job.
        StaleClaim : this job has been given to another run; nothing is cancelled.
        """
        from pfd.app import App
        from pfd.store import jobs
        from pfd.submission.cancel import cancel

        def find(connection: Connection) -> str:
            self._hold(connection)
            if child_id not in jobs.children(connection, self.job_id):
                raise ParameterError(f"{shown(child_id)} is no child of job {self.job_id}")
            return child_id

        def step() -> Job:
            return cancel(App(self.settings, self._registry, self._store(), self._runtime), find)

        return self._patiently(step)

    def wait_children(self, ids: Iterable[str]) -> Iterator[Job]:
        """Each of these jobs once it has ended, in the order in which they end; how they ended is for the task to see.

        For tasks declared with `coordinator=True`: any other holds a slot meanwhile that its children may need, and
        where it is the only one it would wait for ever.

        Raises
        ------
        PluginError : the task is not a coordinator.
        UnknownJob : there is no such job.
        """
        if not self.is_coordinator:
            raise PluginError(
                f"{self.task} waits for children and is not a coordinator: it would hold the slot that they may need",
                hint=COORDINATE,
            )
        return self._wait_children(ids)

    @property
    def is_coordinator(self) -> bool:
        """Whether the task is declared to wait for others, and so holds no slot that they may need."""
        return self._registry.task(self.task).coordinator

    def _wait_children(self, ids: Iterable[str]) -> Iterator[Job]:
        waiting = list(dict.fromkeys(ids))
        pause = WAIT_FIRST
        while waiting:
            ended = self._patiently(functools.partial(self._ended, waiting))
            waiting = [one for one in waiting if one not in {job.id for job in ended}]
            yield from ended
            pause = WAIT_FIRST if ended else min(WAIT_MOST, pause * 1.5)
            if waiting:
                self.check_cancelled()
                time.sleep(pause)

    def _ended(self, ids: Sequence[str]) -> list[Job]:
        from pfd.store import jobs

        with self._store().read() as connection:
            return jobs.ended(connection, ids)
