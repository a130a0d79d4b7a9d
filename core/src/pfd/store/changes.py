"""What changes of a job while somebody watches it, at the price of one short row."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pfd.errors import UnknownJob, shown
from pfd.job import Job, State
from pfd.store.encoding import is_storable
from pfd.store.prepared import Prepared
from pfd.store.rows import FULL, as_state, to_job
from pfd.store.schema import jobs


class Snapshot(NamedTuple):
    """All of a job that may change, as it is stored.  Two glances that are equal saw the same job."""

    state: State
    claim: int | None
    progress: float
    status: str
    meta: str
    cancel_requested: int
    waiting: int


_WANTED = jobs.c.id == sa.bindparam("wanted", type_=jobs.c.id.type)
_SEEN = [jobs.c[name] for name in Snapshot._fields]
_GLANCE = Prepared(sa.select(*_SEEN).where(_WANTED))
_WHOLE = sa.select(*FULL).where(_WANTED)
_BATCH = 500


def snapshot(connection: Connection, job_id: str) -> Snapshot:
    """A job at a glance: found by its id, nothing decoded.  Raises `UnknownJob`, as for one that has been pruned."""
    row = _GLANCE.first(connection, {"wanted": job_id}) if is_storable(job_id) else None
    if row is None:
        raise _gone(job_id)
    return Snapshot(as_state(row[0]), *row[1:])


def snapshots(connection: Connection, job_ids: Collection[str]) -> dict[str, Snapshot]:
    """Many jobs at a glance, by id; without those that there are not."""
    wanted = [one for one in job_ids if is_storable(one)]
    found: dict[str, Snapshot] = {}
    for start in range(0, len(wanted), _BATCH):
        query = sa.select(jobs.c.id, *_SEEN).where(jobs.c.id.in_(wanted[start : start + _BATCH]))
        found.update((row[0], Snapshot(as_state(row[1]), *row[2:])) for row in connection.execute(query))
    return found


def whole(connection: Connection, job_id: str) -> tuple[Snapshot, Job]:
    """The whole job, and it at a glance.  Raises `UnknownJob` as above."""
    row = connection.execute(_WHOLE, {"wanted": job_id}).first() if is_storable(job_id) else None
    if row is None:
        raise _gone(job_id)
    found = row._asdict()
    return Snapshot(as_state(row.state), *(found[name] for name in Snapshot._fields[1:])), to_job(found)


def changed_since(connection: Connection, job_id: str, seen: Snapshot | None) -> tuple[Snapshot, Job] | None:
    """The whole job, and it at a glance, where it is no longer as it was `seen`; else None."""
    if snapshot(connection, job_id) == seen:
        return None
    # At a glance again: in between it may have changed again, and would then be shown twice.
    return whole(connection, job_id)


def _gone(job_id: str) -> UnknownJob:
    named = job_id if is_storable(job_id) else shown(job_id)
    return UnknownJob(f"no job {named} any more", hint="it has been pruned; 'pfd jobs' lists those that are kept")
