"""A job as a notebook shows it: a small table in HTML, with the same as text for where there is no HTML."""

from __future__ import annotations

import html
import time

from pfd.job import ENDED, QUEUED, Job, State

COLOURS = {
    State.PENDING: "#888",
    State.RETRY: "#b58900",
    State.STARTED: "#2a7ab0",
    State.PROGRESS: "#2a7ab0",
    State.SUCCESS: "#2e8b57",
    State.FAILURE: "#c0392b",
    State.REVOKED: "#8e44ad",
}


def handle_html(job: Job) -> str:
    """A job as an HTML table of one row.  Every text of a task is escaped; styles are inline, since a notebook may
    drop a sheet of them."""
    colour = COLOURS[job.state]
    share = 1.0 if job.state is State.SUCCESS else job.progress
    bar = (
        '<div style="width:12em;height:.7em;background:rgba(128,128,128,.25);border-radius:.35em">'
        f'<div style="width:{share:.1%};height:100%;background:{colour};border-radius:.35em"></div></div>'
    )
    cells = {
        "task": html.escape(job.task),
        "job": f'<code title="{html.escape(job.id)}">{html.escape(job.id[:8])}</code>',
        "state": f'<b style="color:{colour}">{job.state.value}</b>',
        "progress": bar,
        "": f"{share:.0%}",
        "status": html.escape(_status(job)),
        "time": _elapsed(job),
    }
    style = 'style="text-align:left;padding:.2em .8em"'
    heads = "".join(f"<th {style}>{name}</th>" for name in cells)
    row = "".join(f"<td {style}>{cell}</td>" for cell in cells.values())
    return f"<table><thead><tr>{heads}</tr></thead><tbody><tr>{row}</tr></tbody></table>"


def handle_text(job: Job) -> str:
    """A job in one line."""
    parts = [
        job.task,
        job.id[:8],
        job.state.value,
        f"{job.progress:.0%}",
        " ".join(_status(job).split()),
        _elapsed(job),
    ]
    return "  ".join(part for part in parts if part)


def _status(job: Job) -> str:
    if job.failure is not None and job.state in ENDED:
        return f"{job.failure.type}: {job.failure.message}"
    if job.state in QUEUED and job.waiting:
        return f"waits for {job.waiting} other job{'s' if job.waiting > 1 else ''}"
    return job.status


def _elapsed(job: Job) -> str:
    """How long the latest run has taken, as minutes and seconds."""
    if job.started_at is None:
        return ""
    seconds = max(0.0, (job.ended_at or time.time()) - job.started_at)
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
