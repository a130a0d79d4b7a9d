"""All jobs of one tag as a whole: read in full, held while something is decided about them, given to a client."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pfd.job import Job, State
from pfd.store.rows import FULL, as_state, to_job
from pfd.store.schema import IS_LIVE, edges, jobs, tags

_BATCH = 500


@dataclass(frozen=True)
class Tagged:
    """A job, and the ids of all that it waits or waited for."""

    job: Job
    after: frozenset[str]


def read(connection: Connection, tag: str) -> list[Tagged]:
    """All jobs of a tag, newest first, with parameters and results."""
    query = sa.select(*FULL).where(jobs.c.seq.in_(_numbers(tag))).order_by(jobs.c.seq.desc())
    found = [to_job(row._asdict()) for row in connection.execute(query)]
    above: dict[int, set[str]] = {}
    parents = (
        sa.select(edges.c.child_seq, jobs.c.id)
        .join(jobs, jobs.c.seq == edges.c.parent_seq)
        .where(edges.c.child_seq.in_(_numbers(tag)))
    )
    for child, parent in connection.execute(parents):
        above.setdefault(child, set()).add(parent)
    return [Tagged(job, frozenset(above.get(job.seq, ()))) for job in found]


@dataclass(frozen=True)
class Standing:
    """How a job stands: its state, and whether its cancel has been asked for."""

    state: State
    cancel_requested: bool


def hold(connection: Connection, tag: str) -> dict[str, Standing]:
    """How all jobs of a tag stand, by id; held so until the end of this transaction.

    Of two transactions that hold the same tag the later sees all that the earlier has done.
    """
    # In two steps: on PostgreSQL the first waits for the other transaction, but does not see the jobs that it adds.
    locking = sa.select(jobs.c.seq).where(jobs.c.seq.in_(_numbers(tag))).order_by(jobs.c.seq).with_for_update()
    connection.execute(locking).all()
    query = sa.select(jobs.c.id, jobs.c.state, jobs.c.cancel_requested).where(jobs.c.seq.in_(_numbers(tag)))
    return {row.id: Standing(as_state(row.state), row.cancel_requested != 0) for row in connection.execute(query)}


def adopt(connection: Connection, job_ids: Iterable[str], client_id: str | None) -> None:
    """Make live jobs, and their children all the way down, such as that client has submitted."""
    level = list(job_ids)
    while level:
        below: list[str] = []
        for start in range(0, len(level), _BATCH):
            batch = level[start : start + _BATCH]
            connection.execute(jobs.update().where(jobs.c.id.in_(batch), IS_LIVE).values(client_id=client_id))
            children = sa.select(jobs.c.id).where(jobs.c.parent_id.in_(batch), IS_LIVE)
            below += connection.execute(children).scalars()
        level = below


def _numbers(tag: str) -> sa.Select[tuple[int]]:
    return sa.select(tags.c.job_seq).where(tags.c.tag == tag)
