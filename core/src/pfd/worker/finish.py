"""How the outcome of a run is written: an end, another attempt, or a loss."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.engine import Connection

from pfd.errors import StaleClaim
from pfd.job import ArtifactFile, Job, JobFailure, State
from pfd.runner.call import Outcome
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
) -> tuple[str, list[EndedJob]]:
    """Write what became of a run, in the caller's transaction.

    Returns the kind of event (`"retry"`, `"lost"`, or the state in lower case) and the jobs that ended by it.  A job
    that could not be begun falls due again after `rest` seconds.

    Raises
    ------
    StaleClaim : the job is another run's by now.
    """
    if outcome.kind == "stale":
        raise StaleClaim(f"job {job.id} is no longer this run's (claim {job.claim})")
    if outcome.kind == "short":
        why = f"handed back: {outcome.failure.message if outcome.failure else outcome.kind}"
        return _kind("retry", requeue(connection, job, why=why, delay=rest))
    if outcome.kind == "lost":
        reason = outcome.failure.message if outcome.failure else "lost"
        return _kind("lost", claims.lost(connection, job, max_lost=max_lost, reason=reason))
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
    if outcome.kind == "stopped":
        if requeueing and _reason(outcome) == "cancel" and not claims.to_be_cancelled(connection, job):
            return _kind("retry", requeue(connection, job))
        return _kind("", claims.end(connection, job, _stopped(job, outcome, ending)))
    if outcome.kind == "failed":
        if outcome.retry and task is not None and job.attempt < task.max_attempts:
            delay = claims.backoff(job.attempt, task.backoff, task.backoff_max)
            message = outcome.failure.message if outcome.failure else ""
            why = f"attempt {job.attempt} failed: {message}"
            return _kind("retry", claims.requeue(connection, job, delay=delay, outcome=why))
        ending = replace(ending, state=State.FAILURE)
    return _kind("", claims.end(connection, job, ending))


def requeue(connection: Connection, job: Job, *, why: str = HANDED_BACK, delay: float = 0.0) -> list[EndedJob]:
    """Put a job back that this worker will not run to its end, without counting the attempt."""
    return claims.requeue(connection, job, delay=delay, outcome=why, counted=False)


def _stopped(job: Job, outcome: Outcome, ending: FinalState) -> FinalState:
    if _reason(outcome) != "time limit":
        return replace(ending, state=State.REVOKED, failure=JobFailure("JobCancelled", "cancelled while it ran"))
    failure = JobFailure(
        "TimeLimitExceeded",
        f"{job.task} ran longer than its time limit",
        hint="give it longer with time_limit, or less to do",
    )
    return replace(ending, state=State.FAILURE, failure=failure)


def _reason(outcome: Outcome) -> str:
    return outcome.failure.message if outcome.failure else "cancel"


def _kind(otherwise: str, ended: list[EndedJob]) -> tuple[str, list[EndedJob]]:
    return (ended[0].state.lower() if ended else otherwise), ended
