"""The table of feature sets."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Boolean, Float, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from pfd.records import JobRecord, Record


class FeatureSetRow(JobRecord, Record):
    """One feature set: what was described, how, and where the table lies (relative to PFD_HOME).

    `libraries` are the versions that computed it, and `seal` tells whether the file is as it was written.  A selection
    names the set that it was `selected_from`, and the protocol and digest of the split that it was made on; `leaky` is
    whether that looked at what is to be judged, and `provenance` says all this in one line.
    """

    __tablename__ = "features_feature_set"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    dataset_id: Mapped[int] = mapped_column(Integer, nullable=False)
    dataset_fingerprint: Mapped[str] = mapped_column(String(128), nullable=False)
    path: Mapped[str] = mapped_column(String(1024), nullable=False)
    version: Mapped[int] = mapped_column(Integer, nullable=False)
    window: Mapped[int] = mapped_column(Integer, nullable=False)
    hop: Mapped[int] = mapped_column(Integer, nullable=False)
    sample_rate_hz: Mapped[float] = mapped_column(Float, nullable=False)
    lowpass_hz: Mapped[float | None] = mapped_column(Float)
    channel: Mapped[str] = mapped_column(String(255), nullable=False)
    speed_source: Mapped[str | None] = mapped_column(String(16))
    n_windows: Mapped[int] = mapped_column(Integer, nullable=False)
    features: Mapped[list[Any]] = mapped_column(JSON, nullable=False)
    seal: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    libraries: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    n_unusable: Mapped[int | None] = mapped_column(Integer)
    selected_from: Mapped[int | None] = mapped_column(Integer)
    split_protocol: Mapped[str | None] = mapped_column(String(64))
    split_digest: Mapped[str | None] = mapped_column(String(64))
    provenance: Mapped[str | None] = mapped_column("stamp", Text)
    leaky: Mapped[bool | None] = mapped_column(Boolean)
