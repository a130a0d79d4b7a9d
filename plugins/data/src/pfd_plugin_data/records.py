"""The table of datasets."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Double, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from pfd.records import JobRecord, Record


class DatasetRow(JobRecord, Record):
    """One dataset.  What is in it stands in its file; here is what a list shows.

    `path` is relative to PFD_HOME, `created_at` in seconds since the epoch, `classes` counts recordings by fault type.
    """

    __tablename__ = "data_dataset"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(String(64), nullable=False, index=True)
    path: Mapped[str] = mapped_column(Text, nullable=False)
    fingerprint: Mapped[str] = mapped_column(String(64), nullable=False)
    n_recordings: Mapped[int] = mapped_column(Integer, nullable=False)
    n_bearings: Mapped[int] = mapped_column(Integer, nullable=False)
    classes: Mapped[dict[str, Any]] = mapped_column(JSON, nullable=False)
    created_at: Mapped[float] = mapped_column(Double, nullable=False)
