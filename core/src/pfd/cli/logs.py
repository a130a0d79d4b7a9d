"""`pfd logs`: what a job has printed and logged."""

from __future__ import annotations

import time
from pathlib import Path

import click

from pfd.cli.codes import CANCELLED, OK, say
from pfd.cli.completion import complete_job
from pfd.cli.output import print_json
from pfd.cli.state import Session, json_option, pass_session
from pfd.errors import ArtifactError
from pfd.job import ENDED, Job

LOOK_EVERY = 0.2
"""Seconds between looks for more."""

PIECE = 1 << 16


@click.command()
@click.argument("ref", metavar="[JOB]", default="@last", shell_complete=complete_job)
@click.option("-f", "--follow", "following", is_flag=True, help="Go on until the job has ended.")
@click.option("--claim", type=int, metavar="N", help="The log of an earlier run; 'pfd job' lists them.")
@json_option
@pass_session
def logs(session: Session, ref: str, following: bool, claim: int | None, as_json: bool) -> int:
    """Print what the latest run of JOB has printed and logged.

    JOB is an id, the beginning of one, or @last, which it is where left out.
    """
    if following and (as_json or claim is not None):
        raise click.UsageError("--follow goes with neither --json nor --claim")
    job = session.dispatcher.job(ref)
    if following:
        return _follow(session, job)
    path = _path(session, job, claim)
    if as_json:
        text = path.read_text(encoding="utf-8", errors="replace") if path else ""
        number = int(path.stem) if path else None
        print_json(
            {"id": job.id, "state": job.state, "claim": number, "path": str(path) if path else None, "text": text}
        )
    elif path is None:
        say(f"job {job.id[:8]} has printed nothing{'' if job.state in ENDED else f' yet; it is {job.state}'}")
    else:
        _copy(path, 0)
    return OK


def _path(session: Session, job: Job, claim: int | None = None) -> Path | None:
    """The log of a run, of the latest one that has any where none is named; None where there is none."""
    folder = session.dispatcher.log_path(job.id).parent
    found = {int(path.stem): path for path in folder.glob("*.log") if path.stem.isdigit()}
    if claim is not None and claim not in found:
        there = ", ".join(map(str, sorted(found))) or "none"
        raise ArtifactError(f"job {job.id[:8]} has no log of claim {claim}; there are: {there}")
    # A job that waits for its next run has none yet; what its last one said is what one wants to read.
    return found.get(max(found, default=0) if claim is None else claim)


def _follow(session: Session, job: Job) -> int:
    path, done = None, 0
    try:
        while True:
            # The state first: what was printed before the end is then in the file.
            job = session.dispatcher.job(job.id)
            latest = _path(session, job)
            if latest != path:
                if path is not None:
                    say(f"--- job {job.id[:8]} runs again, attempt {job.attempt} ---")
                path, done = latest, 0
            if path is not None:
                done = _copy(path, done)
            if job.state in ENDED:
                if path is None:
                    say(f"job {job.id[:8]} has printed nothing")
                return OK
            time.sleep(LOOK_EVERY)
    except KeyboardInterrupt:
        say(f"job {job.id} goes on; 'pfd logs -f {job.id[:8]}' follows it again")
        return CANCELLED


def _copy(path: Path, start: int) -> int:
    """Print a file from `start` on; where it ended."""
    with path.open("rb") as file:
        file.seek(start)
        while piece := file.read(PIECE):
            click.echo(piece, nl=False)
        return file.tell()
