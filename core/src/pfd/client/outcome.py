"""What came of a job, for whoever asked for it: its result, or the error that stands for how it ended."""

from __future__ import annotations

from typing import Any

from pfd.errors import DamagedRow, JobCancelled, JobError, JobFailed, TimeLimitExceeded, WorkerLost
from pfd.job import ENDED, Job, State
from pfd.store.rows import require_end


def failure_of(job: Job) -> JobError:
    """The error that stands for a job that ended badly."""
    failure = job.failure
    message = failure.message if failure else f"job {job.id} ended as {job.state}"
    hint = failure.hint if failure else None
    kind = failure.type if failure else ""
    if job.state is State.REVOKED:
        return JobCancelled(message, job_id=job.id, hint=hint)
    if kind == "TimeLimitExceeded":
        return TimeLimitExceeded(message, job_id=job.id, hint=hint)
    if kind == "WorkerLost":
        return WorkerLost(message, job_id=job.id, hint=hint)
    traceback = failure.traceback if failure else ""
    return JobFailed(f"{kind}: {message}", job_id=job.id, hint=hint, type=kind, traceback=traceback)


def error_of(job: Job) -> JobError | DamagedRow | None:
    """The error that an ended job is told by; None of one that has succeeded, or has not ended."""
    if job.state not in ENDED:
        return None
    try:
        require_end(job)
    except DamagedRow as error:
        return error
    return None if job.state is State.SUCCESS else failure_of(job)


def result_of(job: Job) -> dict[str, Any]:
    """The result of an ended job.

    Raises
    ------
    JobFailed, JobCancelled, TimeLimitExceeded, WorkerLost : how it ended, where not well.
    DamagedRow : something else than PFD has written to the store, and its end cannot be read.
    """
    if (error := error_of(job)) is not None:
        raise error
    return dict(job.result or {})


def value_of(job: Job) -> Any:
    """Celery's `AsyncResult.result`: the result, the error as a value, or while the job is live its `info`."""
    if (error := error_of(job)) is not None:
        return error
    return result_of(job) if job.state in ENDED else job.info
