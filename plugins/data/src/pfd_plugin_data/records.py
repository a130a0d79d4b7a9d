"""The tables of datasets and of named splits."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Double, ForeignKey, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from pfd.records import JobRecord, Record


class DatasetRow(JobRecord, Record):
    """One dataset.  What is in it stands in its file; here is what a list shows.

    `path` is relative to PFD_HOME, `created_at` in seconds since the epoch, `classes` counts recordings by fault type,
    `seal` tells whether the file is as it was written.
    """

    __tablename__ = "data_dataset"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(String(64), nullable=False, index=True)
    path: Mapped[str] = mapped_column(Text, nullable=False)
    fingerprint: Mapped[str] = mapped_column(String(64), nullable=False)
    n_recordings: Mapped[int] = mapped_column(Integer, nullable=False)
    n_bearings: Mapped[int] = mapped_column(Integer, nullable=False)
    classes: Mapped[dict[str, Any]] = mapped_column(JSON, nullable=False)
    seal: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    created_at: Mapped[float] = mapped_column(Double, nullable=False)


class SplitRow(Record):
    """One fold of a named split, counted from 0 in the table alone; a split that has no folds is fold 0 of 1.

    `parts` holds indices of recordings by the name of a part; they mean something beside the dataset of that
    fingerprint only.  `digest` is equal for splits that deal windows alike.  A person makes and names it, not a job, so
    it hangs on a dataset alone.
    """

    __tablename__ = "data_split"
    __table_args__ = (UniqueConstraint("name", "fold", name="uq_data_split_name_fold"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(String(64), nullable=False)
    fold: Mapped[int] = mapped_column(Integer, nullable=False)
    n_folds: Mapped[int] = mapped_column(Integer, nullable=False)
    dataset_id: Mapped[int] = mapped_column(
        Integer, ForeignKey("data_dataset.id", ondelete="RESTRICT"), nullable=False, index=True
    )
    fingerprint: Mapped[str] = mapped_column(String(64), nullable=False)
    protocol: Mapped[str] = mapped_column(String(64), nullable=False)
    seed: Mapped[int] = mapped_column(BigInteger, nullable=False)
    leaky: Mapped[bool] = mapped_column(Boolean, nullable=False)
    parts: Mapped[dict[str, Any]] = mapped_column(JSON, nullable=False)
    left_out: Mapped[list[Any]] = mapped_column(JSON, nullable=False)
    digest: Mapped[str] = mapped_column(String(64), nullable=False)
    provenance: Mapped[str] = mapped_column("stamp", Text, nullable=False)
    created_at: Mapped[float] = mapped_column(Double, nullable=False)
