"""`pfd jobs prune`: jobs that ended long ago go, with their files."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from pfd.cli.codes import FAILED, OK, say
from pfd.cli.completion import complete_task
from pfd.cli.state import Session, json_option, pass_session
from pfd.console import echo, one_line, print_json
from pfd.job import ENDED

if TYPE_CHECKING:
    from pfd.retention import Pruned


@click.command()
@click.option(
    "--older-than",
    "days",
    type=click.FloatRange(min=0),
    metavar="DAYS",
    help="Jobs that ended more than so many days ago; the setting 'retention' where left out.",
)
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(sorted(state.value for state in ENDED), case_sensitive=False),
    help="Only jobs that ended so; may be repeated.",
)
@click.option("--task", metavar="NAME", shell_complete=complete_task, help="Only jobs of this task.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_session
def prune(
    session: Session,
    days: float | None,
    states: tuple[str, ...],
    task: str | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Remove jobs that ended long ago, with their logs and artifacts.

    Jobs that rows of a plugin refer to, or that a live job still needs, are kept, and it is said how many.  Folders of
    jobs that are no longer in the store go, too.
    """
    days = session.settings.retention if days is None else days
    if days is None:
        raise click.UsageError(
            "nothing says how old a job is to be: name an age with --older-than DAYS, or set retention in pfd.toml"
        )
    chosen: dict[str, Any] = {"older_than": days, "state": states or None, "task": task}
    if dry_run or not yes:
        found = session.dispatcher.prune(**chosen, dry_run=True)
        if dry_run or not (found.jobs or found.orphans):
            return _show(found, days, dry_run=dry_run, as_json=as_json)
        _ask(found, days)
    return _show(session.dispatcher.prune(**chosen), days, dry_run=False, as_json=as_json)


def _ask(found: Pruned, days: float) -> None:
    what = " and ".join(_what(found, days))
    if not sys.stdin.isatty():
        raise click.UsageError(f"{what} would go, and nobody can be asked here: say --yes")
    if not click.confirm(f"remove {what}?", err=True):
        raise click.Abort from KeyboardInterrupt("nothing was removed")


def _show(done: Pruned, days: float, *, dry_run: bool, as_json: bool) -> int:
    if as_json:
        print_json(
            {
                "dry_run": dry_run,
                "older_than": days,
                "jobs": done.jobs,
                "folders": done.folders,
                "orphans": done.orphans,
                "kept": [{"reason": reason, "jobs": number} for reason, number in done.kept.items()],
                "stuck": [str(folder) for folder in done.stuck],
            }
        )
    else:
        echo(f"{'would remove' if dry_run else 'removed'} {' and '.join(_what(done, days)) or 'nothing'}")
        for reason, number in sorted(done.kept.items()):
            echo(f"kept {_count(number, 'job')}: {one_line(reason)}")
    for folder in done.stuck:
        say(f"error: {folder} could not be removed")
    return FAILED if done.stuck else OK


def _what(found: Pruned, days: float) -> list[str]:
    age = f"{days:g} day{'' if days == 1 else 's'}"
    jobs = f"{_count(found.jobs, 'job')} that ended more than {age} ago, with logs and artifacts"
    orphans = f"{_count(found.orphans, 'folder')} of no job"
    return [*([jobs] if found.jobs else []), *([orphans] if found.orphans else [])]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
