"""Claims: taking a job, writing as its owner, ending it, and taking it back from a lost worker.

Each write of a run names its claim.  Where that is no longer the job's claim the write is refused (`StaleClaim`), so of
overlapping runs one result is accepted, and it is the newer claim's.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from pfd.errors import ParameterError, StaleClaim
from pfd.job import LAST_TIME, ArtifactFile, Job, JobFailure, State
from pfd.store.encoding import clean_text, cut_text, encode
from pfd.store.jobs import describe_failure, end_queued
from pfd.store.prepared import Prepared
from pfd.store.rows import FULL, FULL_NAMES, damage_of, to_job
from pfd.store.schema import IS_RUNNING, claims, jobs
from pfd.store.settle import EndedJob, release, revoke

if TYPE_CHECKING:
    from pfd.store.claim_filter import ClaimFilter


@dataclass(frozen=True)
class FinalState:
    """How a run ended."""

    state: State
    result: str | None = None
    failure: JobFailure | None = None
    artifacts: tuple[ArtifactFile, ...] = ()
    progress: float | None = None
    status: str | None = None
    meta: dict[str, Any] | None = None


MAX_STATUS, MAX_META, MAX_OUTCOME = 2_000, 64 * 1024, 5_000
"""Characters of a status, bytes of what else a run reports, characters of why a run was not the last."""

MOST_ENDED = 50
"""Jobs that cannot be run, and are ended for that, in one transaction: others wait for the lock meanwhile."""

_now: Any = sa.bindparam("p_now", None)
_owner: Any = sa.bindparam("p_owner", None)
_seq: Any = sa.bindparam("p_seq", None)
_claim: Any = sa.bindparam("p_claim", None)


_TAKE = Prepared(
    jobs.update()
    .where(jobs.c.seq == _seq)
    .values(
        state=State.STARTED.value,
        claim=_claim,
        owner=_owner,
        attempt=jobs.c.attempt + 1,
        started_at=_now,
        progress=0.0,
        status="",
        meta="{}",
    )
    .returning(*FULL)
)


def claim(
    connection: Connection, wanted: ClaimFilter, *, due_by: float | None = None, ended: list[EndedJob] | None = None
) -> Job | None:
    """Take the next job for `wanted` that is due (by now, unless said otherwise), or None.

    One atomic step under the caller's write transaction.  A job whose row cannot be read ends as FAILURE, and the one
    behind it is taken; what ended by that is added to `ended`.  Once that holds `MOST_ENDED` no more is taken: whoever
    finds any in it goes on in another transaction.
    """
    if not (wanted.queues and wanted.tasks):
        return None
    ended = [] if ended is None else ended
    while len(ended) < MOST_ENDED and (job := _take(connection, wanted, due_by)) is not None:
        if not job.damage:
            return job
        error = damage_of(job)
        failure = JobFailure(type(error).__name__, error.message, hint=error.hint)
        ended += end(connection, job, FinalState(State.FAILURE, failure=failure))
    return None


def _take(connection: Connection, wanted: ClaimFilter, due_by: float | None) -> Job | None:
    from pfd.store import next_job  # a client claims nothing, and loads claims for the rest of them

    now = time.time()
    values = {"p_now": now, "p_owner": wanted.owner, "p_due": now if due_by is None else due_by}
    drawn = next_job.draw(connection, wanted, values)
    if drawn is None:
        return None
    number, seq = drawn
    taken = _TAKE.first(connection, values | {"p_seq": seq, "p_claim": number})
    return None if taken is None else to_job(dict(zip(FULL_NAMES, taken, strict=True)))


_MINE = (jobs.c.seq == _seq, jobs.c.claim == _claim, IS_RUNNING)
_PROGRESS = Prepared(
    jobs.update()
    .where(*_MINE)
    .values(
        state=State.PROGRESS.value,
        progress=sa.bindparam("p_progress", None),
        status=sa.bindparam("p_status", None),
        meta=sa.bindparam("p_meta", None),
    )
)


_STANDING = Prepared(jobs.update().where(*_MINE).values(status=sa.bindparam("p_status", None)))


def standing(connection: Connection, job: Job, status: str) -> None:
    """Write what a run waits for before its task is called.  Raises `StaleClaim`."""
    if not _STANDING.changed(connection, {"p_seq": job.seq, "p_claim": job.claim, "p_status": _status(status)}):
        raise _stale(job)


def progress(connection: Connection, job: Job, fraction: float, status: str, meta: dict[str, Any]) -> None:
    """Write the progress of a run.  Raises `StaleClaim` where the job is no longer that run's."""
    changed = _PROGRESS.changed(
        connection,
        {
            "p_seq": job.seq,
            "p_claim": job.claim,
            "p_progress": fraction,
            "p_status": _status(status),
            "p_meta": _meta(meta),
        },
    )
    if not changed:
        raise _stale(job)


def hold(connection: Connection, seq: int, claim_number: int, job_id: str) -> None:
    """Make sure, until the end of this transaction, that the job is still that claim's."""
    query = sa.select(jobs.c.seq).where(jobs.c.seq == seq, jobs.c.claim == claim_number, IS_RUNNING)
    if connection.execute(query.with_for_update()).scalar() is None:
        raise StaleClaim(f"job {job_id} is no longer this run's (claim {claim_number})")


# A run whose task has reported nothing is STARTED still, and what it waited for is no news once it is over.
_REPORTED = sa.case((jobs.c.state == State.STARTED.value, ""), else_=jobs.c.status)

_END = Prepared(
    jobs.update()
    .where(*_MINE)
    .values(
        state=sa.bindparam("p_state", None),
        ended_at=_now,
        result=sa.bindparam("p_result", None),
        failure=sa.bindparam("p_failure", None),
        artifacts=sa.bindparam("p_artifacts", None),
        progress=sa.func.coalesce(sa.bindparam("p_progress", None, type_=sa.Double), jobs.c.progress),
        status=sa.func.coalesce(sa.bindparam("p_status", None, type_=sa.Text), _REPORTED),
        meta=sa.func.coalesce(sa.bindparam("p_meta", None, type_=sa.Text), jobs.c.meta),
    )
    .returning(jobs.c.followers)
)


def end(connection: Connection, job: Job, ending: FinalState) -> list[EndedJob]:
    """Write the end of a run and settle what hangs on it.  Raises `StaleClaim` as above.

    Returns the jobs that ended by this, the run's own first.
    """
    row = _END.first(
        connection,
        {
            "p_seq": job.seq,
            "p_claim": job.claim,
            "p_now": time.time(),
            "p_state": ending.state.value,
            "p_result": ending.result,
            "p_failure": None if ending.failure is None else describe_failure(ending.failure),
            "p_artifacts": encode([(item.name, item.size) for item in ending.artifacts]),
            "p_progress": 1.0 if ending.state is State.SUCCESS else ending.progress,
            "p_status": None if ending.status is None else _status(ending.status),
            "p_meta": None if ending.meta is None else _meta(ending.meta),
        },
    )
    if row is None:
        raise _stale(job)
    (followers,) = row
    if ending.state is State.SUCCESS:
        released = release(connection, job.seq) if followers else ()
        return [EndedJob(job.id, job.task, job.queue, ending.state, released, ending.result)]
    ended = [EndedJob(job.id, job.task, job.queue, ending.state, failure=ending.failure)]
    _note(connection, job.claim, f"{ending.state}: {ending.failure.message}" if ending.failure else ending.state)
    return ended + revoke(connection, job.seq, ending.state) if followers else ended


def requeue(connection: Connection, job: Job, *, delay: float, outcome: str, counted: bool = True) -> list[EndedJob]:
    """Put a run's job back as RETRY, due after `delay` seconds; one that was to be cancelled ends as REVOKED.

    `counted=False` hands the attempt back, as when a worker shuts down.  Returns the jobs that ended by this: none
    where the job is to run again.
    """
    values = {
        "state": State.RETRY,
        "due_at": min(time.time() + delay, LAST_TIME),
        "owner": None,
        "attempt": jobs.c.attempt if counted else jobs.c.attempt - 1,
        "status": _REPORTED,
    }
    row = _write(connection, job, values)
    _note(connection, job.claim, outcome)
    return end_queued(connection, job.seq, f"cancelled; {outcome}") if row.cancel_requested else []


def lost(connection: Connection, job: Job, *, max_lost: int, reason: str) -> list[EndedJob]:
    """Settle a run whose worker or process vanished: RETRY, REVOKED where cancel was asked for, or FAILURE.

    Returns the jobs that ended by this: none where the job is to run again.
    """
    row = connection.execute(
        sa.select(jobs.c.lost, jobs.c.cancel_requested).where(*_MINE).with_for_update(),
        {"p_seq": job.seq, "p_claim": job.claim},
    ).first()
    if row is None:
        raise _stale(job)
    times = (row.lost if isinstance(row.lost, int) else 0) + 1  # a damaged row is found out where it is claimed
    if row.cancel_requested:
        cancelled = JobFailure("JobCancelled", f"cancelled; {reason}")
        return end(connection, job, FinalState(State.REVOKED, failure=cancelled))
    connection.execute(jobs.update().where(jobs.c.seq == job.seq).values(lost=times))
    if times >= max_lost:
        message = f"{reason}, for the {_ordinal(times)} time"
        hint = "look at 'pfd logs' and at the memory of the machine, then 'pfd retry'"
        failure = JobFailure("WorkerLost", message, hint=hint)
        return end(connection, job, FinalState(State.FAILURE, failure=failure))
    # A loss takes no attempt away: retries that the task declared are counted apart.
    return requeue(connection, job, delay=backoff(times, 0.5, 30.0), outcome=f"lost: {reason}", counted=False)


def owned(connection: Connection, owner: str) -> list[Job]:
    """The running jobs of a worker."""
    query = sa.select(*FULL).where(jobs.c.owner == owner, IS_RUNNING).order_by(jobs.c.seq)
    return [to_job(row._asdict()) for row in connection.execute(query)]


_ORDERS = sa.select(jobs.c.seq, jobs.c.claim, jobs.c.cancel_requested).where(jobs.c.owner == _owner, IS_RUNNING)


def orders(connection: Connection, owner: str) -> dict[int, tuple[int, bool]]:
    """For each running job of a worker, by its number: the claim it runs under, and whether it is to be cancelled."""
    found = connection.execute(_ORDERS, {"p_owner": owner})
    return {row.seq: (row.claim, bool(row.cancel_requested)) for row in found}


def to_be_cancelled(connection: Connection, job: Job) -> bool:
    """Whether somebody has asked for the end of a running job."""
    query = sa.select(jobs.c.cancel_requested).where(jobs.c.seq == job.seq)
    return bool(connection.execute(query).scalar())


def history(connection: Connection, seq: int) -> list[Row[Any]]:
    """The claims of a job, oldest first: number, owner, claimed_at, outcome."""
    query = sa.select(claims.c.number, claims.c.owner, claims.c.claimed_at, claims.c.outcome)
    return list(connection.execute(query.where(claims.c.job_seq == seq).order_by(claims.c.number)))


def backoff(times: int, first: float, most: float) -> float:
    """Seconds to wait before try number `times + 1`: doubled each time, with jitter of a quarter either way."""
    return min(most, first * 2.0 ** (times - 1)) * random.uniform(0.75, 1.25)  # noqa: S311  (no secret in it)


def _write(connection: Connection, job: Job, values: dict[str, Any]) -> Row[Any]:
    statement = jobs.update().where(*_MINE).values(**values).returning(jobs.c.cancel_requested)
    row = connection.execute(statement, {"p_seq": job.seq, "p_claim": job.claim}).first()
    if row is None:
        raise _stale(job)
    return row


def _note(connection: Connection, number: int | None, outcome: str) -> None:
    connection.execute(claims.update().where(claims.c.number == number).values(outcome=cut_text(outcome, MAX_OUTCOME)))


def _status(text: str) -> str:
    return clean_text(text[:MAX_STATUS])


def _meta(values: dict[str, Any]) -> str:
    """What else a run reports, as it is stored.

    A run is told by its context where it reports too much; here is the last gate.
    """
    try:
        if len(text := encode(values)) <= MAX_META:
            return text
        said = f"{len(text)} bytes of JSON, more than {MAX_META}"
    except ParameterError as error:
        said = cut_text(error.message, MAX_STATUS)
    return encode({"left_out": said})


def _stale(job: Job) -> StaleClaim:
    return StaleClaim(f"job {job.id} is no longer this run's (claim {job.claim})")


def _ordinal(number: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(number, f"{number}th")
