"""`pfd logs`: what a job has printed and logged."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pfd.cli.codes import CANCELLED, OK, say
from pfd.cli.completion import complete_job
from pfd.cli.state import Session, json_option, pass_session
from pfd.console import ByteStream, print_json
from pfd.errors import ArtifactError, StoreUnavailable
from pfd.job import ENDED, Job

if TYPE_CHECKING:
    from pfd.logs.log_reader import LogReader

LOOK_EVERY = 0.2
"""Seconds between looks for more."""


@click.command()
@click.argument("ref", metavar="[JOB]", default="@last", shell_complete=complete_job)
@click.option("-f", "--follow", "following", is_flag=True, help="Go on until the job has ended.")
@click.option("--claim", type=int, metavar="N", help="The log of an earlier run; 'pfd job' lists them.")
@click.option("--raw", is_flag=True, help="The bytes as they are; by default no character steers the terminal.")
@json_option
@pass_session
def logs(session: Session, ref: str, following: bool, claim: int | None, raw: bool, as_json: bool) -> int:
    """Print what the latest run of JOB has printed and logged.

    JOB is an id, the beginning of one, or @last, which it is where left out.  What a terminal would obey rather than
    show, such as colours, is written out; --raw leaves it as it is.
    """
    if raw and as_json:
        raise click.UsageError("--raw does not go with --json")
    if following and (as_json or claim is not None):
        raise click.UsageError("--follow goes with neither --json nor --claim")
    job = session.dispatcher.job(ref)
    if following:
        return _follow(session, job, raw=raw)
    number, path = _chosen(session, job, claim)
    reader = None if path is None else _reader(path)
    if as_json:
        text = b"".join(reader.read()).decode(errors="replace") if reader else ""
        print_json({"id": job.id, "state": job.state, "claim": number, "path": path and str(path), "text": text})
    elif reader is None:
        say(f"job {job.id[:8]} has printed nothing{'' if job.state in ENDED else f' yet; it is {job.state}'}")
    else:
        _print(reader, ByteStream(raw=raw))
    return OK


def _chosen(session: Session, job: Job, claim: int | None) -> tuple[int | None, Path | None]:
    """Claim and log of the run that was named, of the latest one that has any where none was; None where none has."""
    found = _logs(session, job)
    if claim is not None and claim not in found:
        there = ", ".join(map(str, sorted(found))) or "none"
        raise ArtifactError(f"job {job.id[:8]} has no log of claim {claim}; there are: {there}")
    # A job that waits for its next run has none yet; what its last one said is what one wants to read.
    number = max(found, default=None) if claim is None else claim
    return number, None if number is None else found[number]


def _logs(session: Session, job: Job) -> dict[int, Path]:
    from pfd.logs.log_file import log_path
    from pfd.logs.log_reader import logs

    return logs(log_path(session.settings.home, job).parent)


def _reader(path: Path) -> LogReader:
    from pfd.logs.log_reader import LogReader

    return LogReader(path)


def _follow(session: Session, job: Job, *, raw: bool) -> int:
    following, reader, away = max(_logs(session, job), default=0), None, False
    stream = ByteStream(raw=raw)
    try:
        while True:
            # The state first: what was printed before the end is then in the file.
            try:
                job = session.dispatcher.job(job.id)
                away = False
            except StoreUnavailable as error:
                if not away:
                    say(f"{error}; waiting for it")
                away = True
            found = _logs(session, job)
            for number in sorted(number for number in found if number >= following):
                if reader is None or number > following:
                    if reader is not None:
                        stream.write(b"", final=True)
                        say(f"--- job {job.id[:8]} runs again, attempt {job.attempt} ---")
                    following, reader = number, _reader(found[number])
                for piece in reader.read():
                    stream.write(piece)
            if job.state in ENDED:
                stream.write(b"", final=True)
                if reader is None:
                    say(f"job {job.id[:8]} has printed nothing")
                return OK
            time.sleep(LOOK_EVERY)
    except KeyboardInterrupt:
        say(f"job {job.id} goes on; 'pfd logs -f {job.id[:8]}' follows it again")
        return CANCELLED


def _print(reader: LogReader, stream: ByteStream) -> None:
    for piece in reader.read():
        stream.write(piece)
    stream.write(b"", final=True)
