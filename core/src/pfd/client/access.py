"""What a handle needs of whoever gave it: the store, and what may be done to a job."""

from __future__ import annotations

from typing import Protocol

from pfd.job import Job
from pfd.settings import Settings
from pfd.store import Store, WorkerInfo


class Access(Protocol):
    """A dispatcher, as handles and those that wait for jobs see it."""

    settings: Settings

    @property
    def store(self) -> Store:
        """The job table."""

    def cancel(self, ref: str) -> Job:
        """Cancel a job."""

    def forget(self, ref: str) -> None:
        """Remove an ended job and its files."""

    def reclaim(self) -> tuple[str, ...]:
        """Reclaim jobs from dead workers of this machine."""

    def workers(self) -> list[WorkerInfo]:
        """The live workers."""
