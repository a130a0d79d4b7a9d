"""The end of a run: what came of it is stored, then told, and what it lets go is told to workers."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from sqlalchemy.engine import Connection

from pfd.app import App
from pfd.artifacts import ArtifactFolder
from pfd.errors import PfdError, StaleClaim, StoreError, StoreUnavailable
from pfd.events import publish, publish_ended, settle_the_rest
from pfd.hooks import EventKind
from pfd.job import ArtifactFile, Job, JobFailure, State
from pfd.notify import Wakeup
from pfd.retention import give_up
from pfd.runner import shortage
from pfd.runner.call import Outcome, OutcomeKind, describe
from pfd.runner.shortage import Shortage
from pfd.store import EndedJob, FinalState, claims, settle
from pfd.store.retrying import retrying
from pfd.task import Task
from pfd.worker.outcome import requeue, write_outcome

log = logging.getLogger("pfd.worker")

T = TypeVar("T")

ClaimNext = Callable[[Connection, list[EndedJob]], Job | None]
"""Takes the next job in a transaction; what ends by that is added to the list, to be told once it is stored."""


class _Stored(NamedTuple):
    """What an end has become in the store: what to tell of it, the jobs that ended by it, and the claim after it."""

    kind: EventKind
    ended: list[EndedJob]
    following: Job | None
    unready: list[EndedJob]


class Finisher:
    """Finishes the runs of a worker.  Thread-safe.

    Parameters
    ----------
    shortage : hears which runs have begun, and which could not.
    notify : tells workers, this one and others, of a job that was let go.

    Attributes
    ----------
    requeueing : whether what is stopped is put back, since its worker stops.
    """

    def __init__(self, app: App, shortage: Shortage, notify: Callable[[Wakeup], None]) -> None:
        self._app = app
        self._settings, self._registry, self._store = app.settings, app.registry, app.store
        self._shortage = shortage
        self._notify = notify
        self.requeueing = False

    def finish(
        self, job: Job, task: Task | None, outcome: Outcome, began: float, claim_next: ClaimNext = lambda *_: None
    ) -> Job | None:
        """Write how a run ended and, in the same transaction, claim the next job; then tell of it.

        Waits for a store that is away.  Returns the job that was claimed.

        Parameters
        ----------
        task : None where it was not found, or not looked for.
        began : the moment of `time.monotonic` at which the worker turned to the job.
        """
        outcome, artifacts = self._listed(job, outcome)
        outcome, rest = self._weighed(job, outcome, began)

        def write() -> _Stored:
            unready: list[EndedJob] = []
            with self._store.write() as connection:
                kind, ended = write_outcome(
                    connection,
                    job,
                    task,
                    outcome,
                    artifacts,
                    max_lost=self._settings.max_lost,
                    requeueing=self.requeueing,
                    rest=rest,
                )
                return _Stored(kind, ended, claim_next(connection, unready), unready)

        def make_room() -> bool:
            return outcome.kind is not OutcomeKind.DONE and give_up(self._store, self._settings.home, job)

        seconds = time.monotonic() - began
        try:
            stored = self._write(write, make_room)
        except StaleClaim as error:
            log.warning("%s; what it did is not kept", error)
            publish(self._registry, job, EventKind.STALE, seconds=seconds)
            return None
        self._publish(job, outcome, stored, seconds)
        for wakeup in (wakeup for one in stored.ended for wakeup in one.released):
            if stored.following is None or wakeup.job_id != stored.following.id:
                self._notify(wakeup)
        return stored.following

    def requeue(self, job: Job) -> None:
        """Put a job back that was claimed and has not begun, since its worker stops."""

        def write() -> list[EndedJob]:
            with self._store.write() as connection:
                return requeue(connection, job)

        with contextlib.suppress(StaleClaim):
            self.publish_ended(self._write(write))

    def interrupted(self, job: Job, seconds: float) -> None:
        """End a job whose caller was interrupted while it ran, where that is possible at once."""
        failure = JobFailure("JobCancelled", "its caller was interrupted while it ran")
        ended: list[EndedJob] = []
        with contextlib.suppress(PfdError), self._store.write() as connection:
            ended = claims.end(connection, job, FinalState(State.REVOKED, failure=failure))
        self.publish_ended(ended, seconds)

    def publish_ended(self, ended: list[EndedJob], seconds: float = 0.0) -> None:
        """Tell of jobs whose end is stored: the first ran; the others ended by its end, without having run here."""
        publish_ended(self._app, ended[:1], seconds=seconds)
        publish_ended(self._app, ended[1:])
        if len(ended) > settle.PIECE:
            with contextlib.suppress(StoreError):  # a sweep goes on with it
                settle_the_rest(self._app)

    def _listed(self, job: Job, outcome: Outcome) -> tuple[Outcome, tuple[ArtifactFile, ...]]:
        """The files of a run that is done; where they cannot be listed, it has failed."""
        if outcome.kind is not OutcomeKind.DONE:
            return outcome, ()
        try:
            folder = ArtifactFolder(self._settings.home, job.id, job.claim or 0)
            listing = functools.partial(_listing, folder, self._settings.home)
            return outcome, retrying(listing, _passes, log, "the artifacts of a job are not listed yet")
        except (OSError, PfdError) as error:
            return replace(outcome, kind=OutcomeKind.FAILED, result=None, failure=describe(error)), ()

    def _weighed(self, job: Job, outcome: Outcome, began: float) -> tuple[Outcome, float]:
        """How a run counts, and after how many seconds to try again where it could not be begun."""
        if outcome.kind is not OutcomeKind.SHORT or outcome.failure is None:
            self._shortage.over(job.seq, began)
            return outcome, 0.0
        rest = self._shortage.met(job.seq, outcome.failure.message)
        if rest is None:
            return replace(outcome, kind=OutcomeKind.LOST), 0.0
        log.warning("job %s is requeued: %s; next try in %.0f s", job.id, outcome.failure.message, rest)
        return outcome, rest

    def _write(self, write: Callable[[], T], make_room: Callable[[], bool] = lambda: False) -> T:
        """Write, however long the store takes to come back: what a job has done is not thrown away.

        Where its disk is full, `make_room` makes what it can.
        """

        def step() -> T:
            while True:
                try:
                    return write()
                except StoreError as error:
                    if not self._store.make_room(error, make_room):
                        raise

        return retrying(step, _passes, log, "the end of a job is not stored yet")

    def _publish(self, job: Job, outcome: Outcome, stored: _Stored, seconds: float) -> None:
        kind = stored.kind
        why = outcome.stopped_for or (outcome.failure.message.partition("\n")[0] if outcome.failure else None)
        reason = f": {why}" if why and kind is not EventKind.SUCCESS else ""
        fields = log_fields(job, outcome=kind, seconds=round(seconds, 3))
        log.info("%s %s: %s after %.2f s%s", job.task, job.id[:8], kind, seconds, reason, extra=fields)
        if not stored.ended:
            failure = outcome.failure or (
                outcome.stopped_for and JobFailure("CancelRequested", outcome.stopped_for.value)
            )
            publish(self._registry, job, kind, seconds=seconds, failure=failure or None)
        self.publish_ended(stored.ended, seconds)
        self.publish_ended(stored.unready)


def _passes(error: Exception) -> bool:
    """Whether it is the store that is away, or this worker that is short of something."""
    return isinstance(error, StoreError) or shortage.cause(error) is not None


def _listing(folder: ArtifactFolder, home: Path) -> tuple[ArtifactFile, ...]:
    """The files of a run.  Raises `StoreUnavailable` where it is the home that cannot be looked into."""
    try:
        return folder.listing()
    except OSError:
        try:
            os.stat(os.path.join(home, "."))  # noqa: PTH116, PTH118  (a Path has no such dot: right in the folder)
        except OSError as error:
            raise StoreUnavailable(f"PFD_HOME {home} cannot be looked into: {error.strerror or error}") from error
        return folder.listing()  # it may be back by now


def log_fields(job: Job, **others: Any) -> dict[str, Any]:
    """What a log of a worker says of a job, for programs that read it."""
    return {"fields": {"job": job.id, "task": job.task, "queue": job.queue, "attempt": job.attempt, **others}}
