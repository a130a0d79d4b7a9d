"""Tables of the sample plugin."""

from sqlalchemy import Integer, Text
from sqlalchemy.orm import Mapped, mapped_column

from pfd.records import JobRecord, Record, TrackedRecord


class Note(JobRecord, Record):
    """One line that a job has written."""

    __tablename__ = "sample_note"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    text: Mapped[str] = mapped_column(Text)


class Fit(TrackedRecord, Record):
    """What stands for a job from its submission on."""

    __tablename__ = "sample_fit"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    method: Mapped[str | None] = mapped_column(Text)
    value: Mapped[int | None] = mapped_column(Integer)
