"""What programs show of a job: its blocks, files and series, and its log piece by piece.

Loaded by those that show jobs: a client that submits some does without views.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pfd.arguments import MAX_NUMBER, a_text, an_integer
from pfd.artifacts import job_folder
from pfd.client.log_piece import LogPiece, read_piece
from pfd.client.views import choice
from pfd.client.views.job_view import JobView
from pfd.client.views.report import Page, report
from pfd.job import Job
from pfd.plugins import Registry
from pfd.series import reader
from pfd.series.reader import Points
from pfd.store import Store

if TYPE_CHECKING:
    from pfd.views import Block


class Showing:
    """One job, as it was when this was made, and what lies in its folders now."""

    def __init__(self, job: Job, home: Path, registry: Registry, store: Store) -> None:
        self._job = job
        self._store = store
        self._home = home
        self._registry = registry
        self._logs = job_folder(home, "logs", job.id)

    def blocks(self) -> tuple[Block, ...]:
        return choice.blocks(self._job, self._home, self._registry)

    def page(self) -> Page:
        jobs = [self._job]
        return Page(jobs, report(jobs, self._home, self._registry, self._store))

    def artifacts(self) -> dict[str, Path]:
        view = JobView(self._job, self._home, self._registry)
        return {name: view.where(name) for name in view.files}

    def series(self, name: str, since: str) -> Points:
        return reader.read(self._logs, a_text("name", name), since)

    def series_names(self) -> tuple[str, ...]:
        return reader.names(self._logs)

    def log(self, since: str, most: int | None) -> LogPiece:
        most = an_integer("most", most)
        return read_piece(self._home, self._job, since, MAX_NUMBER if most is None else most)
