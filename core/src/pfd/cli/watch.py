"""`pfd watch`: the bar of a job that was submitted elsewhere."""

from __future__ import annotations

import json

import click

from pfd.cli.completion import complete_job
from pfd.cli.live import Attendant, follow, left_behind, named, open_display
from pfd.cli.outcome import as_dict, require_success, show_outcome
from pfd.cli.state import Session, json_option, pass_session


@click.command()
@click.argument("job", default="@last", shell_complete=complete_job)
@click.option("--timeout", type=click.FloatRange(min=0), metavar="S", help="Watch no longer (exit code 124).")
@json_option
@pass_session
def watch(session: Session, job: str, timeout: float | None, as_json: bool) -> None:
    """Follow JOB (an id, the beginning of one, or @last) until it has ended.

    Exits as 'pfd submit --wait' does: 0 on success, 1 on failure, 130 when the job was cancelled.  --json prints one
    line a change.
    """
    handle = session.dispatcher.handle(job)
    try:
        if as_json:
            for now in handle.events(timeout):
                click.echo(json.dumps(as_dict(session, now), ensure_ascii=False))
            require_success(session, handle.job)
            return
        with open_display() as display, Attendant(session, display, here=False) as attendant:
            name = named(handle.job)
            end = follow(display, {name: handle}, attendant, timeout=timeout)[name]
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"interrupted; {left_behind(session, handle.id)}") from None
    except TimeoutError as error:
        raise TimeoutError(f"{error}; {left_behind(session, handle.id)}") from None
    show_outcome(session, end, as_json=False)
