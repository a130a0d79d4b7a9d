"""The next job that a worker can take: drawn for it, or when it falls due.

SQLite has one lock for all that write, which is held while a job is looked for, so there it is found by a few steps
(`pfd.store.next_in_sqlite`).  PostgreSQL holds no lock meanwhile, and goes along the jobs of a queue in their order.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pfd.store import next_in_sqlite
from pfd.store.claim_filter import ClaimFilter, takeable
from pfd.store.engine import is_sqlite
from pfd.store.prepared import Prepared
from pfd.store.schema import claims, jobs

_now: Any = sa.bindparam("p_now", None)
_owner: Any = sa.bindparam("p_owner", None)


def draw(connection: Connection, wanted: ClaimFilter, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """Find the next job that is due by `p_due` and draw a claim number for it: that number, and the job's."""
    if is_sqlite(connection):
        return next_in_sqlite.draw(wanted).first(connection, values)
    for queue in _queues(connection, wanted, values):
        # All jobs of that queue may be in the hands of others by now.
        if (drawn := _draw(replace(wanted, queues=(queue,))).first(connection, values)) is not None:
            return drawn
    return None


def _queues(connection: Connection, wanted: ClaimFilter, values: Mapping[str, Any]) -> list[str]:
    """The queues that have something to take, that of the next job first."""
    if len(wanted.queues) == 1:
        return list(wanted.queues)
    return [str(queue) for (queue,) in _best(wanted).all(connection, values)]


def next_due(connection: Connection, wanted: ClaimFilter) -> float | None:
    """When the earliest job that `wanted` could take falls due, in seconds since the epoch; now where one is due."""
    if not (wanted.queues and wanted.tasks):
        return None
    now = {"p_due": time.time()}
    in_sqlite = is_sqlite(connection)
    if (next_in_sqlite.best(wanted) if in_sqlite else _best(wanted)).first(connection, now) is not None:
        return now["p_due"]
    found = (next_in_sqlite.earliest(wanted) if in_sqlite else _earliest(wanted)).first(connection, now)
    return found[0] if found is not None and isinstance(found[0], float) else None  # of a damaged row it may be a text


@functools.lru_cache(maxsize=64)
def _best(wanted: ClaimFilter) -> Prepared:
    """The queue of the next job: the best of each, in its own range of the index, and of these the best."""
    heads = [
        sa.select(_next(replace(wanted, queues=(queue,)), jobs.c.queue, jobs.c.priority, jobs.c.seq).subquery())
        for queue in wanted.queues
    ]
    best = sa.union_all(*heads).subquery()
    return Prepared(sa.select(best.c.queue).order_by(best.c.priority.desc(), best.c.seq))


@functools.lru_cache(maxsize=64)
def _draw(wanted: ClaimFilter) -> Prepared:
    """Find the next job of a queue and draw a claim number for it, in one statement."""
    query = _next(wanted, jobs.c.seq, _owner, _now).with_for_update(skip_locked=True)
    columns = ["job_seq", "owner", "claimed_at"]
    return Prepared(claims.insert().from_select(columns, query).returning(claims.c.number, claims.c.job_seq))


def _next(wanted: ClaimFilter, *columns: Any) -> Any:
    due = jobs.c.due_at <= sa.bindparam("p_due", None)
    order = jobs.c.priority.desc(), jobs.c.seq
    return sa.select(*columns).where(*takeable(wanted), due).order_by(*order).limit(1)


@functools.lru_cache(maxsize=64)
def _earliest(wanted: ClaimFilter) -> Prepared:
    earliest = sa.func.min(jobs.c.due_at).label("due_at")
    heads = [sa.select(earliest).where(*takeable(replace(wanted, queues=(queue,)))) for queue in wanted.queues]
    return Prepared(sa.select(sa.func.min(sa.union_all(*heads).subquery().c.due_at)))
