"""A campaign: children at growing depths of a fault, the deeper ones spared once a running one is seen for certain."""

from __future__ import annotations

import time

from pfd import Job, State, TaskContext
from pfd.views import Column, Link, Table
from pfd_example_gearbox.params import Campaign, CampaignParams

LOOK_S = 0.2
"""Seconds between two looks at running children."""


def campaign(params: CampaignParams, ctx: TaskContext) -> Campaign:
    """Run a spectrum for each depth; one that fails is told of, and ends nothing."""
    shared = params.model_dump(include={"gearbox", "rpm", "realtime", "blocks", "fault"})
    depths: dict[str, float] = {}
    for depth in sorted(set(params.depths)):
        depths[ctx.submit_child("mesh_spectrum_task", {**shared, "depth": depth}, key=f"{depth:g}")] = depth
    _watch(params, ctx, depths)
    ended = {job.id: job for job in ctx.wait_children(depths)}
    rows = tuple((depths[child], *_row(ended[child])) for child in depths)
    columns = ("depth", "spectrum", "state", "sideband ratio", "what happened")
    ctx.table("depths", Table(columns=tuple(Column(name=name) for name in columns), rows=rows))
    states = [job.state for job in ended.values()]
    seen = [depths[job.id] for job in ended.values() if (job.result or {}).get("suspect")]
    return Campaign(
        smallest_suspect=min(seen, default=None),
        measured=states.count(State.SUCCESS),
        spared=states.count(State.REVOKED),
        failed=states.count(State.FAILURE),
    )


def _watch(params: CampaignParams, ctx: TaskContext, depths: dict[str, float]) -> None:
    """Look at the children until all have ended; cancel those that are deeper than one that is seen for certain."""
    while live := {child.id: child for child in ctx.children() if not child.state.has_ended}:
        done = len(depths) - len(live) + sum(child.progress for child in live.values())
        ctx.progress(done / len(depths), f"{len(live)} of {len(depths)} depths are measured")
        certain = [depths[child] for child in live if _ratio(ctx, child) >= params.enough]
        for child in live:
            if certain and depths[child] > min(certain):
                ctx.log.info("depth %g is spared: depth %g is seen already", depths[child], min(certain))
                ctx.cancel_child(child)
        ctx.check_cancelled()
        time.sleep(LOOK_S)


def _ratio(ctx: TaskContext, child: str) -> float:
    """The running sideband ratio of a child, once it has averaged a few blocks."""
    points = ctx.child_series(child, "averaging")
    return points[-1].values["sideband_ratio"] or 0.0 if len(points) >= 4 else 0.0


def _row(job: Job) -> tuple[Link, str, float | None, str]:
    link = Link(kind="job", id=job.id, label=job.id[:8])
    said = job.failure.message if job.failure is not None else ""
    return link, job.state.value, (job.result or {}).get("sideband_ratio"), said
