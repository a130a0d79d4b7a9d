"""A table of the sample plugin."""

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from pfd.records import JobRecord, Record


class Note(JobRecord, Record):
    """One line that a job has written."""

    __tablename__ = "sample_note"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    text: Mapped[str] = mapped_column(Text)
