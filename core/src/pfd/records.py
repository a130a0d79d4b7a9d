"""The declarative base that every table hangs on, the core's and the plugins'.

A plugin's `records.py` imports from here only:

    from pfd.records import JobRecord, Record

    class Dataset(JobRecord, Record):
        __tablename__ = "data_dataset"
        ...
"""

from __future__ import annotations

from sqlalchemy import ForeignKey, MetaData, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

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
