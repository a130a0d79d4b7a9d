"""Settling what hangs on a job that ended, in the transaction that ends it.

Two kinds of job hang on another: those that wait for it (`after`), and its children.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from pfd.job import QUEUED, RUNNING, JobFailure, State
from pfd.notify import Wakeup
from pfd.store.encoding import encode
from pfd.store.engine import is_sqlite
from pfd.store.schema import IS_LIVE, edges, facts, jobs

T = TypeVar("T")
_Row = Row[tuple[int, str, str, str, str]]
_Name = tuple[Any, State]
"""How a job that has ended is called, a text unless its row is damaged, and as what it ended."""

PIECE = 1000
"""Jobs that one transaction ends since another has ended: others wait for the lock meanwhile."""

_BATCH = 500
"""Numbers in one statement; SQLite allows some thousands."""

ONE_BY_ONE = "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"
"""Has PostgreSQL go from a job to those on it; without statistics it would go through all jobs at each step."""

_UNSETTLED = "unsettled:"
_IS_UNSETTLED = facts.c.name.startswith(_UNSETTLED)
"""Facts that name jobs whose end is not settled yet, by their numbers."""


@dataclass(frozen=True)
class EndedJob:
    """A job that has just ended, for whoever is to be told; `released` can be claimed because of that.

    `result` is as stored, of those that a run has ended.
    """

    id: str
    task: str
    queue: str
    state: State
    released: tuple[Wakeup, ...] = ()
    result: str | None = None
    failure: JobFailure | None = None


def release(connection: Connection, seq: int) -> tuple[Wakeup, ...]:
    """Let go of what waits for a job that succeeded, its children go on; the jobs that wait for nothing any more."""
    waiting = _lock(
        connection, connection.execute(sa.select(edges.c.child_seq).where(edges.c.parent_seq == seq)).scalars()
    )
    free: list[Wakeup] = []
    for batch in _batches(row.seq for row in waiting if row.state in QUEUED):
        let_go = connection.execute(
            jobs.update()
            .where(jobs.c.seq.in_(batch))
            .values(waiting=jobs.c.waiting - 1)
            .returning(jobs.c.id, jobs.c.task, jobs.c.queue, jobs.c.waiting)
        )
        free += [Wakeup(row.id, row.task, row.queue) for row in let_go if not row.waiting]
    return tuple(free)


def revoke(connection: Connection, seq: int, state: State) -> list[EndedJob]:
    """End, all the way down, what hangs on a job that ended as `state`, not well; returns those that ended.

    What waits in a queue is revoked at once.  A running child is asked to stop; what hangs on it is settled when it
    does.  What is more than a transaction should end is left to `go_on`.
    """
    job_id = connection.execute(sa.select(jobs.c.id).where(jobs.c.seq == seq)).scalar_one()
    return _revoke(connection, {seq: (job_id, state)})


def is_left(connection: Connection) -> bool:
    """Whether anything is left to `go_on` with."""
    return connection.execute(sa.select(facts.c.name).where(_IS_UNSETTLED).limit(1)).first() is not None


def go_on(connection: Connection) -> list[EndedJob] | None:
    """End some more of what hangs on jobs that have ended, where that was too much at once; returns those that ended.

    None where nothing is left, or others are at it.
    """
    query = sa.select(facts.c.name).where(_IS_UNSETTLED).order_by(facts.c.name).limit(_BATCH)
    names = connection.execute(query.with_for_update(skip_locked=True)).scalars().all()
    if not names:
        return None
    connection.execute(facts.delete().where(facts.c.name.in_(names)))
    numbers = [int(name.removeprefix(_UNSETTLED)) for name in names]
    found = connection.execute(sa.select(jobs.c.seq, jobs.c.id, jobs.c.state).where(jobs.c.seq.in_(numbers)))
    return _revoke(connection, {row.seq: (row.id, State(row.state)) for row in found})


def _revoke(connection: Connection, ended_badly: dict[int, _Name]) -> list[EndedJob]:
    if not is_sqlite(connection):
        connection.exec_driver_sql(ONE_BY_ONE)
    uppers, ended, now = ended_badly, list[EndedJob](), time.time()
    while uppers and len(ended) < PIECE:
        links = _below(connection, uppers, PIECE - len(ended))
        # Locked in order of their numbers, which only grow on the way down, so that two that end at once cannot
        # deadlock.  Once a job is locked nothing more can be hung on it.
        rows = {row.seq: row for row in _lock(connection, {link.seq for link in links})}
        asked: list[int] = []
        revoked: list[dict[str, Any]] = []
        named = dict(uppers)
        # Parents before what hangs on them: a reason names a job that has itself ended.
        for link in links:
            row = rows.get(link.seq)
            if row is None or link.seq in named or link.above not in named:
                continue  # it has ended meanwhile, or it hangs on one that is only asked to stop
            if row.state not in QUEUED:
                asked.append(row.seq)
                continue
            upper, how_it_ended = named[link.above]
            reason = f"job {upper}, which this one {link.how}, ended as {how_it_ended}"
            revoked.append({"p_seq": row.seq, "p_now": now, "p_failure": cancelled_because(reason)})
            named[row.seq] = (row.id, State.REVOKED)
            ended.append(EndedJob(str(row.id), row.task, row.queue, State.REVOKED))
        for batch in _batches(asked):
            connection.execute(jobs.update().where(jobs.c.seq.in_(batch)).values(cancel_requested=1))
        if revoked:
            connection.execute(_REVOKE, revoked)
        uppers = _unsettled(connection, named)
    if uppers:
        connection.execute(facts.insert(), [{"name": f"{_UNSETTLED}{seq}", "value": ""} for seq in uppers])
    return ended


_REVOKE = (
    jobs.update()
    .where(jobs.c.seq == sa.bindparam("p_seq"))
    .values(state=State.REVOKED.value, ended_at=sa.bindparam("p_now"), failure=sa.bindparam("p_failure"))
)


def cancelled_because(reason: str) -> str:
    """The failure of a job that was revoked, as it is stored."""
    return encode({"type": "JobCancelled", "message": reason, "traceback": "", "hint": None})


class _Link(NamedTuple):
    """That a live job hangs on another, and how."""

    above: int
    seq: int
    how: str


def _below(connection: Connection, uppers: Mapping[int, _Name], most: int) -> list[_Link]:
    """Live jobs that hang on these, and on those again that are queued; nearest first, and no more than that."""
    links: list[_Link] = []
    names = {seq: job_id for seq, (job_id, _) in uppers.items()}
    for batch in _batches(uppers):
        found = connection.execute(_WAITING, {"p_seqs": batch, "p_most": most - len(links)}).all()
        links += [_Link(row.above, row.seq, "depends on") for row in found]
        names |= {row.seq: row.id for row in found}
        if len(links) >= most:
            return links
    numbers = {job_id: seq for seq, job_id in names.items() if isinstance(job_id, str)}
    for ids in _batches(numbers):
        children = _CHILDREN.where(jobs.c.parent_id.in_(ids)).order_by(jobs.c.seq).limit(most - len(links))
        links += [_Link(numbers[row.parent_id], row.seq, "is a child of") for row in connection.execute(children)]
        if len(links) >= most:
            break
    return links


def _unsettled(connection: Connection, named: Mapping[int, _Name]) -> dict[int, _Name]:
    """Those of these jobs, which have ended, on which something hangs that has not."""
    found: set[int] = set()
    for batch in _batches(named):
        found |= set(connection.execute(_ON_WHICH_WAITS.where(_upper.c.seq.in_(batch))).scalars())
    numbers = {job_id: seq for seq, (job_id, _) in named.items() if isinstance(job_id, str)}
    for ids in _batches(numbers):
        parents = connection.execute(_CHILDREN.where(jobs.c.parent_id.in_(ids)))
        found |= {numbers[row.parent_id] for row in parents}
    return {seq: named[seq] for seq in found}


# Not by the index of states, which lists all that waits anywhere.
_STATE = sa.func.coalesce(jobs.c.state, "")
_STILL_QUEUED = _STATE.in_(sorted(QUEUED))
_upper = jobs.alias("upper")


def _waiting() -> Any:
    link = edges.c.parent_seq.label("above"), jobs.c.seq, jobs.c.id
    hanging = sa.select(*link).join_from(edges, jobs, jobs.c.seq == edges.c.child_seq).where(_STILL_QUEUED)
    top = hanging.where(edges.c.parent_seq.in_(sa.bindparam("p_seqs", expanding=True)))
    below = top.cte("below", recursive=True)
    below = below.union(
        sa.select(*link)
        .join_from(below, edges, edges.c.parent_seq == below.c.seq)
        .join(jobs, jobs.c.seq == edges.c.child_seq)
        .where(_STILL_QUEUED)
    )
    return sa.select(below).limit(sa.bindparam("p_most", type_=sa.Integer))


_WAITING = _waiting()
"""What waits in a queue for some jobs, all the way down."""

_ON_WHICH_WAITS = sa.select(_upper.c.seq).where(
    sa.exists().where(edges.c.parent_seq == _upper.c.seq, jobs.c.seq == edges.c.child_seq, _STILL_QUEUED)
)

_CHILDREN = sa.select(jobs.c.seq, jobs.c.parent_id).where(
    sa.or_(_STILL_QUEUED, sa.and_(_STATE.in_(sorted(RUNNING)), jobs.c.cancel_requested == 0))
)
"""Children that are still to be told of the end of their parent."""


def _lock(connection: Connection, numbers: Iterable[int]) -> list[_Row]:
    """The live ones of these jobs, locked until the end of the transaction."""
    rows: list[_Row] = []
    for batch in _batches(sorted(numbers)):
        rows += connection.execute(
            sa.select(jobs.c.seq, jobs.c.id, jobs.c.task, jobs.c.queue, jobs.c.state)
            .where(jobs.c.seq.in_(batch), IS_LIVE)
            .order_by(jobs.c.seq)
            .with_for_update()
        )
    return rows


def _batches(items: Iterable[T]) -> Iterable[list[T]]:
    listed = list(items)
    return (listed[start : start + _BATCH] for start in range(0, len(listed), _BATCH))
