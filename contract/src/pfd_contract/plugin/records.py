"""A table of the contract's plugin."""

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from pfd.records import JobRecord, Record


class ContractRow(JobRecord, Record):
    """One line that a job has written."""

    __tablename__ = "contract_row"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    text: Mapped[str] = mapped_column(Text)
