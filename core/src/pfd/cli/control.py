"""`pfd cancel` and `pfd retry`."""

from __future__ import annotations

import click

from pfd.cli.codes import say
from pfd.cli.completion import complete_job
from pfd.cli.served import no_worker, unserved
from pfd.cli.state import Session, json_option, pass_session
from pfd.console import echo, one_line, print_json
from pfd.job import ENDED, Job, State


@click.command()
@click.argument("refs", metavar="JOB...", nargs=-1, required=True, shell_complete=complete_job)
@json_option
@pass_session
def cancel(session: Session, refs: tuple[str, ...], as_json: bool) -> None:
    """Cancel each JOB (an id, the beginning of one, or @last).

    A queued job ends at once; a running one is asked to stop, and is ended where it does not.  A job that has ended is
    left as it is.  Where one of the names is wrong, nothing is cancelled.
    """
    session.announce()
    dispatcher = session.dispatcher
    befores = {job.id: job for job in [dispatcher.job(ref) for ref in refs]}
    afters = [dispatcher.cancel(identity) for identity in befores]
    if as_json:
        print_json([{"id": job.id, "state": job.state, "cancel_requested": job.cancel_requested} for job in afters])
        return
    for after in afters:
        echo(f"{after.id[:8]}  {one_line(after.task)}  {_said(befores[after.id], after)}")


def _said(before: Job, after: Job) -> str:
    if before.state in ENDED:
        return f"had already ended: {before.state}"
    if after.state is State.REVOKED:
        return "cancelled"
    return f"has just ended: {after.state}" if after.state in ENDED else "asked to stop"


@click.command()
@click.argument("ref", metavar="JOB", shell_complete=complete_job)
@json_option
@pass_session
def retry(session: Session, ref: str, as_json: bool) -> None:
    """Submit JOB (an id, the beginning of one, or @last) again, as a new job that names the old; print the new id."""
    session.announce()
    job = session.dispatcher.retry(ref).job
    if as_json:
        print_json({"id": job.id, "task": job.task, "queue": job.queue, "state": job.state, "retry_of": job.retry_of})
    else:
        echo(job.id)
    if job.state not in ENDED and unserved(session, [job]):
        say(*no_worker([job]))
