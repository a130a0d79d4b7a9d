"""How a job ended, printed: its result, its files, or why it failed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from pfd.cli import output
from pfd.cli.live import elapsed
from pfd.cli.state import Session
from pfd.job import ENDED, Job, State

LONGEST, MOST_ROWS = 100, 50
"""Characters of one value, rows of a list of objects; `--json` gives all of it."""


def show_outcome(session: Session, job: Job, *, as_json: bool) -> None:
    """Print the end of a job.

    Raises
    ------
    JobError : it did not end well; of what kind the error is says how.
    """
    if as_json:
        output.print_json(as_dict(session, job))
    elif job.state is State.SUCCESS:
        show_result(session, job.task, job.result or {})
        for path in files(session, job).values():
            click.echo(f"file: {path}")
    require_success(session, job)


def require_success(session: Session, job: Job) -> None:
    """Raise what stands for a bad end of a job; the traceback of its task is printed where `--debug` asks for it."""
    from pfd.dispatcher import failure_of

    if job.state is State.SUCCESS:
        return
    if session.debug and job.failure and job.failure.traceback:
        click.echo(job.failure.traceback, err=True)
    raise failure_of(job)


def files(session: Session, job: Job) -> dict[str, Path]:
    """Where the published files of a job lie."""
    return session.dispatcher.handle(job.id).artifacts


def as_dict(session: Session, job: Job) -> dict[str, Any]:
    """A job as JSON for other programs; result, failure and files once it has ended."""
    shown: dict[str, Any] = {
        "id": job.id,
        "task": job.task,
        "queue": job.queue,
        "state": job.state.value,
        **job.info,
        "attempt": job.attempt,
        "seconds": elapsed(job),
    }
    if job.state in ENDED:
        failure = job.failure
        shown["result"] = job.result
        shown["failure"] = failure and {"type": failure.type, "message": failure.message, "hint": failure.hint}
        shown["artifacts"] = {name: str(path) for name, path in files(session, job).items()}
    return shown


def show_result(session: Session, task: str, result: Mapping[str, Any]) -> None:
    """Print a result: the fields that its plugin thinks worth a line first, then the others."""
    view = session.registry.result_views().get(task)
    first = [name for name in (view.fields if view else ()) if name in result]
    names = [*first, *(name for name in result if name not in first)]
    output.fields({name: brief(result[name]) for name in names if not _is_rows(result[name])})
    for name in filter(lambda name: _is_rows(result[name]), names):
        output.heading(name)
        rows = result[name]
        output.table(list(rows[0]), [[brief(cell, 40) for cell in row.values()] for row in rows[:MOST_ROWS]])
        if len(rows) > MOST_ROWS:
            click.echo(f"… and {len(rows) - MOST_ROWS} more")


def brief(value: Any, most: int = LONGEST) -> str:
    """A value in at most so many characters."""
    if isinstance(value, list) and _is_rows(value):
        return f"{len(value)} entries"
    text = output.clean(output.short_value(value)) or "–"
    return text if len(text) <= most else text[: most - 1] + "…"


def _is_rows(value: Any) -> bool:
    """Whether a value is a list of objects with the same fields."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(row, Mapping) and list(row) == list(value[0]) for row in value)
    )
