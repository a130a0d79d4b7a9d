"""What is shown of the jobs that make datasets: while they run, and once they have ended."""

from __future__ import annotations

from collections.abc import Iterator

from pfd import JobView
from pfd.views import Block, Link, Metric, Metrics, Table, columns

PROGRESS = "classes"
"""The series of recordings made so far, by class."""


def dataset_made(view: JobView) -> Iterator[Block]:
    """A generated dataset: what is in it, and a recording of each class."""
    result = view.result
    yield Metrics(
        items=(
            Metric(name="dataset", value=Link(kind="dataset", id=result["dataset_id"], label=result["name"])),
            Metric(name="recordings", value=result["n_recordings"]),
            Metric(name="bearings", value=result["n_bearings"]),
            Metric(name="classes", value=len(result["classes"])),
        )
    )
    yield from dataset_overview(view)


def dataset_overview(view: JobView) -> Iterator[Block]:
    """Classes, an example of each, and bearings; of a job of before, which has kept none of it, its classes."""
    if "classes" not in view.tables and (classes := view.result.get("classes")):
        yield Table(title="Classes", columns=columns("class", "recordings"), rows=tuple(classes.items()))
    yield from view.kept("classes", "examples", "bearings")


def dataset_so_far(view: JobView) -> Iterator[Block]:
    """How far the job is, class by class."""
    yield from view.standing()
    if not (points := view.points(PROGRESS)):
        return
    wanted = view.job.params.get("num_signals_per_fault")
    rows = tuple((name, int(count or 0), wanted) for name, count in points[-1].values.items())
    if wanted is None:  # of an import nobody knows it beforehand
        yield Table(title="Classes", columns=columns("class", "recordings so far"), rows=tuple(row[:2] for row in rows))
    else:
        yield Table(title="Classes", columns=columns("class", "recordings so far", "of"), rows=rows)
