"""A page of the jobs that were looked for: a list, with how many there are in all and where the next page begins."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from pfd.errors import PfdError
from pfd.job import Job

if TYPE_CHECKING:
    import pandas as pd

_TIMES = ("created_at", "due_at", "started_at", "ended_at")


class JobList(list[Job]):
    """Jobs, newest first, without parameters and results: a list, and equal to one.

    Attributes
    ----------
    next : what `before` is given for the page after this one; None where this is the last.
    """

    def __init__(
        self,
        found: Iterable[Job] = (),
        *,
        next: int | None = None,
        count: Callable[[], int] = int,
        total: int | None = None,
    ) -> None:
        super().__init__(found)
        self.next = next
        self._count = count
        self._total = total

    def __reduce__(self) -> tuple[Any, ...]:
        """Copied and pickled with what is known: a copy elsewhere has no store to count in."""
        return _copied, (list(self), self.next, self._total)

    @property
    def total(self) -> int:
        """How many jobs there are on all pages: counted when it is first asked for.  Raises `StoreError`."""
        if self._total is None:
            self._total = self._count()
        return self._total

    def to_dicts(self) -> list[dict[str, Any]]:
        """Each job as `Job.to_dict()`: what `pfd jobs --json` prints."""
        return [job.to_dict() for job in self]

    def to_pandas(self) -> pd.DataFrame:
        """A table of one row a job and a column for each name of `Job.to_dict()`; times are timestamps in UTC.

        Raises `PfdError` where pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise PfdError(f"a table needs pandas, which is not there: {error}", hint="pip install pandas") from error
        rows = self.to_dicts()
        table = pd.DataFrame(rows, columns=list(rows[0]) if rows else None)
        for name in _TIMES if rows else ():
            table[name] = pd.to_datetime(table[name].replace(0.0, None), unit="s", utc=True)  # due at once
        return table

    def _standing(self) -> str:
        """How many of how many these are, in words."""
        try:
            total = self.total
        except PfdError as error:  # it is to be shown all the same
            return f"{_jobs(len(self))}; all cannot be counted: {error}"
        more = "" if self.next is None else f"; the next: before={self.next}"
        return f"{len(self):,} of {_jobs(total)}{more}"

    def __repr__(self) -> str:
        from pfd.client.display import list_text

        return list_text(self, self._standing())

    def _repr_html_(self) -> str:
        from pfd.client.display import list_html

        return list_html(self, self._standing())


def _copied(found: list[Job], next_: int | None, total: int | None) -> JobList:
    def count() -> int:
        raise PfdError("this page was copied before its jobs were counted", hint="ask for its total first")

    return JobList(found, next=next_, count=count, total=total)


def _jobs(number: int) -> str:
    return f"{number:,} job{'' if number == 1 else 's'}"
