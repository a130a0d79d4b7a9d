"""Rows of a plugin that stand for jobs: made when a job is submitted, and with the status of that job ever after.

A table that is a `pfd.records.TrackedRecord` keeps no status.  It is read from the job table together with the row, so
that it is true at any time: a worker that is killed, a job that is cancelled or lost changes it without anybody having
to write to the row.

    # plugin.py
    Task("fit_task", ..., row="pfd_plugin_x.store:draft")

    # store.py
    def draft(session, job):
        draft_for_job(session, FitRow, job, {"method": job.params["method"]}, what="fit")

    def list_fits(session):
        return session.execute(select(FitRow, status_of(FitRow), reason_of(FitRow))).all()
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from pfd.characters import one_line
from pfd.errors import DataError, ParameterError
from pfd.job import QUEUED, RUNNING, State
from pfd.records import JobRecord, TrackedRecord
from pfd.store.rows import failure_of
from pfd.store.schema import jobs

__all__ = ["RowStatus", "SubmittedJob", "draft_for_job", "reason_of", "require_success", "status_of"]

MAX_REASON = 500
"""Characters of a reason that are given."""


class RowStatus(StrEnum):
    """What has become of a row: that of its job, in the words of those who look for results."""

    CREATED = "CREATED"
    """Made beforehand; no job has been submitted for it."""
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


_STATUS = {
    **dict.fromkeys(QUEUED, RowStatus.QUEUED),
    **dict.fromkeys(RUNNING, RowStatus.RUNNING),
    State.SUCCESS: RowStatus.SUCCESS,
    State.FAILURE: RowStatus.FAILED,
    State.REVOKED: RowStatus.CANCELLED,
}

REUSABLE = frozenset({RowStatus.CREATED, RowStatus.FAILED, RowStatus.CANCELLED})
"""Of a row that may be given to another job."""


@dataclass(frozen=True)
class SubmittedJob:
    """A job that is being stored, as the writer of its row sees it.

    Parameters
    ----------
    params : validated, as JSON, with defaults; one that refers to the result of another job (`pfd.Ref.from_json`) is
        known only when the job runs.
    submitter : who submits it, as settings name them.
    """

    id: str
    task: str
    params: Mapping[str, Any]
    submitter: str


Row = TypeVar("Row", bound=TrackedRecord)


class _Status(sa.TypeDecorator[RowStatus]):
    """The state of a job, read as the status of its row."""

    impl = sa.String
    cache_ok = True

    def process_result_value(self, value: Any, _dialect: sa.Dialect) -> RowStatus:
        return RowStatus(value)

    def process_bind_param(self, value: Any, _dialect: sa.Dialect) -> str:
        return RowStatus(value).value


class _Reason(sa.TypeDecorator[str]):
    """The failure of a job, read as one line."""

    impl = sa.Text
    cache_ok = True

    def process_result_value(self, value: Any, _dialect: sa.Dialect) -> str:
        return _in_words(value)


def status_of(table: type[JobRecord]) -> sa.ColumnElement[RowStatus]:
    """The status of each row of a table, as a column to select, to filter, to group and to order by."""
    # Constants and no parameters: a database sees that what is selected is what it groups by.
    job = jobs.alias()
    by_state = ((job.c.state == sa.literal_column(f"'{state}'"), _constant(one)) for state, one in _STATUS.items())
    state = sa.case(*by_state, else_=_constant(RowStatus.FAILED))
    return sa.type_coerce(_of_job(table, job, state, _constant(RowStatus.CREATED)), _Status())


def reason_of(table: type[JobRecord]) -> sa.ColumnElement[str]:
    """Why a row has FAILED or was CANCELLED, in one line: the failure of its job; empty for any other."""
    job = jobs.alias()
    return sa.type_coerce(_of_job(table, job, job.c.failure, sa.null()), _Reason())


def _constant(status: RowStatus) -> sa.ColumnElement[str]:
    return sa.literal_column(f"'{status}'")


def _of_job(
    table: type[JobRecord], job: sa.FromClause, found: sa.ColumnElement[Any], otherwise: sa.ColumnElement[Any]
) -> sa.ColumnElement[Any]:
    """What the job of a row says, or `otherwise` where it has none; a query that selects it alone is of the table."""
    of_job = sa.select(found).where(job.c.id == table.job_id).correlate(table).scalar_subquery()
    return sa.case((table.job_id.is_(None), otherwise), else_=sa.func.coalesce(of_job, otherwise))


def _in_words(text: Any) -> str:
    if text is None:
        return ""
    failure = failure_of(text)
    if failure is None:
        return "the reason cannot be read: its job is damaged"
    return one_line(f"{failure.type}: {failure.message}")[:MAX_REASON]


def draft_for_job(
    session: Session,
    table: type[Row],
    job: SubmittedJob,
    values: Mapping[str, Any],
    *,
    what: str,
    number: object = None,
) -> Row:
    """The row that stands for a job: a new one, or `what` was made beforehand and has that number (its primary key).

    A row whose job failed or was cancelled may be given to another job as well; `values` then replace what it holds.

    Raises
    ------
    ParameterError : there is no such row, or another job has filled it or is about to.
    """
    row = table() if number is None else _free(session, table, number, what)
    row.job_id, row.written_by = job.id, None
    for name, value in values.items():
        setattr(row, name, value)
    session.add(row)
    session.flush()
    return row


def _free(session: Session, table: type[Row], number: object, what: str) -> Row:
    without = f"submit the job without a number of {what}, and it makes one of its own"
    if not isinstance(number, int) or isinstance(number, bool):
        raise _refusal(
            f"{what}: its number has to be known where the job is submitted, and cannot be the result of another job",
            without,
        )
    key = sa.inspect(table).primary_key[0]
    # Two that are submitted at once: the second waits here, and sees that the row has gone to the first.
    row = session.scalars(sa.select(table).where(key == number).with_for_update()).first()
    if row is None:
        raise _refusal(f"there is no {what} {number}", without)
    status = session.scalars(sa.select(status_of(table)).where(key == number)).one()
    if status not in REUSABLE:
        raise _refusal(f"{what} {number} is {status}: job {row.job_id} was submitted for it", without)
    return row


def _refusal(problem: str, hint: str) -> ParameterError:
    return ParameterError(problem, problems=(problem,), hint=hint)


def require_success(session: Session, row: TrackedRecord, what: str) -> None:
    """Make sure that the job of a row has succeeded.

    Raises
    ------
    DataError : it has not; says what became of it, and what to do.
    """
    table = type(row)
    found = sa.select(status_of(table), reason_of(table)).where(table.job_id == row.job_id)
    status, reason = session.execute(found).one() if row.job_id else (RowStatus.CREATED, "")
    if status is RowStatus.SUCCESS:
        return
    why = f": {reason}" if reason else ""
    short = (row.job_id or "")[:8]
    wait = f"wait for its job: 'pfd watch {short}'"
    hints = {RowStatus.CREATED: "submit a job for it", RowStatus.QUEUED: wait, RowStatus.RUNNING: wait}
    hint = hints.get(status, f"'pfd logs {short}' says more")
    raise DataError(f"{what} is {status}{why}", hint=hint)
