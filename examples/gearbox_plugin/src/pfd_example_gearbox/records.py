"""The tables: gearboxes, and the spectra of their gears."""

from __future__ import annotations

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from pfd.records import JobRecord, Record, TrackedRecord


class GearboxRow(JobRecord, Record):
    """A gearbox: `teeth` of the driving and the driven gear of each stage."""

    __tablename__ = "gearbox_gearbox"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    teeth: Mapped[list[int]] = mapped_column(JSON)


class SpectrumRow(TrackedRecord, Record):
    """A spectrum, from the submission of its job on."""

    __tablename__ = "gearbox_spectrum"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    gearbox: Mapped[str | None] = mapped_column(String(40))
    fault: Mapped[str | None] = mapped_column(String(20))
    sideband_ratio: Mapped[float | None]
