"""Settling the edges of a job that ended, in the transaction that ends it."""

from __future__ import annotations

import time

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pfd.job import State
from pfd.store.encoding import encode
from pfd.store.schema import IS_QUEUED, edges, jobs


def settle(connection: Connection, seq: int, state: State) -> None:
    """Release what waits for a job that succeeded; revoke, all the way down, what waits for one that did not."""
    frontier = [(seq, state)]
    while frontier:
        parent, outcome = frontier.pop()
        # Dependents are locked in order of their numbers, so that two parents that end at once cannot deadlock.
        waiting = connection.execute(
            sa.select(jobs.c.seq, jobs.c.followers)
            .join(edges, edges.c.child_seq == jobs.c.seq)
            .where(edges.c.parent_seq == parent, IS_QUEUED)
            .order_by(jobs.c.seq)
            .with_for_update(of=jobs)
        ).all()
        if not waiting:
            continue
        children = [row.seq for row in waiting]
        if outcome is State.SUCCESS:
            connection.execute(jobs.update().where(jobs.c.seq.in_(children)).values(waiting=jobs.c.waiting - 1))
            continue
        parent_id = connection.execute(sa.select(jobs.c.id).where(jobs.c.seq == parent)).scalar_one()
        reason = f"job {parent_id}, which this one depends on, ended as {outcome}"
        failure = encode({"type": "JobCancelled", "message": reason, "traceback": "", "hint": None})
        connection.execute(
            jobs.update()
            .where(jobs.c.seq.in_(children))
            .values(state=State.REVOKED, ended_at=time.time(), failure=failure)
        )
        frontier += [(row.seq, State.REVOKED) for row in waiting if row.followers]
