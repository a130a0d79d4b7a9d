"""The table of experiments."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from pfd.records import JobRecord, Record


class ExperimentRow(JobRecord, Record):
    """One trained model: what it learnt from, how, and what came of it.

    `leaks` says how training has looked at what is judged, once for each way; `split_digest` is equal where windows are
    dealt alike.  Paths are relative to PFD_HOME; seals tell whether their files are as they were written.
    """

    __tablename__ = "training_experiment"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    model: Mapped[str] = mapped_column(String(64), nullable=False)
    dataset_id: Mapped[int] = mapped_column(Integer, nullable=False)
    dataset_name: Mapped[str] = mapped_column(String(64), nullable=False)
    dataset_fingerprint: Mapped[str] = mapped_column(String(128), nullable=False)
    feature_set_id: Mapped[int | None] = mapped_column(Integer)
    random_seed: Mapped[int] = mapped_column(BigInteger, nullable=False)
    provenance: Mapped[str] = mapped_column("stamp", Text, nullable=False)
    leaky: Mapped[bool] = mapped_column(Boolean, nullable=False)
    leaks: Mapped[list[Any]] = mapped_column(JSON, nullable=False)
    split_protocol: Mapped[str | None] = mapped_column(String(64))
    split_digest: Mapped[str | None] = mapped_column(String(64))
    classes: Mapped[list[Any]] = mapped_column(JSON, nullable=False)
    split: Mapped[dict[str, Any]] = mapped_column(JSON, nullable=False)
    config: Mapped[dict[str, Any]] = mapped_column(JSON, nullable=False)
    metrics: Mapped[dict[str, Any]] = mapped_column(JSON, nullable=False)
    model_path: Mapped[str] = mapped_column(Text, nullable=False)
    predictions_path: Mapped[str] = mapped_column(Text, nullable=False)
    model_seal: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    predictions_seal: Mapped[dict[str, Any] | None] = mapped_column(JSON)
