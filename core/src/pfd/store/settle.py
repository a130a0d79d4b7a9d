"""Settling what hangs on a job that ended, in the transaction that ends it.

Two kinds of job hang on another: those that wait for it (`after`), and its children.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from pfd.job import QUEUED, JobFailure, State
from pfd.queue import Ring
from pfd.store.encoding import encode
from pfd.store.schema import IS_LIVE, IS_QUEUED, edges, jobs

_Row = Row[tuple[int, str, str, str, str]]

_BATCH = 500
"""Numbers in one statement; SQLite allows some thousands."""


@dataclass(frozen=True)
class Ended:
    """A job that has just ended, for whoever is to be told; `released` can be claimed because of that.

    `result` is as stored, of those that a run has ended.
    """

    id: str
    task: str
    queue: str
    state: State
    released: tuple[Ring, ...] = ()
    result: str | None = None
    failure: JobFailure | None = None


def release(connection: Connection, seq: int) -> tuple[Ring, ...]:
    """Let go of what waits for a job that succeeded, its children go on; the jobs that wait for nothing any more."""
    waiting = _lock(
        connection, [row.seq for row in connection.execute(_WAITING.where(edges.c.parent_seq == seq, IS_QUEUED))]
    )
    free: list[Ring] = []
    for batch in _batches(row.seq for row in waiting if row.state in QUEUED):
        let_go = connection.execute(
            jobs.update()
            .where(jobs.c.seq.in_(batch))
            .values(waiting=jobs.c.waiting - 1)
            .returning(jobs.c.id, jobs.c.task, jobs.c.queue, jobs.c.waiting)
        )
        free += [Ring(row.id, row.task, row.queue) for row in let_go if not row.waiting]
    return tuple(free)


def revoke(connection: Connection, seq: int, state: State) -> list[Ended]:
    """End, all the way down, what hangs on a job that ended as `state`, not well; returns those that ended.

    What waits in a queue is revoked at once.  A running child is asked to stop; what hangs on it is settled when it
    does.
    """
    ids = {seq: connection.execute(sa.select(jobs.c.id).where(jobs.c.seq == seq)).scalar_one()}
    locked: dict[int, _Row | None] = {}
    # Once a job is locked nothing more can be hung on it; so looked at again until there is nothing new.
    while new := (below := _closure(connection, seq, ids[seq])).keys() - locked.keys():
        # Locked in order of their numbers, which only grow on the way down, so that two that end at once cannot
        # deadlock.
        found = {row.seq: row for row in _lock(connection, new)}
        locked |= {number: found.get(number) for number in new}
    now = time.time()
    ended: list[Ended] = []
    # Parents before what hangs on them: a reason names a job that has itself ended.
    for number, links in below.items():
        row = locked[number]
        above = next((link for link in links if link[0] in ids), None)
        if row is None or above is None:
            continue  # it has ended meanwhile, or it hangs on one that is only asked to stop
        if row.state not in QUEUED:
            connection.execute(jobs.update().where(jobs.c.seq == number).values(cancel_requested=1))
            continue
        upper, how = above
        reason = f"job {ids[upper]}, which this one {how}, ended as {state if upper == seq else State.REVOKED}"
        connection.execute(
            jobs.update()
            .where(jobs.c.seq == number)
            .values(state=State.REVOKED, ended_at=now, failure=cancelled_because(reason))
        )
        ids[number] = row.id
        ended.append(Ended(str(row.id), row.task, row.queue, State.REVOKED))
    return ended


def cancelled_because(reason: str) -> str:
    """The failure of a job that was revoked, as it is stored."""
    return encode({"type": "JobCancelled", "message": reason, "traceback": "", "hint": None})


_WAITING = sa.select(jobs.c.seq, jobs.c.id, jobs.c.followers, jobs.c.state, edges.c.parent_seq.label("above")).join(
    edges, edges.c.child_seq == jobs.c.seq
)


def _closure(connection: Connection, seq: int, job_id: str) -> dict[int, list[tuple[int, str]]]:
    """Numbers of all live jobs below one, each with the jobs that it hangs on and how; nearest first."""
    below: dict[int, list[tuple[int, str]]] = {}
    frontier = {seq: job_id}
    while frontier:
        following: dict[int, str] = {}
        for numbers in _batches(frontier):
            waiting = connection.execute(
                _WAITING.where(edges.c.parent_seq.in_(numbers), IS_QUEUED).order_by(jobs.c.seq)
            )
            found = [(row, row.above, "depends on") for row in waiting]
            parents = {frontier[number]: number for number in numbers if isinstance(frontier[number], str)}
            children = connection.execute(
                sa.select(jobs.c.seq, jobs.c.id, jobs.c.followers, jobs.c.state, jobs.c.parent_id)
                .where(jobs.c.parent_id.in_(parents), IS_LIVE)
                .order_by(jobs.c.seq)
            )
            found += [(row, parents[row.parent_id], "is a child of") for row in children]
            for row, above, how in found:
                if row.seq not in below and row.followers and row.state in QUEUED:
                    following[row.seq] = row.id
                below.setdefault(row.seq, []).append((above, how))
        frontier = following
    return below


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


def _batches(numbers: Iterable[int]) -> Iterable[list[int]]:
    listed = list(numbers)
    return (listed[start : start + _BATCH] for start in range(0, len(listed), _BATCH))
