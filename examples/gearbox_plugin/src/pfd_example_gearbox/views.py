"""What is shown of jobs."""

from __future__ import annotations

from collections.abc import Iterator

from pfd import JobView
from pfd.views import (
    Axis,
    Block,
    Column,
    Curve,
    Download,
    Figure,
    Link,
    Metric,
    Metrics,
    Panel,
    Table,
    Text,
    Warning,  # noqa: A004
)


def spectrum_ended(view: JobView) -> Iterator[Block]:
    """The verdict, which gearbox it is of, and the lines."""
    found = view.result
    if found["suspect"]:
        yield Warning(text=f"The sidebands are {found['sideband_ratio']:.2f} of the mesh: look at the gear.")
    yield Metrics(
        items=(
            Metric(name="sideband ratio", value=found["sideband_ratio"]),
            Metric(name="tooth mesh", value=found["mesh_hz"], unit="Hz"),
        )
    )
    gearbox = Link(kind="gearbox", id=found["gearbox_id"], label=found["gearbox"])
    yield Table(columns=(Column(name="gearbox"), Column(name="stage")), rows=((gearbox, view.job.params["stage"]),))
    yield view.figure("spectrum")
    yield view.table("lines")
    yield Download(artifact="lines.json", label="the lines as JSON")


def spectrum_so_far(view: JobView) -> Iterator[Block]:
    """The ratio as it settles; of a job that has failed, too."""
    points = view.points("averaging")
    if view.job.failure is not None:
        yield Warning(text=view.job.failure.message)
    if not points:
        yield Text(text="Nothing has been averaged yet.")
        return
    ratios = [point.values["sideband_ratio"] for point in points]
    yield Metrics(items=(Metric(name="sideband ratio so far", value=ratios[-1]),))
    curve = Curve(x=[point.step + 1 for point in points], y=ratios, name="sideband ratio")
    panel = Panel(x=Axis(label="blocks"), y=Axis(label="sideband ratio"), marks=(curve,))
    yield Figure(title="Averaging", alt="The sideband ratio over the blocks averaged so far.", panels=(panel,))


def campaign_ended(view: JobView) -> Iterator[Block]:
    """The smallest fault that is seen, and what became of each depth."""
    smallest = view.result["smallest_suspect"]
    yield Metrics(items=(Metric(name="smallest depth that is seen", value=smallest),))
    yield view.table("depths")
