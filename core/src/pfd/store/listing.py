"""Pages of the job table, newest first, and how many jobs there are of each kind."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pfd.job import Job, State
from pfd.store.rows import LIGHT, LIGHT_NAMES, to_job
from pfd.store.schema import IS_GPU, IS_NOT_WAITING, IS_QUEUED, jobs
from pfd.store.search import Numbers, Search, candidates, fits

LOOKED_AT = 200
"""Jobs whose parameters are looked at in one read."""

ALL = Search()


def listing(
    connection: Connection, search: Search = ALL, *, before: int | None = None, limit: int | None = 50
) -> list[Job]:
    """Jobs, newest first, without parameters and results; all of them where `limit` is None.

    `before` is the `seq` at which the last page ended.
    """
    if search.params:
        numbers = list(itertools.islice(_that_fit(connection, search, before), limit))
        pages = [numbers[start : start + LOOKED_AT] for start in range(0, len(numbers), LOOKED_AT)]
        return [job for page in pages for job in _read(connection, page)]
    return _read(connection, _newest(candidates(connection, search, before), limit))


def total(connection: Connection, search: Search = ALL) -> int:
    """How many jobs there are on all pages."""
    if search.params:
        looked_at = sa.select(jobs.c.params).where(jobs.c.seq.in_(candidates(connection, search)))
        rows = connection.execution_options(yield_per=LOOKED_AT).execute(looked_at)
        return sum(fits(search, row.params) for row in rows)
    query = sa.select(sa.func.count()).select_from(candidates(connection, search).subquery())
    return connection.execute(query).scalar_one()


def _newest(numbers: Numbers, limit: int | None) -> Numbers:
    return numbers.order_by(sa.desc("seq")).limit(limit)


def _read(connection: Connection, numbers: Numbers | list[int]) -> list[Job]:
    query = sa.select(*LIGHT).where(jobs.c.seq.in_(numbers)).order_by(jobs.c.seq.desc())
    return [to_job(dict(zip(LIGHT_NAMES, row, strict=True))) for row in connection.execute(query)]


def _that_fit(connection: Connection, search: Search, before: int | None) -> Iterator[int]:
    """The numbers of jobs with the parameters that are looked for, newest first."""
    while True:
        numbers = _newest(candidates(connection, search, before), LOOKED_AT)
        query = sa.select(jobs.c.seq, jobs.c.params).where(jobs.c.seq.in_(numbers)).order_by(jobs.c.seq.desc())
        rows = connection.execute(query).all()
        yield from (row.seq for row in rows if fits(search, row.params))
        if len(rows) < LOOKED_AT:
            return
        before = rows[-1].seq


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
