"""The table of experiments."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Double, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from pfd.records import Record, TrackedRecord


class ExperimentRow(TrackedRecord, Record):
    """One trained model, from the submission of its job on: what it learns from, how, and what has come of it.

    What only a run can know is null until it is written.  `leaks` says how training has looked at what is judged, once
    for each way; `split_digest` is equal where windows are dealt alike.  Paths are relative to PFD_HOME; seals tell
    whether their files are as they were written.
    """

    __tablename__ = "training_experiment"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012  (an id that has gone never comes again)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(String(200), nullable=False, default="")
    created_at: Mapped[float] = mapped_column(Double, nullable=False, default=time.time)
    model: Mapped[str | None] = mapped_column(String(64))
    dataset_id: Mapped[int | None] = mapped_column(Integer)
    dataset_name: Mapped[str | None] = mapped_column(String(64))
    dataset_fingerprint: Mapped[str | None] = mapped_column(String(128))
    feature_set_id: Mapped[int | None] = mapped_column(Integer)
    random_seed: Mapped[int | None] = mapped_column(BigInteger)
    provenance: Mapped[str | None] = mapped_column("stamp", Text)
    leaky: Mapped[bool | None] = mapped_column(Boolean)
    leaks: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    split_protocol: Mapped[str | None] = mapped_column(String(64))
    split_digest: Mapped[str | None] = mapped_column(String(64))
    classes: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    split: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    config: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    metrics: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    model_path: Mapped[str | None] = mapped_column(Text)
    predictions_path: Mapped[str | None] = mapped_column(Text)
    model_seal: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    predictions_seal: Mapped[dict[str, Any] | None] = mapped_column(JSON)
