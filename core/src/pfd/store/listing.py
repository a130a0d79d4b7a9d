"""Pages of the job table, newest first, and how many jobs there are of each kind.

What belongs on a page is found in one index: a range of it that is ordered by `seq`, whose entries hold what the other
filters ask for.  So a page costs at most a walk along narrow entries, and rows are read only for what is on the page.
Of several states each has a range of its own, and these are merged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pfd.job import Job, State
from pfd.store.engine import is_sqlite
from pfd.store.rows import LIGHT, LIGHT_NAMES, to_job
from pfd.store.schema import IS_GPU, IS_NOT_WAITING, IS_QUEUED, jobs, tags

_Range = Sequence[sa.ColumnElement[bool]]
_Numbers = sa.Select[int] | sa.CompoundSelect[int]
"""A query for the numbers of jobs."""


def listing(
    connection: Connection,
    *,
    states: Iterable[State] = (),
    task: str | None = None,
    queue: str | None = None,
    tag: str | None = None,
    parent_id: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[Job]:
    """Jobs, newest first, without parameters and results.  `before` is the `seq` at which the last page ended."""
    same = [
        column == value
        for column, value in ((jobs.c.task, task), (jobs.c.queue, queue), (jobs.c.parent_id, parent_id))
        if value is not None
    ]
    ranges = _by_state(same, set(states), in_one=parent_id is not None)
    if tag is None:
        numbers: _Numbers = _merged(ranges, before)
    elif ranges == [[]]:
        numbers = _tagged(tag, before)
    else:
        numbers = _both(connection, _merged(ranges, before), _tagged(tag, before))
    page = numbers.order_by(sa.desc("seq")).limit(limit)
    query = sa.select(*LIGHT).where(jobs.c.seq.in_(page)).order_by(jobs.c.seq.desc())
    return [to_job(dict(zip(LIGHT_NAMES, row, strict=True))) for row in connection.execute(query)]


def _by_state(same: _Range, states: set[State], *, in_one: bool) -> list[_Range]:
    """A range for each state; a single one where all are wanted, or where its index holds the state as well."""
    if not states or states == set(State):
        return [same]
    if in_one:
        return [[*same, jobs.c.state.in_(sorted(states))]]
    return [[*same, jobs.c.state == state] for state in sorted(states)]


def _merged(ranges: Sequence[_Range], before: int | None) -> sa.Select[int]:
    older = [] if before is None else [jobs.c.seq < before]
    parts = [sa.select(jobs.c.seq).where(*conditions, *older) for conditions in ranges]
    if len(parts) == 1:
        return parts[0]
    # PostgreSQL merges only what says that it is ordered, and in a union that is part of another query.
    ordered = [sa.select(part.order_by(jobs.c.seq.desc()).subquery().c.seq) for part in parts]
    return sa.select(sa.union_all(*ordered).subquery().c.seq)


def _tagged(tag: str, before: int | None) -> sa.Select[int]:
    older = [] if before is None else [tags.c.job_seq < before]
    return sa.select(tags.c.job_seq.label("seq")).where(tags.c.tag == tag, *older)


def _both(connection: Connection, found: sa.Select[int], tagged: sa.Select[int]) -> _Numbers:
    """What is in both, each being ordered by `seq`: one walk along the two."""
    if is_sqlite(connection):
        return sa.intersect(found, tagged)
    number, other = found.subquery("found").c.seq, tagged.subquery("tagged").c.seq
    return sa.select(number).where(sa.exists().where(other == number))


def counts(connection: Connection) -> dict[tuple[str, State], int]:
    """How many jobs of each (queue, state)."""
    queues = [name for name in connection.execute(_QUEUES).scalars() if isinstance(name, str)]
    # One column a queue, since the index is ordered by state: grouped by both, all its entries would be sorted first.
    columns = [sa.func.count().filter(jobs.c.queue == name).label(f"n{index}") for index, name in enumerate(queues)]
    found: dict[tuple[str, State], int] = {}
    for state, *numbers in connection.execute(sa.select(jobs.c.state, *columns).group_by(jobs.c.state)):
        if state in _STATES:  # a damaged row is in none, and counts for nothing
            found |= {(name, State(state)): number for name, number in zip(queues, numbers, strict=True) if number}
    return found


def waiting_for_gpu(connection: Connection) -> dict[str, int]:
    """By queue, how many jobs wait for nothing but a gpu slot, or for their time."""
    query = sa.select(jobs.c.queue, sa.func.count().label("number"))
    query = query.where(IS_GPU, IS_NOT_WAITING, IS_QUEUED).group_by(jobs.c.queue)
    return {row.queue: row.number for row in connection.execute(query) if isinstance(row.queue, str)}


def tally(connection: Connection) -> dict[tuple[State, str, str], int]:
    """How many jobs of each (state, task, queue)."""
    kind = jobs.c.state, jobs.c.task, jobs.c.queue
    found = connection.execute(sa.select(*kind, sa.func.count()).group_by(*kind))
    return {
        (State(state), task, queue): number
        for state, task, queue, number in found
        if state in _STATES and isinstance(task, str) and isinstance(queue, str)
    }


def due_since(connection: Connection, now: float) -> dict[str, float]:
    """For each queue with jobs that could run now, since when the first of them could; in seconds since the epoch."""
    since = sa.func.min(sa.case((jobs.c.due_at > jobs.c.created_at, jobs.c.due_at), else_=jobs.c.created_at))
    due = IS_QUEUED, IS_NOT_WAITING, jobs.c.due_at <= now
    query = sa.select(jobs.c.queue, since).where(*due).group_by(jobs.c.queue)
    found = connection.execute(query)
    return {queue: moment for queue, moment in found if isinstance(queue, str) and isinstance(moment, float)}


def _each_queue() -> sa.Select[Any]:
    """The names of all queues, by one step in their index a queue; the last is null."""
    names = sa.select(sa.func.min(jobs.c.queue).label("name")).cte("queues", recursive=True)
    following = sa.select(sa.func.min(jobs.c.queue)).where(jobs.c.queue > names.c.name).scalar_subquery()
    return sa.select(names.union_all(sa.select(following).where(names.c.name.isnot(None))).c.name)


_QUEUES = _each_queue()
_STATES = frozenset(state.value for state in State)
