"""The declarative base that every table hangs on, the core's and the plugins'.

A plugin's `records.py` imports from here only:

    from pfd.records import JobRecord, Record

    class Dataset(JobRecord, Record):
        __tablename__ = "data_dataset"
        ...

and its `store.py` writes and finds rows by `upsert_for_job` and `require_row`.  A row that is to be there from the
submission of its job on is a `TrackedRecord`, of which `pfd.tracked` tells the status.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from sqlalchemy import ForeignKey, MetaData, String, inspect, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from pfd.errors import DataError

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
"""One naming scheme for all constraints, so that a migration can name what it changes on every database."""


class Record(DeclarativeBase):
    """Base of all tables.  Table names start with the name of the plugin that owns them."""

    metadata = MetaData(naming_convention=NAMING)


class JobRecord:
    """Mix-in for a row that a job made: one row a job, so that a re-run updates and never doubles.

    The job cannot be removed while the row stands (RESTRICT).
    """

    job_id: Mapped[str] = mapped_column(
        String(64), ForeignKey("pfd_job.id", ondelete="RESTRICT"), unique=True, nullable=False
    )


class TrackedRecord(JobRecord):
    """Mix-in for a row that stands for a job from its submission on, or is made beforehand and given a job later.

    `job_id` names the job that is to fill it, or None where there is none yet; the row goes with that job.
    `written_by` names the job that has filled it, which cannot be removed while the row stands.  Every other column
    that only a run can fill is nullable.
    """

    job_id: Mapped[str | None] = mapped_column(  # type: ignore[assignment]
        String(64), ForeignKey("pfd_job.id", ondelete="CASCADE"), unique=True
    )
    written_by: Mapped[str | None] = mapped_column(String(64), ForeignKey("pfd_job.id", ondelete="RESTRICT"))


Row = TypeVar("Row", bound=Record)
RowOfJob = TypeVar("RowOfJob", bound=JobRecord)


def upsert_for_job(session: Session, table: type[RowOfJob], job_id: str, values: Mapping[str, Any]) -> RowOfJob:
    """Write the row that a job has made, by the names of its columns; a re-run of the job updates its row.

    The row has its id when it comes back.

    Raises
    ------
    TypeError : the table has no column of a name.
    """
    if unknown := values.keys() - inspect(table).column_attrs.keys():
        raise TypeError(f"{table.__name__} has no column {', '.join(sorted(unknown))}")
    row = session.scalars(select(table).where(table.job_id == job_id)).first()
    if row is None:
        row = table()
        row.job_id = job_id
        session.add(row)
    for name, value in values.items():
        setattr(row, name, value)
    if isinstance(row, TrackedRecord):
        row.written_by = job_id
    session.flush()
    return row


def require_row(session: Session, table: type[Row], number: int, what: str, *, made_by: str) -> Row:
    """The row whose primary key is that number.

    Raises
    ------
    DataError : there is none; the message names the newest ones, and the hint the task that makes `what`.
    """
    row = session.get(table, number)
    if row is None:
        key = inspect(table).primary_key[0]
        newest = session.scalars(select(key).order_by(key.desc()).limit(5)).all()
        known = f"the newest are {', '.join(map(str, newest))}" if newest else "there is none yet"
        raise DataError(f"no {what} {number}; {known}", hint=f"{made_by} makes one")
    return row
