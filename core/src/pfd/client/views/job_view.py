"""What a view is made from: a job, its files and its series, at whatever point of its life it is."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pfd.artifacts import ArtifactFolder, job_folder, place, published
from pfd.errors import ArtifactError, DataError, PfdError
from pfd.files import read_within
from pfd.hooks import ResultView
from pfd.job import ENDED, Job, State
from pfd.plugins import Registry
from pfd.series import reader
from pfd.series.reader import Point
from pfd.view_files import FIGURE, MOST_BYTES, TABLE, as_view
from pfd.views import (
    Block,
    Figure,
    Metric,
    Metrics,
    Table,
    Text,
    Warning,  # noqa: A004
)

MOST_TOLD = 60
"""What a task tells beside its progress, and is shown of it."""


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

    def kept(self, *names: str) -> Iterator[Block]:
        """The figures and tables of these names that the task has kept; a damaged one is a warning in its place.

        Of one that is not there nothing comes: jobs of an earlier version have not kept it.
        """
        for name in names:
            for there, read in ((self.figures, self.figure), (self.tables, self.table)):
                if name in there:
                    try:
                        yield read(name)
                    except ArtifactError as error:
                        yield Warning(text=str(error))

    def json(self, name: str) -> Mapping[str, Any]:
        """An object from a JSON file of the task; empty where there is none, or no object of moderate size."""
        try:
            found = json.loads(self.read(name, MOST_BYTES))
        except (PfdError, OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def standing(self) -> Iterator[Block]:
        """How a job stands that has not succeeded: how far it is, or why it failed and what to do."""
        job = self.job
        if job.failure is not None and job.state in ENDED:
            yield Warning(text=f"{job.failure.type}: {job.failure.message}")
            if job.failure.hint:
                yield Text(text=job.failure.hint, title="What to do")
        elif job.state is not State.SUCCESS:
            items = [
                Metric(name="state", value=job.state.value),
                Metric(name="done", value=100 * job.progress, unit="%"),
            ]
            items += [Metric(name="status", value=job.status)] if job.status else []
            told = [(name, value) for name, value in job.meta.items() if _is_scalar(value) and name.strip()]
            yield Metrics(items=(*items, *(Metric(name=name, value=value) for name, value in told[:MOST_TOLD])))

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


def _is_scalar(value: object) -> bool:
    return value is None or isinstance(value, bool | int | float | str)
