"""The next job of a worker in SQLite: found by a few steps in an index, however many jobs wait that it cannot take.

The index lists what is ready by queue, GPU and task.  The tasks that wait in a queue are found by one step each, and of
each task that the worker can load the first by priority: so jobs of other tasks are passed over unread.  Of one task
the jobs that are due from the beginning (`due_at` is 0) stand in order of priority.  Those that fall due later stand in
order of that time, so that what is not due yet is not read; of what is due the best is chosen, or, where that is much,
looked for in another index, in order of priority.
"""

from __future__ import annotations

import functools
from typing import Any

import sqlalchemy as sa

from pfd.store.claim_filter import ClaimFilter, takeable, takeable_of_kind
from pfd.store.prepared import Prepared
from pfd.store.schema import IS_NOT_WAITING, IS_QUEUED, claims, jobs

MANY_DUE = 100
"""Jobs of a task, fallen due after they were submitted, of which the best is chosen by reading all of them."""

_due: Any = sa.bindparam("p_due", None, type_=sa.Double)
_now: Any = sa.bindparam("p_now", None)
_owner: Any = sa.bindparam("p_owner", None)

_ORDER = jobs.c.priority.desc(), jobs.c.seq
_AT_ONCE, _LATER, _BEFORE_TIME = sa.text("due_at = 0"), sa.text("due_at > 0"), sa.text("due_at < 0")


@functools.lru_cache(maxsize=64)
def draw(wanted: ClaimFilter) -> Prepared:
    """Find the next job and draw a claim number for it, in one statement: that number, and the job's."""
    is_best = jobs.c.seq == _best(wanted).scalar_subquery()
    query = sa.select(jobs.c.seq, _owner, _now).where(is_best, *takeable(wanted), jobs.c.due_at <= _due)
    columns = ["job_seq", "owner", "claimed_at"]
    return Prepared(claims.insert().from_select(columns, query).returning(claims.c.number, claims.c.job_seq))


@functools.lru_cache(maxsize=64)
def best(wanted: ClaimFilter) -> Prepared:
    """The number of the next job that is due by `p_due`."""
    return Prepared(_best(wanted))


@functools.lru_cache(maxsize=64)
def earliest(wanted: ClaimFilter) -> Prepared:
    """When the next job falls due, of those that are not by `p_due`."""
    kinds = _kinds(wanted)
    later = _of(kinds, wanted, _LATER, jobs.c.due_at > _due).with_only_columns(jobs.c.due_at)
    moment = later.order_by(jobs.c.due_at).scalar_subquery().label("due_at")
    moments = sa.select(moment).where(kinds.c.task.in_(wanted.tasks)).subquery()
    return Prepared(sa.select(sa.func.min(moments.c.due_at)))


def _best(wanted: ClaimFilter) -> Any:
    """The number of the next job."""
    kinds = _kinds(wanted)
    due = _of(kinds, wanted, _LATER, jobs.c.due_at <= _due)
    first_due = due.order_by(jobs.c.due_at).limit(MANY_DUE + 1).subquery("first_due")
    are_many = sa.select(sa.func.count()).select_from(first_due).scalar_subquery() > MANY_DUE
    best_of_few = sa.select(first_due.c.seq).order_by(first_due.c.priority.desc(), first_due.c.seq)
    # Not as a range of the time: the index of times would be taken for it, and sorted.
    by_priority = _of(kinds, wanted, _LATER, sa.literal_column("+due_at") <= _due)
    way: Any = sa.union_all(*(sa.select(sa.literal_column(str(number)).label("number")) for number in range(3)))
    ways = way.subquery("ways")
    head = sa.case(
        (ways.c.number == sa.literal_column("0"), _first(_of(kinds, wanted, _AT_ONCE))),
        (
            ways.c.number == sa.literal_column("1"),
            _first(_of(kinds, wanted, _BEFORE_TIME)),
        ),  # of a damaged row, which a claim ends
        (due.exists(), sa.case((are_many, _first(by_priority)), else_=best_of_few.scalar_subquery())),
    )
    loadable = kinds.c.task.in_(wanted.tasks)
    heads = sa.select(head.label("seq")).select_from(kinds, ways).where(loadable).subquery("heads")
    return sa.select(jobs.c.seq).join(heads, heads.c.seq == jobs.c.seq).order_by(*_ORDER).limit(1)


def _kinds(wanted: ClaimFilter) -> Any:
    """The queue, GPU and task of what waits in the queues of a worker, by one step in the index for each."""
    gpus = (0, 1) if wanted.gpu is None else (int(wanted.gpu),)
    queues = sa.union_all(*(sa.select(sa.literal(queue).label("queue")) for queue in wanted.queues)).subquery("queues")
    places = sa.union_all(*(sa.select(sa.literal(gpu).label("gpu")) for gpu in gpus)).subquery("places")
    served = sa.select(queues.c.queue, places.c.gpu).select_from(queues.join(places, sa.true())).cte("served")

    def following(above: Any, *conditions: Any) -> Any:
        same = jobs.c.queue == above.c.queue, jobs.c.gpu == above.c.gpu, IS_NOT_WAITING, IS_QUEUED
        query = sa.select(jobs.c.task).where(*same, *conditions).order_by(jobs.c.task)
        return query.correlate(above).scalar_subquery().label("task")

    kinds = sa.select(served.c.queue, served.c.gpu, following(served)).cte("kinds", recursive=True)
    further = sa.select(kinds.c.queue, kinds.c.gpu, following(kinds, jobs.c.task > kinds.c.task))
    return kinds.union_all(further.where(kinds.c.task.is_not(None)))


def _of(kinds: Any, wanted: ClaimFilter, *conditions: Any) -> Any:
    """Jobs of a kind that can be taken, as far as their time allows."""
    same = jobs.c.queue == kinds.c.queue, jobs.c.gpu == kinds.c.gpu, jobs.c.task == kinds.c.task
    query = sa.select(jobs.c.seq, jobs.c.priority).where(*same, *takeable_of_kind(wanted), *conditions)
    return query.correlate(kinds)


def _first(found: Any) -> Any:
    return found.with_only_columns(jobs.c.seq).order_by(*_ORDER).limit(1).scalar_subquery()
