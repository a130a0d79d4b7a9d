"""How the outcome of a run is written: an end, another attempt, or a loss."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.engine import Connection

from pfd.errors import StaleClaim, StopReason
from pfd.hooks import EventKind
from pfd.job import ArtifactFile, Job, JobFailure, State
from pfd.runner.call import Outcome, OutcomeKind
from pfd.store import EndedJob, FinalState, claims
from pfd.task import Task

HANDED_BACK = "handed back: its worker stopped"


def write_outcome(
    connection: Connection,
    job: Job,
    task: Task | None,
    outcome: Outcome,
    artifacts: tuple[ArtifactFile, ...],
    *,
    max_lost: int,
    requeueing: bool,
    rest: float = 0.0,
) -> tuple[EventKind, list[EndedJob]]:
    """Write what became of a run, in the caller's transaction.

    Returns what to tell of it, and the jobs that ended by it.  A job that could not be begun falls due again after
    `rest` seconds.

    Raises
    ------
    StaleClaim : the job is another run's by now.
    """
    if outcome.kind is OutcomeKind.STALE:
        raise StaleClaim(f"job {job.id} is no longer this run's (claim {job.claim})")
    if outcome.kind is OutcomeKind.SHORT:
        why = f"handed back: {outcome.failure.message if outcome.failure else outcome.kind}"
        return _kind(EventKind.RETRY, requeue(connection, job, why=why, delay=rest))
    if outcome.kind is OutcomeKind.LOST:
        reason = outcome.failure.message if outcome.failure else "lost"
        return _kind(EventKind.LOST, claims.lost(connection, job, max_lost=max_lost, reason=reason))
    fraction, status, meta = outcome.last or (None, None, None)
    ending = FinalState(
        State.SUCCESS,
        outcome.result,
        outcome.failure,
        artifacts,
        fraction,
        status,
        None if meta is None else dict(meta),
    )
    if outcome.kind is OutcomeKind.STOPPED:
        if requeueing and outcome.stopped_for is StopReason.CANCEL and not claims.to_be_cancelled(connection, job):
            return _kind(EventKind.RETRY, requeue(connection, job))
        return _kind(None, claims.end(connection, job, _stopped(job, outcome, ending)))
    if outcome.kind is OutcomeKind.FAILED:
        if outcome.retry and task is not None and job.attempt < task.max_attempts:
            delay = claims.backoff(job.attempt, task.backoff, task.backoff_max)
            message = outcome.failure.message if outcome.failure else ""
            why = f"attempt {job.attempt} failed: {message}"
            return _kind(EventKind.RETRY, claims.requeue(connection, job, delay=delay, outcome=why))
        ending = replace(ending, state=State.FAILURE)
    return _kind(None, claims.end(connection, job, ending))


def requeue(connection: Connection, job: Job, *, why: str = HANDED_BACK, delay: float = 0.0) -> list[EndedJob]:
    """Put a job back that this worker will not run to its end, without counting the attempt."""
    return claims.requeue(connection, job, delay=delay, outcome=why, counted=False)


def _stopped(job: Job, outcome: Outcome, ending: FinalState) -> FinalState:
    if outcome.stopped_for is not StopReason.TIME_LIMIT:
        return replace(ending, state=State.REVOKED, failure=JobFailure("JobCancelled", "cancelled while it ran"))
    failure = JobFailure(
        "TimeLimitExceeded",
        f"{job.task} ran longer than its time limit",
        hint="give it longer with time_limit, or less to do",
    )
    return replace(ending, state=State.FAILURE, failure=failure)


def _kind(otherwise: EventKind | None, ended: list[EndedJob]) -> tuple[EventKind, list[EndedJob]]:
    kind = EventKind.of(ended[0].state) if ended else otherwise
    assert kind is not None  # what was ended is among those that ended
    return kind, ended
