"""A job as a notebook shows it: a small table in HTML, with the same as text for where there is no HTML."""

from __future__ import annotations

import html
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pfd.characters import one_line
from pfd.errors import QueueError
from pfd.job import ENDED, QUEUED, Job, State

if TYPE_CHECKING:
    from pfd.handles import Handle

log = logging.getLogger("pfd.client")

STATUS = 60
"""Characters of a status that are shown as text of a list."""

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
    """A job as an HTML table of one row."""
    return _table([_cells(job)])


def list_html(found: Sequence[Job], standing: str) -> str:
    """Jobs as an HTML table, and below it how many of how many they are."""
    table = _table([{**_cells(job), "age": _age(job)} for job in found]) if found else ""
    return f"{table}<div>{html.escape(one_line(standing))}</div>"


def list_text(found: Sequence[Job], standing: str) -> str:
    """Jobs as lines of text, and below them how many of how many they are."""
    rows = [["id", "task", "state", "done", "status", "queue", "age"]]
    rows += [
        [job.id[:8], job.task, job.state.value, f"{_share(job):.0%}", _status(job)[:STATUS], job.queue, _age(job)]
        for job in found
    ]
    texts = [[one_line(" ".join(cell.split())) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in texts if found]
    return "\n".join([*lines, one_line(standing)])


def _table(rows: Sequence[Mapping[str, str]]) -> str:
    """Rows of HTML cells by the heads of their columns; with styles of their own, since a notebook may drop a sheet."""
    style = 'style="text-align:left;padding:.2em .8em"'
    heads = "".join(f"<th {style}>{name}</th>" for name in rows[0])
    body = "".join("<tr>" + "".join(f"<td {style}>{cell}</td>" for cell in row.values()) + "</tr>" for row in rows)
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


def _cells(job: Job) -> dict[str, str]:
    """A job as cells of HTML, in which every text of a task is escaped."""
    colour = COLOURS[job.state]
    share = _share(job)
    bar = (
        '<div style="width:12em;height:.7em;background:rgba(128,128,128,.25);border-radius:.35em">'
        f'<div style="width:{share:.1%};height:100%;background:{colour};border-radius:.35em"></div></div>'
    )
    return {
        "task": html.escape(one_line(job.task)),
        "job": f'<code title="{html.escape(job.id)}">{html.escape(job.id[:8])}</code>',
        "state": f'<b style="color:{colour}">{job.state.value}</b>',
        "progress": bar,
        "": f"{share:.0%}",
        "status": html.escape(one_line(_status(job))),
        "time": _elapsed(job),
    }


def handle_text(job: Job) -> str:
    """A job in one line."""
    status = " ".join(_status(job).split())
    parts = [job.task, job.id[:8], job.state.value, f"{job.progress:.0%}", status, _elapsed(job)]
    return "  ".join(one_line(part) for part in parts if part)


def show_live(handle: Handle) -> None:
    """Show a handle in a notebook and keep the table up to date until the job has ended; as text elsewhere."""
    from IPython.core.getipython import get_ipython
    from IPython.display import display

    job = handle.job
    shell = get_ipython()
    if shell is None or not hasattr(shell, "kernel"):  # IPython in a terminal
        print(repr(handle))
        return
    table = display(_bundle(job), raw=True, display_id=True)  # type: ignore[no-untyped-call]  # IPython has no types
    if job.state not in ENDED and table is not None:
        follower = threading.Thread(target=_follow, args=(handle, table), name="pfd-display", daemon=True)
        follower.start()


def _follow(handle: Handle, table: Any) -> None:
    try:
        for job in handle.events():
            table.update(_bundle(job), raw=True)
    except QueueError as error:
        log.warning("the table of job %s is no longer kept up to date: %s", handle.id, error)


def _bundle(job: Job) -> dict[str, str]:
    return {"text/html": handle_html(job), "text/plain": handle_text(job)}


def _share(job: Job) -> float:
    return 1.0 if job.state is State.SUCCESS else job.progress


def _age(job: Job) -> str:
    """How long ago a job was submitted, in whole units."""
    seconds = max(0.0, time.time() - job.created_at)
    unit, length = next((one for one in _UNITS if seconds >= 2 * one[1]), ("s", 1))
    return f"{int(seconds) // length} {unit}"


_UNITS = (("d", 86400), ("h", 3600), ("min", 60))


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
