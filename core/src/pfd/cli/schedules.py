"""`pfd schedules`: what is submitted by the clock, when it comes next, and what became of it so far."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any

import click

from pfd.cli import parameters
from pfd.cli.codes import say
from pfd.cli.completion import (
    complete_assignment,
    complete_queue,
    complete_schedule,
    complete_tag,
    complete_task,
    complete_zone,
)
from pfd.cli.output import ago, short, span
from pfd.cli.state import Session, json_option, pass_session
from pfd.console import echo, one_line, print_fields, print_heading, print_json, print_table
from pfd.errors import ParameterError

if TYPE_CHECKING:
    from pfd.schedules.schedule import Schedule, ScheduleSlot

UPCOMING, SHOWN = 5, 10
"""Slots that are shown of one schedule: those to come, and those that have been."""

LATE = 60.0
"""Seconds behind its time from which on it is said of a slot."""


@click.group(invoke_without_command=True, subcommand_metavar="[COMMAND]")
@json_option
@pass_session
@click.pass_context
def schedules(ctx: click.Context, session: Session, as_json: bool) -> None:
    """List schedules; or add, show, pause, resume or remove one."""
    if ctx.invoked_subcommand is not None:
        if as_json:
            raise click.UsageError(f"options of '{ctx.invoked_subcommand}' stand behind it", ctx)
        return
    found = session.dispatcher.schedules()
    if as_json:
        print_json([_as_dict(schedule) for schedule in found])
        return
    if not found:
        echo("no schedules; add one with 'pfd schedules add NAME \"0 2 * * *\" TASK key=value …'")
        return
    rows = [
        (
            one.name,
            one.cron,
            one.zone,
            one.task,
            _until(one),
            one.last.outcome if one.last else "",
            ago(one.last.at) if one.last else "",
            one.last.job_state or "" if one.last else "",
        )
        for one in found
    ]
    print_table(("name", "cron", "zone", "task", "next", "last", "age", "job"), rows, optional=(7, 6, 2))
    if any(one.enabled for one in found):
        _warn_where_nobody_fires(session)
    _tell_of_the_clock(found)


@schedules.command()
@click.argument("name")
@click.argument("cron")
@click.argument("task", shell_complete=complete_task)
@click.argument("pairs", nargs=-1, metavar="[KEY=VALUE]...", shell_complete=complete_assignment)
@click.option(
    "--zone", default="UTC", show_default=True, shell_complete=complete_zone, help="Whose wall clock is meant."
)
@click.option(
    "--params", "source", metavar="FILE|-", help="Parameters as JSON (TOML by suffix); KEY=VALUE wins over it."
)
@click.option(
    "--overlap",
    type=click.Choice(["skip", "allow"]),
    default="skip",
    show_default=True,
    help="Where the job of an earlier slot has not ended: leave this slot out, or have both.",
)
@click.option(
    "--catch-up/--no-catch-up",
    default=True,
    show_default=True,
    help="Whether the last slot that no worker was there for fires once one is.",
)
@click.option("--key", help="A job of this key that is live stands for the slot's.")
@click.option("--priority", type=int, help="Larger is sooner.")
@click.option("--queue", shell_complete=complete_queue, help="Instead of the task's own.")
@click.option(
    "--tag", "tags", multiple=True, shell_complete=complete_tag, help="A word to find the jobs by; may be repeated."
)
@click.option("--soft-time-limit", type=float, metavar="S", help="Ask it to stop where it runs longer.")
@click.option("--time-limit", type=float, metavar="S", help="End it where it runs longer.")
@json_option
@pass_session
def add(
    session: Session,
    /,
    name: str,
    cron: str,
    task: str,
    pairs: tuple[str, ...],
    source: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Submit a job of TASK whenever CRON comes round; a schedule of this NAME is replaced.

    \b
    pfd schedules add nightly "30 2 * * *" train_model_task model=cnn1d dataset=3 --zone Europe/Berlin
    pfd schedules add weekly "0 6 * * MON" train_model_task model=random_forest feature_set=1

    CRON is minute, hour, day of the month, month and day of the week, in quotes; a field before them is for seconds.
    Workers fire schedules: one of them has to be there.
    """
    declared = session.registry.task(task)
    given, typed = parameters.read(declared, pairs, source)
    try:
        roots = parameters.admit(declared, given, typed, session.settings)[1]
    except ParameterError:
        roots = tuple(typed)  # it is refused below, together with all else that is wrong
    schedule = session.dispatcher.schedule(name, cron, task, given, roots=roots, **options)
    _tell(session, schedule, as_json=as_json)


@schedules.command()
@click.argument("name", shell_complete=complete_schedule)
@json_option
@pass_session
def show(session: Session, name: str, as_json: bool) -> None:
    """Show a schedule: what it submits, when it comes next, and what became of its last slots."""
    schedule = _find(session, name)
    upcoming = schedule.upcoming(UPCOMING)
    slots = session.dispatcher.schedule_slots(name, SHOWN)
    if as_json:
        print_json(_as_dict(schedule) | {"upcoming": upcoming, "slots": [dataclasses.asdict(slot) for slot in slots]})
        return
    from pfd.cli.jobs import print_values

    print_fields(_facts(schedule))
    print_values("Cannot be read", schedule.damage)
    print_values("Parameters", schedule.params)
    if upcoming:
        print_heading("Next")
        for at in upcoming:
            echo(f"{_moment(schedule, at)}  {_distance(at)}")
    if slots:
        print_heading("Last")
        rows = [(_moment(schedule, slot.at), slot.outcome, _job(slot), _remark(slot)) for slot in slots]
        print_table(("slot", "outcome", "job", "remark"), rows)
    if schedule.enabled:
        _warn_where_nobody_fires(session)
    _tell_of_the_clock([schedule])


@schedules.command()
@click.argument("name", shell_complete=complete_schedule)
@json_option
@pass_session
def pause(session: Session, name: str, as_json: bool) -> None:
    """Have a schedule fire no more until it is resumed."""
    _tell(session, session.dispatcher.pause_schedule(name), as_json=as_json)


@schedules.command()
@click.argument("name", shell_complete=complete_schedule)
@click.option("--from-now", is_flag=True, help="Also where the clock was set back, and slots ahead of it have fired.")
@json_option
@pass_session
def resume(session: Session, name: str, from_now: bool, as_json: bool) -> None:
    """Have a paused schedule go on, from now; what it would have fired meanwhile is left out."""
    _tell(session, session.dispatcher.resume_schedule(name, from_now=from_now), as_json=as_json)


@schedules.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True, shell_complete=complete_schedule)
@pass_session
def remove(session: Session, names: tuple[str, ...]) -> None:
    """Remove schedules; jobs that they have submitted stay, and go on.  Where a name is wrong, nothing is removed."""
    for name in names:
        _find(session, name)
    for name in dict.fromkeys(names):
        session.dispatcher.unschedule(name)
        echo(f"{one_line(name)}  removed")


# -- what is shown ------------------------------------------------------------------------------------------------


def _find(session: Session, name: str) -> Schedule:
    return session.dispatcher.find_schedule(name)


def _tell(session: Session, schedule: Schedule, *, as_json: bool) -> None:
    if as_json:
        print_json(_as_dict(schedule))
    elif schedule.next_at is None:
        echo(f"{one_line(schedule.name)}  {_until(schedule)}")
    else:
        echo(f"{one_line(schedule.name)}  next {_moment(schedule, schedule.next_at)}  {_distance(schedule.next_at)}")
    if schedule.enabled:
        _warn_where_nobody_fires(session)
    _tell_of_the_clock([schedule])


def _tell_of_the_clock(found: Sequence[Schedule]) -> None:
    for one in found:
        if one.ahead:
            say(
                f"note: the clock was set back, and {one.name} has settled all slots of the next {span(one.ahead)}: "
                f"none of them fires. Once the clock is right, 'pfd schedules resume {one.name} --from-now' helps"
            )


def _warn_where_nobody_fires(session: Session) -> None:
    if not any(info.client_id is None for info in session.dispatcher.workers()):
        say("note: no worker is live, and only workers fire schedules; start one with 'pfd worker'")


def _facts(schedule: Schedule) -> dict[str, object]:
    from pfd.schedules.cron import explain

    options = schedule.options
    limits = (("soft_time_limit", "asked to stop after"), ("time_limit", "ended after"))
    return {
        "name": schedule.name,
        "state": _state(schedule),
        "task": schedule.task,
        "cron": schedule.cron,
        "meaning": "" if schedule.damage else f"{explain(schedule.cron)}, {schedule.zone}",
        "queue": options.get("queue"),
        "priority": options.get("priority"),
        "key": options.get("key"),
        "limits": ", ".join(f"{text} {span(options[name])}" for name, text in limits if name in options),
        "overlap": "a slot is left out while an earlier job has not ended" if schedule.overlap == "skip" else "allowed",
        "catches up": "with the last slot missed" if schedule.catch_up else "no",
        "tags": ", ".join([*options.get("tags", ()), schedule.tag]),
        "made": _moment(schedule, schedule.created_at),
        "changed": _moment(schedule, schedule.changed_at) if schedule.changed_at != schedule.created_at else "",
    }


def _as_dict(schedule: Schedule) -> dict[str, Any]:
    left_out = [name for name in ("ahead", "damage") if not getattr(schedule, name)]
    return {name: value for name, value in dataclasses.asdict(schedule).items() if name not in left_out}


def _state(schedule: Schedule) -> str:
    """What is to be known of it; nothing where it waits for its next slot."""
    if schedule.next_at is not None and schedule.next_at > time.time():
        return ""
    return _until(schedule)


def _until(schedule: Schedule) -> str:
    if schedule.damage:
        return f"its row is damaged: {', '.join(schedule.damage)}"
    if not schedule.enabled:
        return "paused"
    if schedule.next_at is None:
        return "never"
    return _distance(schedule.next_at) + (", the clock was set back" if schedule.ahead else "")


def _distance(at: int) -> str:
    left = at - time.time()
    return f"in {span(left)}" if left > 0 else f"due for {span(-left)}"


def _job(slot: ScheduleSlot) -> str:
    if slot.job_id is None:
        return ""
    return f"{short(slot.job_id)} {slot.job_state or 'pruned'}"


def _remark(slot: ScheduleSlot) -> str:
    from pfd.schedules.cron import MOST

    late = slot.settled_at - slot.at
    parts = [slot.reason, f"{span(late)} late" if late > LATE else ""]
    if slot.passed_over:
        parts.append(f"{slot.passed_over}{' or more' if slot.passed_over == MOST else ''} before it missed")
    return "; ".join(filter(None, parts))


def _moment(schedule: Schedule, at: float) -> str:
    """A moment on the clock of a schedule's zone; with seconds where it has any itself."""
    from zoneinfo import ZoneInfo

    zone: tzinfo = UTC
    with contextlib.suppress(KeyError, ValueError, OSError):  # another machine knew it
        zone = ZoneInfo(schedule.zone)
    clock = "%H:%M:%S" if len(schedule.cron.split()) == 6 else "%H:%M"
    return datetime.fromtimestamp(at, zone).strftime(f"%a %Y-%m-%d {clock} %Z")
