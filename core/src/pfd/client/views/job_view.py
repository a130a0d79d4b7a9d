"""What a view is made from: a job, its files and its series, at whatever point of its life it is."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pfd.artifacts import ArtifactFolder, job_folder, place, published
from pfd.errors import ArtifactError, DataError
from pfd.files import read_within
from pfd.hooks import ResultView
from pfd.job import Job, State
from pfd.plugins import Registry
from pfd.series import reader
from pfd.series.reader import Point
from pfd.view_files import FIGURE, MOST_BYTES, TABLE, as_view
from pfd.views import Figure, Table


class JobView:
    """Given to the functions that a `ResultView` names; read-only.

    Files are those of the latest run, whether or not it has succeeded; of one that has, they are what it published.

    Attributes
    ----------
    job : its parameters, state, progress and failure.
    declared : what the plugin says of the task's results.
    """

    def __init__(self, job: Job, home: Path, registry: Registry) -> None:
        self.job = job
        self.declared = registry.result_views().get(job.task) or ResultView(job.task)
        self._home = home

    @property
    def result(self) -> Mapping[str, Any]:
        """The result; empty until the job has succeeded."""
        return self.job.result or {}

    @functools.cached_property
    def files(self) -> tuple[str, ...]:
        """Names of the files, sorted."""
        if self.job.state is State.SUCCESS:
            return tuple(item.name for item in self.job.artifacts)
        if self.job.claim is None:
            return ()
        try:
            return tuple(item.name for item in ArtifactFolder(self._home, self.job.id, self.job.claim).listing())
        except OSError as error:
            raise ArtifactError(
                f"the files of job {self.job.id} cannot be listed: {error.strerror or error}"
            ) from error

    def path(self, name: str) -> Path:
        """Where a file lies.  Raises `ArtifactError` where there is none of that name."""
        if self.job.state is State.SUCCESS:
            return published(self._home, self.job, name)
        return self.where(name)

    def read(self, name: str, most: int) -> bytes:
        """The bytes of a file, at most `most` of them.

        A link on the way to it is not followed: while a job runs, its task may put one in the place of a file.

        Raises
        ------
        ArtifactError : there is none of that name, or it is larger, or something else than a file by now.
        """
        self.where(name)
        try:
            folder = job_folder(self._home, "artifacts", self.job.id) / str(self.job.claim or 0)
            return read_within(folder, name, most)
        except DataError as error:
            raise ArtifactError(str(error), hint=error.hint) from error

    def where(self, name: str) -> Path:
        """Where a file of that name is to lie, whether or not somebody has removed it.  Raises as `path` does."""
        if name not in self.files:
            raise ArtifactError(f"job {self.job.id} has no file {name!r}; it has: {', '.join(self.files) or 'none'}")
        return place(self._home, self.job, name)

    @property
    def figures(self) -> tuple[str, ...]:
        """Names of the figures that the task has kept."""
        return tuple(name.removesuffix(FIGURE) for name in self.files if name.endswith(FIGURE))

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables that the task has kept."""
        return tuple(name.removesuffix(TABLE) for name in self.files if name.endswith(TABLE))

    def figure(self, name: str) -> Figure:
        """A figure that the task has kept.  Raises `ArtifactError`."""
        return as_view(f"{name}{FIGURE}", self.read(f"{name}{FIGURE}", MOST_BYTES), Figure)

    def table(self, name: str) -> Table:
        """A table that the task has kept.  Raises `ArtifactError`."""
        return as_view(f"{name}{TABLE}", self.read(f"{name}{TABLE}", MOST_BYTES), Table)

    @property
    def series(self) -> tuple[str, ...]:
        """Names of the series recorded so far, of all runs."""
        return reader.names(self._logs)

    def all_points(self) -> dict[str, tuple[Point, ...]]:
        """The points of all series so far, by name, without what a later run has taken back."""
        return {name: reader.merged(points) for name, points in reader.read_all(self._logs).items()}

    def points(self, series: str) -> tuple[Point, ...]:
        """The points of a series so far, without what a later run has taken back."""
        return reader.merged(reader.read(self._logs, series).points)

    @property
    def _logs(self) -> Path:
        return job_folder(self._home, "logs", self.job.id)
