"""`pfd open`: a page of a job, or its plots where its plugin has no view for it."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path, PurePosixPath

import click

from pfd.cli.codes import say
from pfd.cli.completion import complete_job
from pfd.cli.state import Session, json_option, pass_session
from pfd.client.views.job_view import JobView
from pfd.console import echo, one_line, print_json
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
    """Open a page of JOB, or the files of it that are named.

    JOB is an id, the beginning of one, or @last, which it is where left out.  Of a job that has succeeded, and whose
    plugin has no view for it, the plots are opened instead.  Without a desktop, and with --print, paths are printed.
    """
    job = session.dispatcher.job(ref)
    view = JobView(job, session.settings.home, session.registry)
    # A view of the plugin says more than its pictures alone.
    plots = _chosen(session, job) if job.state is State.SUCCESS and not view.declared.blocks else []
    paths = [view.path(name) for name in names or plots] or [_page(session, job)]
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


def _page(session: Session, job: Job) -> Path:
    """A page of a job as it is now, in a folder for temporary files that only this user can read."""
    from pfd.client.views.report import report

    path = Path(tempfile.mkdtemp(prefix="pfd-open-")) / "report.html"  # no name of a task is a name of a file
    path.write_text(report([job], session.settings.home, session.registry, session.dispatcher.store), encoding="utf-8")
    return path


def _chosen(session: Session, job: Job) -> list[str]:
    """The files that the task's plugin calls its plots; else all that look like plots."""
    there = [item.name for item in job.artifacts]
    view = session.registry.result_views().get(job.task)
    return [name for name in (view.artifacts if view else ()) if name in there] or _plots(there)


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
