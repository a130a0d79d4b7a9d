"""Slots of schedules: which are due, and settling each of them once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from pfd.schedules.schedule import SlotOutcome
from pfd.schedules.table import AHEAD, Definition, clock, read
from pfd.store.encoding import cut_text
from pfd.store.engine import is_sqlite
from pfd.store.schema import IS_LIVE, jobs, schedule_slots, schedules

KEPT = 100
"""Slots of a schedule that are kept; of older ones it is only known that they have been dealt with."""


MAX_REASON = 2_000
"""Characters of why a slot has no job."""


@dataclass(frozen=True)
class Due:
    """A schedule with a slot that is due; `seq`, `revision` and `settled_until` say as of when this is known.

    `damage` says why columns of its row cannot be read.
    """

    definition: Definition
    seq: int
    revision: int
    settled_until: int
    next_at: int
    job_id: str | None
    damage: Mapping[str, str] = field(default_factory=dict)


def due(connection: Connection) -> tuple[list[Due], float]:
    """Schedules with a slot that is due, the longest first, and the time of the store."""
    now = clock(connection)
    query = sa.select(schedules).where(schedules.c.next_at <= now).order_by(schedules.c.next_at, schedules.c.seq)
    return [_due(row) for row in connection.execute(query)], now


def ahead(connection: Connection, now: float) -> dict[str, float]:
    """Schedules that wait for a clock which was set back: by how many seconds what is settled lies ahead, by name."""
    query = sa.select(schedules.c.name, schedules.c.settled_until)
    query = query.where(schedules.c.enabled == 1, schedules.c.settled_until > now + AHEAD)
    return {str(row.name): float(row.settled_until) - now for row in connection.execute(query.order_by("name"))}


def _due(row: sa.Row[Any]) -> Due:
    found, damage = read(row)
    names = ("name", "cron", "zone", "task", "params", "options", "overlap")
    definition = Definition(**{name: found[name] for name in names}, catch_up=bool(found["catch_up"]))
    known = {name: found[name] for name in ("seq", "revision", "settled_until", "next_at", "job_id")}
    return Due(definition, **known, damage=damage)


def take(connection: Connection, due: Due, slot: int, following: int | None, passed_over: int) -> bool:
    """Be the one who settles a slot, and with it all that come before it.

    False where another was quicker, or the schedule has been changed meanwhile.  `following` is the slot after it.
    """
    done = connection.execute(
        schedules.update()
        .where(
            schedules.c.seq == due.seq,
            schedules.c.revision == due.revision,
            schedules.c.settled_until == due.settled_until,
            schedules.c.settled_until < slot,
        )
        .values(settled_until=slot, next_at=following)
    )
    if not done.rowcount:
        return False
    values = {
        "schedule_seq": due.seq,
        "slot": slot,
        "settled_at": clock(connection),
        "outcome": SlotOutcome.MISSED,
        "reason": "",
        "passed_over": passed_over,
    }
    # It cannot be there; where it is all the same, somebody has settled it.
    insert = sqlite.insert(schedule_slots) if is_sqlite(connection) else postgresql.insert(schedule_slots)
    taken = connection.execute(insert.values(values).on_conflict_do_nothing().returning(schedule_slots.c.slot))
    if taken.first() is None:
        return False
    _forget_old(connection, due.seq)
    return True


def note(
    connection: Connection, due: Due, slot: int, outcome: SlotOutcome, reason: str = "", job_id: str | None = None
) -> None:
    """Write what became of a slot that was taken."""
    mine = (schedule_slots.c.schedule_seq == due.seq, schedule_slots.c.slot == slot)
    values = {"outcome": outcome, "reason": cut_text(reason, MAX_REASON), "job_id": job_id}
    connection.execute(schedule_slots.update().where(*mine).values(values))
    if job_id is not None:
        connection.execute(schedules.update().where(schedules.c.seq == due.seq).values(job_id=job_id))


def stop(connection: Connection, due: Due) -> None:
    """Have a schedule fire no more whose row cannot be read, until somebody has made it anew."""
    connection.execute(schedules.update().where(schedules.c.seq == due.seq).values(enabled=0, next_at=None))


def put_off(connection: Connection, due: Due, following: int | None) -> None:
    """Correct when the next slot comes, as where the rules of a time zone have changed."""
    mine = (schedules.c.seq == due.seq, schedules.c.revision == due.revision, schedules.c.next_at == due.next_at)
    connection.execute(schedules.update().where(*mine).values(next_at=following))


def is_live(connection: Connection, job_id: str) -> bool:
    """Whether a job is there and has not ended."""
    return connection.execute(sa.select(jobs.c.seq).where(jobs.c.id == job_id, IS_LIVE)).first() is not None


def _forget_old(connection: Connection, seq: int) -> None:
    mine = schedule_slots.c.schedule_seq == seq
    oldest = sa.select(schedule_slots.c.slot).where(mine).order_by(schedule_slots.c.slot.desc()).limit(1).offset(KEPT)
    connection.execute(schedule_slots.delete().where(mine, schedule_slots.c.slot <= oldest.scalar_subquery()))
