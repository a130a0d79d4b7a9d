"""`pfd open`: the plots of a job."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import PurePosixPath

import click

from pfd.artifacts import published
from pfd.cli.codes import say
from pfd.cli.completion import complete_job
from pfd.cli.state import Session, json_option, pass_session
from pfd.console import echo, one_line, print_json
from pfd.errors import ArtifactError, JobError
from pfd.job import Job, State

PLOTS = (".html", ".png", ".svg", ".jpg", ".jpeg", ".gif", ".webp", ".pdf")
"""What is opened where the plugin names nothing; of one plot in several formats, the first of these."""


@click.command("open")
@click.argument("ref", metavar="[JOB]", default="@last", shell_complete=complete_job)
@click.argument("names", nargs=-1, metavar="[FILE]...")
@click.option("--print", "only_print", is_flag=True, help="Print the paths and open nothing.")
@json_option
@pass_session
def open_(session: Session, ref: str, names: tuple[str, ...], only_print: bool, as_json: bool) -> None:
    """Open the plots of JOB, or the files of it that are named.

    JOB is an id, the beginning of one, or @last, which it is where left out.  Without a desktop, and with --print, the
    paths are printed.
    """
    job = session.dispatcher.job(ref)
    paths = [published(session.settings.home, job, name) for name in _chosen(session, job, names)]
    if as_json:
        print_json([str(path) for path in paths])
        return
    if not only_print and not _has_desktop():
        say("no desktop to open files with here; they lie at")
        only_print = True
    for path in paths:
        if only_print:
            echo(one_line(path))
        elif click.launch(str(path)):
            say(f"warning: the desktop could not open {path}")
        else:
            echo(f"opened {one_line(path)}")


def _chosen(session: Session, job: Job, names: tuple[str, ...]) -> list[str]:
    """The files asked for; else those that the task's plugin calls its plots; else all that look like plots.

    Raises `JobError` where the job has not succeeded, `ArtifactError` where there is nothing to open.
    """
    short = job.id[:8]
    if job.state is not State.SUCCESS:
        raise JobError(
            f"job {short} is {job.state}: files are published when it succeeds",
            job_id=job.id,
            hint=f"'pfd job {short}' shows how it stands",
        )
    if names:
        return list(names)
    there = [item.name for item in job.artifacts]
    view = session.registry.result_views().get(job.task)
    chosen = [name for name in (view.artifacts if view else ()) if name in there] or _plots(there)
    if not chosen:
        raise ArtifactError(
            f"job {short} ({job.task}) has no plots; its files: {', '.join(there) or 'none'}",
            hint=f"'pfd open {short} FILE' opens one of them" if there else f"'pfd job {short}' shows its result",
        )
    return chosen


def _plots(names: list[str]) -> list[str]:
    found: dict[PurePosixPath, str] = {}
    kinds = {kind: rank for rank, kind in enumerate(PLOTS)}
    paths = [path for path in map(PurePosixPath, names) if path.suffix.lower() in kinds]
    for path in sorted(paths, key=lambda path: kinds[path.suffix.lower()]):
        found.setdefault(path.with_suffix(""), str(path))
    return sorted(found.values())


def _has_desktop() -> bool:
    """Whether something here can open a file for a person to see."""
    if sys.platform == "darwin":
        return "SSH_CONNECTION" not in os.environ
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")) and shutil.which("xdg-open") is not None
