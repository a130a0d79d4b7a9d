"""`pfd report`: jobs as one page that can be sent and kept."""

from __future__ import annotations

from pathlib import Path

import click

from pfd.artifacts import replacing
from pfd.cli.codes import say
from pfd.cli.completion import complete_job
from pfd.cli.output import size
from pfd.cli.state import Session, pass_session
from pfd.console import echo, one_line
from pfd.errors import DataError


@click.command()
@click.argument("refs", metavar="[JOB]...", nargs=-1, shell_complete=complete_job)
@click.option(
    "--to",
    "target",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write it, or - for standard output; report-JOB.html in this folder by default.",
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@pass_session
def report(session: Session, refs: tuple[str, ...], target: Path | None, force: bool) -> None:
    """Write a report of jobs: one HTML page with their figures, tables and series, which loads nothing from elsewhere.

    JOB is an id, the beginning of one, or @last, which it is where left out.  Jobs that run or have failed are shown as
    far as they came.
    """
    from pfd.client.views.report import report as make

    jobs = [session.dispatcher.job(ref) for ref in refs or ("@last",)]
    if target == Path("-"):
        echo(make(jobs, session.settings.home, session.registry, session.dispatcher.store))
        return
    path = target or Path(f"report-{jobs[0].id[:8]}.html")
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise DataError(f"{path} is no ordinary file", hint="--to FILE names another one")
    if path.exists() and not force:
        raise DataError(f"{path} is there already", hint="--force writes over it, --to FILE names another one")
    if not path.parent.is_dir():
        raise DataError(f"{path.parent} is no folder", hint="make it first")
    page = make(jobs, session.settings.home, session.registry, session.dispatcher.store).encode()
    try:
        with replacing(path) as temporary:
            temporary.write_bytes(page)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}") from error
    say(f"{len(jobs)} job{'s' if len(jobs) > 1 else ''}, {size(len(page))}")
    echo(one_line(path))
