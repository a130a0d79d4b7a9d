"""`pfd jobs` and `pfd job`: what was run, and one of it with all that is known."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import json
import re
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from pfd.artifacts import job_folder
from pfd.cli.codes import say
from pfd.cli.completion import complete_job, complete_queue, complete_tag, complete_task
from pfd.cli.live import elapsed, reclaim, standing
from pfd.cli.outcome import show_result
from pfd.cli.output import ago, size, span
from pfd.cli.prune import prune
from pfd.cli.served import no_worker, unserved
from pfd.cli.state import Session, json_option, pass_session
from pfd.console import cut, echo, moment, print_fields, print_heading, print_json, print_table
from pfd.errors import ParameterError
from pfd.hints import Hint
from pfd.job import ENDED, LIVE, QUEUED, RUNNING, Job, State, is_job_id

if TYPE_CHECKING:
    from pfd.client.dispatcher import Claim

LONGEST = 300
"""Characters of a value; `--json` gives all of it."""

PAGE = 20
STATUS = 4
GROUPS: Mapping[str, frozenset[State]] = {"queued": QUEUED, "running": RUNNING, "live": LIVE, "ended": ENDED}


@click.group(invoke_without_command=True, subcommand_metavar="[COMMAND]")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([*(state.value for state in State), *GROUPS], case_sensitive=False),
    help="Only jobs in this state; may be repeated.",
)
@click.option("--task", metavar="NAME", shell_complete=complete_task, help="Only jobs of this task.")
@click.option("--queue", metavar="NAME", shell_complete=complete_queue, help="Only jobs of this queue.")
@click.option(
    "--tag",
    "tags",
    multiple=True,
    metavar="WORD",
    shell_complete=complete_tag,
    help="Only jobs with this tag; where repeated, with all of them.",
)
@click.option("--since", metavar="WHEN", help="Only jobs submitted since then: '2h' or '3d' ago, or a date and time.")
@click.option("--until", metavar="WHEN", help="Only jobs submitted before then.")
@click.option("--text", metavar="TEXT", help="Only jobs with this in the task, the status or the failure.")
@click.option("--submitter", metavar="USER@HOST", help="Only jobs that this one has submitted.")
@click.option(
    "--param",
    "params",
    multiple=True,
    metavar="KEY=VALUE",
    help="Only jobs with this parameter; may be repeated.  The value is JSON, or else a text.",
)
@click.option("--limit", type=click.IntRange(1, 10_000), default=PAGE, show_default=True, help="At most so many.")
@click.option("--before", metavar="JOB", shell_complete=complete_job, help="Only jobs submitted before this one.")
@json_option
@click.pass_context
@pass_session
def jobs(
    session: Session,
    ctx: click.Context,
    states: tuple[str, ...],
    task: str | None,
    queue: str | None,
    tags: tuple[str, ...],
    since: str | None,
    until: str | None,
    text: str | None,
    submitter: str | None,
    params: tuple[str, ...],
    limit: int,
    before: str | None,
    as_json: bool,
) -> None:
    """List jobs, the newest first; or prune them."""
    chosen: dict[str, Any] = {
        "state": states,
        "task": task,
        "queue": queue,
        "tag": tags,
        "since": since,
        "until": until,
        "text": text,
        "submitter": submitter,
    }
    chosen |= {"param": params, "limit": limit if limit != PAGE else None}
    if ctx.invoked_subcommand is not None:
        if any(chosen.values()) or before or as_json:
            raise click.UsageError(f"options of '{ctx.invoked_subcommand}' stand behind it", ctx)
        return
    dispatcher = session.dispatcher
    wanted = {state for name in states for state in (GROUPS[name] if name in GROUPS else [State(name)])}
    look = functools.partial(
        dispatcher.jobs,
        state=wanted or None,
        task=task,
        queue=queue,
        tags=tags,
        since=_moment(since),
        until=_moment(until),
        text=text,
        submitter=submitter,
        params=_values(params),
        limit=limit,
        before=None if before is None else dispatcher.job(before).seq,
    )
    found = look()
    if reclaim(session, found):
        found = look()
    if as_json:
        print_json(found.to_dicts())
    elif found:
        _print(found)
        if lonely := unserved(session, [job for job in found if job.state in QUEUED and job.gpu and not job.waiting]):
            say(*no_worker(lonely))
    elif any(chosen.values()) or before:
        echo("no such jobs")
        if task and (near := _near(task, session)):
            say(f"hint: there is no task {task!r}; did you mean {near}?")
    else:
        echo("no jobs yet; submit one with 'pfd submit TASK key=value …'")
    if found.next is not None:
        say(f"{len(found):,} of {found.total:,}; the next: {_next_page(chosen, found[-1])}")


jobs.add_command(prune)


def _next_page(chosen: Mapping[str, Any], last: Job) -> str:
    words = ["pfd", "jobs"]
    for name, value in chosen.items():
        for one in value if isinstance(value, tuple) else [value] if value else []:
            words += [f"--{name}", str(one)]
    return shlex.join([*words, "--before", last.id])


def _moment(typed: str | None) -> str | float | datetime | None:
    """A moment as it is typed: without a time zone it is one of this machine's clock."""
    if typed is None or _SECONDS.fullmatch(typed):
        return typed and float(typed)
    try:
        found = datetime.fromisoformat(typed)
        return found if found.tzinfo else found.astimezone()
    except (ValueError, OverflowError, OSError):  # the last two for years that no clock has
        return typed


_SECONDS = re.compile(r"\d{9,12}(\.\d+)?")
"""Since the epoch, as `--json` shows moments; eight digits are a date."""


def _values(pairs: tuple[str, ...]) -> dict[str, Any]:
    """Parameters to look for, by name.  Raises `ParameterError`."""
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise ParameterError(f"--param {pair!r} is not of the form key=value")
        try:
            found[name] = json.loads(value)
        except (ValueError, RecursionError):
            found[name] = value
    return found


def _print(shown: Sequence[Job]) -> None:
    rows: list[list[object]] = [
        [
            job.id[:8],
            job.task,
            job.state,
            f"{job.progress:.0%}" if job.progress or job.state in RUNNING else "",
            standing(job) or job.status,
            job.queue,
            job.attempt or "",
            ago(job.created_at),
        ]
        for job in shown
    ]
    columns = ("id", "task", "state", "done", "status", "queue", "attempt", "age")
    print_table(columns, rows, right={3, 6, 7}, wide=STATUS, optional=(6, 5))


def _near(task: str, session: Session) -> str:
    """Installed tasks of a name like one that is not."""
    known = session.registry.tasks
    return "" if task in known else ", ".join(difflib.get_close_matches(task, known, n=3))


# -- one job ------------------------------------------------------------------------------------------------------


@click.command()
@click.argument("ref", metavar="[JOB]", default="@last", shell_complete=complete_job)
@click.option("--traceback", is_flag=True, help="Show where the task failed.")
@json_option
@pass_session
def job(session: Session, ref: str, traceback: bool, as_json: bool) -> None:
    """Show all that is known of JOB: its parameters, its result or failure, its files, its runs.

    JOB is an id, the beginning of one, or @last, which it is where left out.
    """
    dispatcher = session.dispatcher
    found = dispatcher.job(ref)
    if reclaim(session, [found]):
        found = dispatcher.job(found.id)
    claims = dispatcher.claims(found.id)
    children = dispatcher.jobs(parent=found.id, limit=1000)
    artifacts = _artifacts(session, found)
    if as_json:
        around = {
            "artifacts": artifacts,
            "claims": [dataclasses.asdict(claim) for claim in claims],
            "children": [{"id": child.id, "task": child.task, "state": child.state} for child in children],
        }
        print_json(found.to_dict() | around)
        return
    print_fields(_facts(session, found))
    print_values("Cannot be read", found.damage)
    print_values("Parameters", found.params)
    if found.failure:
        _print_failure(found, traceback=traceback)
    if found.result is not None:
        print_heading("Result")
        show_result(session, found.task, found.result)
    if artifacts:
        print_heading("Artifacts")
        print_table(("name", "size", "path"), [(i["name"], size(i["size"]), i["path"]) for i in artifacts], right={1})
    if children:
        print_heading("Children")
        print_table(("id", "task", "state"), [(child.id[:8], child.task, child.state) for child in children])
    if len(claims) > 1:
        _print_claims(session, found, claims)


def _facts(session: Session, job: Job) -> dict[str, object]:
    running = job.state in RUNNING
    attempt = f"{job.attempt}" + (f", and {job.lost} lost with their workers" if job.lost else "")
    return {
        "id": job.id,
        "task": job.task,
        "state": job.state.value,
        "progress": f"{job.progress:.0%}" if job.progress or running else "",
        "status": standing(job) if job.state in LIVE else job.status,
        "reported": ", ".join(f"{name} {_text(value)}" for name, value in job.meta.items()),
        "queue": job.queue + (f", priority {job.priority}" if job.priority else ""),
        "slot": "gpu" if job.gpu else "",
        "attempt": attempt if job.attempt or job.lost else "",
        "worker": _worker(session, job.owner) if running and job.owner else "",
        "submitted": moment(job.created_at) + (f" by {job.submitter}" if job.submitter else ""),
        "due": moment(job.due_at) if job.state in QUEUED and job.due_at > time.time() else "",
        "started": moment(job.started_at),
        "ended": moment(job.ended_at),
        "took": span(elapsed(job)) if job.ended_at else "",
        "tags": ", ".join(job.tags),
        "key": job.key,
        "limits": _limits(job),
        "child of": job.parent_id,
        "retry of": job.retry_of,
    }


def _limits(job: Job) -> str:
    names = (("soft_time_limit", "asked to stop after"), ("time_limit", "ended after"))
    return ", ".join(f"{text} {span(job.options[name])}" for name, text in names if job.options.get(name))


def _worker(session: Session, owner: str) -> str:
    return next((info.name for info in session.dispatcher.workers() if info.id == owner), "none that is live")


def _print_failure(job: Job, *, traceback: bool) -> None:
    assert job.failure
    print_heading("Failure")
    hint = job.failure.hint and Hint(job.failure.hint).in_shell()
    print_fields({"type": job.failure.type, "message": _text(job.failure.message.strip()), "hint": hint})
    if job.failure.traceback and traceback:
        echo(f"\n{job.failure.traceback.rstrip()}")
    elif job.failure.traceback:
        say(f"'pfd job {job.id[:8]} --traceback' shows where, 'pfd logs {job.id[:8]}' what it printed")


def print_values(title: str, values: Mapping[str, Any]) -> None:
    """Print parameters or results under a heading; nothing where there are none."""
    if values:
        print_heading(title)
        print_fields(dict(_flat(values)))


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Values by name, those of a group as `group.name`."""
    for name, value in values.items():
        if isinstance(value, dict) and value and "$result" not in value and not prefix:
            yield from _flat(value, f"{name}.")
        else:
            yield prefix + name, _text(value)


def _text(value: Any) -> str:
    """A value as it is typed on the command line, cut to what can be read."""
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{cut(text, LONGEST)}  (--json gives all)"


def _artifacts(session: Session, job: Job) -> list[dict[str, Any]]:
    if not is_job_id(job.id):
        return []
    folder = job_folder(session.settings.home, "artifacts", job.id) / str(job.claim)
    return [{"name": item.name, "size": item.size, "path": str(folder / item.name)} for item in job.artifacts]


def _print_claims(session: Session, job: Job, claims: list[Claim]) -> None:
    print_heading("Runs")
    names = {info.id: info.name for info in session.dispatcher.workers()}
    rows = [
        (
            claim.number,
            moment(claim.claimed_at),
            names.get(claim.owner, claim.owner[:8]),
            claim.outcome or ("the one that counts" if claim.number == job.claim else ""),
        )
        for claim in claims
    ]
    print_table(("claim", "began", "worker", "outcome"), rows, right={0})
