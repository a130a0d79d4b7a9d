"""`pfd watch`: the bar of a job that was submitted elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from pfd.cli.completion import complete_job
from pfd.cli.live import Attendant, follow, left_behind, named, open_display
from pfd.cli.outcome import as_dict, require_success, show_outcome
from pfd.cli.state import Session, json_option, pass_session
from pfd.console import print_json
from pfd.errors import StoreUnavailable
from pfd.job import Job

if TYPE_CHECKING:
    from pfd.client.handle import JobHandle


@click.command()
@click.argument("job", default="@last", shell_complete=complete_job)
@click.option("--timeout", type=click.FloatRange(min=0), metavar="S", help="Watch no longer (exit code 124).")
@json_option
@pass_session
def watch(session: Session, job: str, timeout: float | None, as_json: bool) -> None:
    """Follow JOB (an id, the beginning of one, or @last) until it has ended.

    A store that is away meanwhile is waited for.  Exits as 'pfd submit --wait' does: 0 on success, 1 on failure, 130
    when the job was cancelled.  --json prints one line a change.
    """
    handle = session.dispatcher.handle(job)
    try:
        if as_json:
            for now in handle.events(timeout):
                print_json(as_dict(session, now), indent=None)
            require_success(session, now)
            return
        end = _follow(session, handle, timeout)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"interrupted; {_what_becomes_of(session, handle)}") from None
    except TimeoutError as error:
        raise TimeoutError(f"{error}; {_what_becomes_of(session, handle)}") from None
    show_outcome(session, end, as_json=False)


def _follow(session: Session, handle: JobHandle, timeout: float | None) -> Job:
    began, left = time.monotonic(), timeout
    with open_display() as display, Attendant(session, display, here=False) as attendant:
        while True:
            try:
                name = named(handle.job)
                return follow(display, {name: handle}, attendant, timeout=left)[name]
            except StoreUnavailable:
                left = None if timeout is None else max(0.0, began + timeout - time.monotonic())
                next(handle.events(left))  # says so, and waits until it is back


def _what_becomes_of(session: Session, handle: JobHandle) -> str:
    try:
        return left_behind(session, handle.id)
    except StoreUnavailable:
        return f"job {handle.id} goes on; 'pfd watch {handle.id[:8]}' follows it when the store is back"
