"""Schedules: making, changing and reading them.

The time that counts is the store's own: the server's where there is one, else that of the one machine.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from pfd.errors import UnknownSchedule, shown
from pfd.hints import Hint
from pfd.job import LAST_TIME
from pfd.schedules.cron import Cron
from pfd.schedules.schedule import Overlap, Schedule, ScheduleSlot, SlotOutcome
from pfd.store.encoding import encode, is_storable
from pfd.store.engine import is_sqlite
from pfd.store.rows import an_object, as_state, type_of, wrong_types
from pfd.store.schema import jobs, schedule_slots, schedules

MAX_NAME = 80

AHEAD = 300.0
"""Seconds by which what is settled may lie ahead of the clock: clocks are set by a little all the time."""


@dataclass(frozen=True)
class Definition:
    """What a schedule is to do, as somebody has asked for it."""

    name: str
    cron: str
    zone: str
    task: str
    params: Mapping[str, Any]
    options: Mapping[str, Any]
    overlap: Overlap
    catch_up: bool


def clock(connection: Connection) -> float:
    """The time of the store, in seconds since the epoch."""
    if is_sqlite(connection):
        return time.time()
    return float(connection.execute(sa.select(_SERVER_CLOCK)).scalar_one())


# Unlike now(), which is the beginning of the transaction: that may have waited for others.
_SERVER_CLOCK = sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Double)


# -- making and changing ------------------------------------------------------------------------------------------


def put(connection: Connection, new: Definition) -> None:
    """Create a schedule, or make the one of that name what it is to be.

    One that is so already is left alone.  Slots count from when a time was chosen: a schedule that is new, or of a new
    expression or zone, fires no slot from before that.
    """
    while (known := _locked(connection, new.name)) is None:
        if _create(connection, new):
            return  # else another was quicker by a moment
    wanted = _columns(new)
    if all(getattr(known, name) == value for name, value in wanted.items()):
        return
    now = clock(connection)
    values = {**wanted, "revision": schedules.c.revision + 1, "changed_at": now}
    if (known.cron, known.zone) != (new.cron, new.zone):
        values |= _from_now(known.settled_until, now, Cron(new.cron, new.zone), enabled=bool(known.enabled))
    connection.execute(schedules.update().where(schedules.c.seq == known.seq).values(values))


def _create(connection: Connection, new: Definition) -> bool:
    now = clock(connection)
    values = {
        **_columns(new),
        **_from_now(0, now, Cron(new.cron, new.zone), enabled=True),
        "enabled": 1,
        "revision": 1,
        "created_at": now,
        "changed_at": now,
    }
    insert = sqlite.insert(schedules) if is_sqlite(connection) else postgresql.insert(schedules)
    done = connection.execute(insert.values(values).on_conflict_do_nothing().returning(schedules.c.seq))
    return done.first() is not None


def _columns(new: Definition) -> dict[str, Any]:
    return {
        "name": new.name,
        "cron": new.cron,
        "zone": new.zone,
        "task": new.task,
        "params": encode(dict(new.params)),
        "options": encode(dict(new.options)),
        "overlap": new.overlap,
        "catch_up": int(new.catch_up),
    }


def _from_now(settled_until: object, now: float, cron: Cron, *, enabled: bool) -> dict[str, Any]:
    """From when slots count, and the first of them.  It does not go back by itself, whatever the clock does."""
    since = max(settled_until if isinstance(settled_until, int) else 0, int(now))  # a damaged row may hold a text
    return {"settled_until": since, "next_at": cron.next(since) if enabled else None}


def remove(connection: Connection, name: str) -> None:
    """Remove a schedule and what is known of its slots; its jobs stay.  Raises `UnknownSchedule`."""
    known = _lock(connection, name)
    connection.execute(schedules.delete().where(schedules.c.seq == known.seq))


def pause(connection: Connection, name: str) -> None:
    """Have a schedule fire no more.  Raises `UnknownSchedule`."""
    known = _lock(connection, name)
    values = {"enabled": 0, "next_at": None, "revision": schedules.c.revision + 1}
    connection.execute(schedules.update().where(schedules.c.seq == known.seq).values(values))


def resume(connection: Connection, name: str, *, from_now: bool = False) -> None:
    """Have a paused schedule go on, from now; one that is not paused is left alone.  Raises `UnknownSchedule`.

    Parameters
    ----------
    from_now : also where slots are settled that lie ahead of the clock, since that was set back: those are forgotten,
        and fire when they come.
    """
    known = _lock(connection, name)
    if known.enabled and known.next_at is not None and not from_now:
        return
    now = clock(connection)
    values = _from_now(0 if from_now else known.settled_until, now, Cron(known.cron, known.zone), enabled=True)
    if from_now:
        of_it = schedule_slots.c.schedule_seq == known.seq
        connection.execute(schedule_slots.delete().where(of_it, schedule_slots.c.slot > now))
    values |= {"enabled": 1, "revision": schedules.c.revision + 1}
    connection.execute(schedules.update().where(schedules.c.seq == known.seq).values(values))


def _locked(connection: Connection, name: str) -> sa.Row[Any] | None:
    if not is_storable(name):
        return None
    return connection.execute(sa.select(schedules).where(schedules.c.name == name).with_for_update()).first()


def _lock(connection: Connection, name: str) -> sa.Row[Any]:
    row = _locked(connection, name)
    if row is None:
        raise _unknown(connection, name)
    return row


def _unknown(connection: Connection, name: str) -> UnknownSchedule:
    names = connection.execute(sa.select(schedules.c.name).order_by(schedules.c.name)).scalars().all()
    like = names if is_storable(name) and len(name) <= MAX_NAME else ()
    hint = Hint.did_you_mean(name, like, "'pfd schedules' lists those that there are")
    return UnknownSchedule(f"no schedule {shown(name)}", hint=hint)


# -- reading ------------------------------------------------------------------------------------------------------

_OUTCOMES = frozenset(outcome.value for outcome in SlotOutcome)
_STATES = sa.outerjoin(schedule_slots, jobs, jobs.c.id == schedule_slots.c.job_id)


def listing(connection: Connection) -> list[Schedule]:
    """All schedules, by name."""
    columns = schedule_slots.c.schedule_seq, sa.func.max(schedule_slots.c.slot).label("slot")
    newest = sa.select(*columns).group_by(schedule_slots.c.schedule_seq).subquery()
    same = (newest.c.schedule_seq == schedule_slots.c.schedule_seq) & (newest.c.slot == schedule_slots.c.slot)
    query = sa.select(schedule_slots, jobs.c.state).select_from(_STATES.join(newest, same))
    last = {row.schedule_seq: _slot(row) for row in connection.execute(query)}
    rows = connection.execute(sa.select(schedules).order_by(schedules.c.name)).all()
    now = clock(connection)
    return [_schedule(row, last.get(row.seq), now) for row in rows]


def get(connection: Connection, name: str) -> Schedule:
    """The schedule of that name.  Raises `UnknownSchedule`."""
    query = sa.select(schedules).where(schedules.c.name == name)
    if not is_storable(name) or (row := connection.execute(query).first()) is None:
        raise _unknown(connection, name)
    return _schedule(row, next(iter(_slots(connection, row.seq, 1)), None), clock(connection))


def slots(connection: Connection, name: str, limit: int) -> list[ScheduleSlot]:
    """What became of the slots of a schedule, the newest first.  Raises `UnknownSchedule`."""
    query = sa.select(schedules.c.seq).where(schedules.c.name == name)
    if not is_storable(name) or (seq := connection.execute(query).scalar()) is None:
        raise _unknown(connection, name)
    return _slots(connection, seq, limit)


def _slots(connection: Connection, seq: int, limit: int) -> list[ScheduleSlot]:
    query = sa.select(schedule_slots, jobs.c.state).select_from(_STATES)
    query = query.where(schedule_slots.c.schedule_seq == seq).order_by(schedule_slots.c.slot.desc()).limit(limit)
    return [_slot(row) for row in connection.execute(query)]


def _slot(row: sa.Row[Any]) -> ScheduleSlot:
    return ScheduleSlot(
        at=row.slot,
        settled_at=row.settled_at if isinstance(row.settled_at, float) else 0.0,
        outcome=SlotOutcome(row.outcome) if row.outcome in _OUTCOMES else SlotOutcome.MISSED,
        reason=str(row.reason),
        passed_over=row.passed_over if isinstance(row.passed_over, int) else 0,
        job_id=row.job_id,
        job_state=None if row.state is None else as_state(row.state),
    )


def _schedule(row: sa.Row[Any], last: ScheduleSlot | None, now: float) -> Schedule:
    found, damage = read(row)
    ahead = found["settled_until"] - now
    return Schedule(
        name=found["name"],
        cron=found["cron"],
        zone=found["zone"],
        task=found["task"],
        params=found["params"],
        overlap=found["overlap"],
        catch_up=bool(found["catch_up"]),
        enabled=bool(found["enabled"]),
        next_at=found["next_at"],
        created_at=found["created_at"],
        changed_at=found["changed_at"],
        options=found["options"],
        last=last,
        damage=damage,
        ahead=ahead if ahead > AHEAD else 0.0,
    )


def read(row: sa.Row[Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The columns of a schedule by name, parameters and options decoded; and why some cannot be read, which are empty.

    One that is damaged keeps no other from being listed, nor from firing.
    """
    found = row._asdict()
    damage = wrong_types(schedules, found)
    for name in damage:
        found[name] = None if schedules.c[name].nullable else type_of(schedules.c[name])()
    for name in ("params", "options"):
        try:
            found[name] = an_object(found[name] if name not in damage else "{}")
        except ValueError as error:
            damage[name] = str(error)
            found[name] = {}
    for name in ("created_at", "changed_at", "next_at", "settled_until"):
        if not 0 <= (found[name] or 0) <= LAST_TIME:
            damage[name] = "no time between 1970 and 9999"
            found[name] = None if name == "next_at" else 0
    return found, damage
