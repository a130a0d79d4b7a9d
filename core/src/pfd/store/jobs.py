"""Submitting, reading and cancelling jobs."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from pfd.errors import KeyConflict, QueueError, UnknownJob, few, shown
from pfd.job import ENDED, LIVE, QUEUED, RUNNING, Job, JobFailure, State
from pfd.store.encoding import cut_text, encode, is_storable
from pfd.store.engine import is_sqlite
from pfd.store.rows import FULL, to_job
from pfd.store.schema import IS_LIVE, IS_QUEUED, edges, jobs, tags
from pfd.store.settle import EndedJob, cancelled_because, revoke

LAST = "@last"

MOST_SHOWN = 80
"""Characters of an id that nobody has that an error repeats."""

MAX_TYPE, MAX_MESSAGE, MAX_TRACEBACK = 200, 5_000, 20_000
"""Characters of a failure that are stored: a little more than a run makes of it."""


@dataclass(frozen=True)
class NewJob:
    """A job to be stored.  `due_at` is in seconds since the epoch; `after` holds ids of jobs it waits for.

    `row` writes what stands for the job in a table of a plugin, in the transaction that stores it.
    """

    task: str
    queue: str
    params: Mapping[str, Any]
    priority: int = 0
    due_at: float = 0.0
    key: str | None = None
    client_id: str | None = None
    parent_id: str | None = None
    level: int = 0
    coordinator: bool = False
    gpu: bool = False
    retry_of: str | None = None
    tags: tuple[str, ...] = ()
    submitter: str = ""
    after: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    row: Callable[[Connection, NewJob], None] | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True)
class Submitted:
    """`fresh` is False where the key was in use by the same job, which is then given back."""

    id: str
    state: State
    fresh: bool


def insert(connection: Connection, new: NewJob) -> Submitted:
    """Store a job, and what it waits for, in the caller's transaction.

    Raises
    ------
    KeyConflict : the key is in use by a live job with another task or other parameters.
    UnknownJob : `after` names a job that is not in the store.
    Exception : whatever the writer of its row raises.
    """
    params = encode(dict(new.params))
    now = time.time()
    values = {
        "id": new.id,
        "task": new.task,
        "queue": new.queue,
        "state": State.PENDING,
        "priority": new.priority,
        "due_at": new.due_at,
        "waiting": 0,
        "followers": 0,
        "attempt": 0,
        "lost": 0,
        "cancel_requested": 0,
        "progress": 0.0,
        "status": "",
        "meta": "{}",
        "created_at": now,
        "key": new.key,
        "client_id": new.client_id,
        "parent_id": new.parent_id,
        "level": new.level,
        "coordinator": int(new.coordinator),
        "gpu": int(new.gpu),
        "retry_of": new.retry_of,
        "tags": json.dumps(sorted(set(new.tags))),
        "options": encode(dict(new.options)),
        "params": params,
        "artifacts": "[]",
        "submitter": new.submitter,
    }
    if new.key is None:
        seq = connection.execute(_INSERT, values).scalar_one()
    else:
        seq_or_known = _insert_keyed(connection, values)
        if isinstance(seq_or_known, Submitted):
            return seq_or_known
        seq = seq_or_known
    if new.parent_id is not None:
        connection.execute(jobs.update().where(jobs.c.id == new.parent_id).values(followers=jobs.c.followers + 1))
    for tag in sorted(set(new.tags)):
        connection.execute(tags.insert().values(tag=tag, job_seq=seq))
    state = _wait_for(connection, seq, new.after) if new.after else State.PENDING
    if new.row is not None:
        new.row(connection, new)
    return Submitted(new.id, state, fresh=True)


_INSERT = jobs.insert().returning(jobs.c.seq)


def _insert_keyed(connection: Connection, values: dict[str, Any]) -> int | Submitted:
    upsert = sqlite.insert(jobs) if is_sqlite(connection) else postgresql.insert(jobs)
    statement = upsert.values(values).on_conflict_do_nothing().returning(jobs.c.seq)
    live = sa.select(jobs.c.id, jobs.c.task, jobs.c.params, jobs.c.state).where(jobs.c.key == values["key"], IS_LIVE)
    for _ in range(10):  # between the two statements the holder of the key may end, on PostgreSQL
        seq = connection.execute(statement).scalar()
        if seq is not None:
            return int(seq)
        if holder := connection.execute(live).first():
            if (holder.task, holder.params) != (values["task"], values["params"]):
                raise KeyConflict(
                    f"key {values['key']!r} is in use by job {holder.id} with another task or other parameters",
                    hint=f"wait for it, cancel it ('pfd cancel {holder.id[:8]}'), or choose another key",
                )
            return Submitted(holder.id, State(holder.state), fresh=False)
    raise QueueError(f"key {values['key']!r} is contended, try again", hint="submit again")


def _wait_for(connection: Connection, seq: int, parents: Sequence[str]) -> State:
    found = connection.execute(
        sa.select(jobs.c.seq, jobs.c.id, jobs.c.state)
        .where(jobs.c.id.in_(parents))
        .order_by(jobs.c.seq)
        .with_for_update()
    ).all()
    if missing := set(parents) - {row.id for row in found}:
        raise UnknownJob(f"after={', '.join(few(sorted(missing), 5))}: no such job")
    pending = [row.seq for row in found if row.state not in ENDED]
    bad = next((row for row in found if row.state in (State.FAILURE, State.REVOKED)), None)
    connection.execute(edges.insert(), [{"parent_seq": row.seq, "child_seq": seq} for row in found])
    connection.execute(jobs.update().where(jobs.c.seq == seq).values(waiting=len(pending)))
    if pending:
        connection.execute(jobs.update().where(jobs.c.seq.in_(pending)).values(followers=jobs.c.followers + 1))
    if bad is not None:
        end_queued(connection, seq, f"job {bad.id}, which this one depends on, ended as {bad.state}")
        return State.REVOKED
    return State.PENDING


def end_queued(connection: Connection, seq: int, reason: str) -> list[EndedJob]:
    """End a job that is waiting as REVOKED, and what hangs on it; returns those that ended.

    None where it is waiting no more.
    """
    done = connection.execute(
        jobs.update()
        .where(jobs.c.seq == seq, IS_QUEUED)
        .values(state=State.REVOKED, ended_at=time.time(), failure=cancelled_because(reason))
        .returning(jobs.c.id, jobs.c.task, jobs.c.queue, jobs.c.followers)
    ).first()
    if done is None:
        return []
    below = revoke(connection, seq, State.REVOKED) if done.followers else []
    return [EndedJob(str(done.id), done.task, done.queue, State.REVOKED), *below]


def refuse(connection: Connection, job_id: str, failure: JobFailure) -> None:
    """End a job that has just been stored as FAILURE: what it was asked for cannot be run."""
    now = time.time()
    values = {"state": State.FAILURE, "started_at": now, "ended_at": now, "failure": describe_failure(failure)}
    connection.execute(jobs.update().where(jobs.c.id == job_id, IS_QUEUED).values(values))


def cancel(connection: Connection, job_id: str) -> tuple[Job, list[EndedJob]]:
    """End a queued job at once; ask for the end of a running one.  An ended job is left as it is.

    Returns the job as it is then, and all jobs that ended by this.
    """
    row = connection.execute(sa.select(jobs.c.seq, jobs.c.state).where(jobs.c.id == job_id).with_for_update()).one()
    ended: list[EndedJob] = []
    if row.state in QUEUED:
        ended = end_queued(connection, row.seq, "cancelled before it started")
    elif row.state in RUNNING:
        connection.execute(jobs.update().where(jobs.c.seq == row.seq).values(cancel_requested=1))
    elif row.state not in ENDED:  # a damaged row, which nobody would run or remove
        failure = cancelled_because("cancelled; it was in no state that there is")
        values = {"state": State.REVOKED, "ended_at": time.time(), "failure": failure}
        connection.execute(jobs.update().where(jobs.c.seq == row.seq).values(values))
        ended = revoke(connection, row.seq, State.REVOKED)
    return get(connection, job_id), ended


def find(connection: Connection, job_id: str) -> Job | None:
    """The job of exactly that id, or None."""
    row = connection.execute(_ONE, {"wanted": job_id}).first() if is_storable(job_id) else None
    return None if row is None else to_job(row._asdict())


def get(connection: Connection, job_id: str) -> Job:
    """The job of exactly that id.  Raises `UnknownJob`."""
    job = find(connection, job_id)
    if job is None:
        named = job_id if is_storable(job_id) else shown(job_id)
        raise UnknownJob(f"no job {named}", hint="'pfd jobs' lists the jobs of this store")
    return job


def ended(connection: Connection, job_ids: Sequence[str]) -> list[Job]:
    """Those of these jobs that have ended, in the order in which they did.  Raises `UnknownJob` for one not there."""
    states = {
        row.id: row
        for start in range(0, len(job_ids), _BATCH)
        for row in connection.execute(
            sa.select(jobs.c.id, jobs.c.state).where(jobs.c.id.in_(job_ids[start : start + _BATCH]))
        )
    }
    if missing := [one for one in job_ids if one not in states]:
        raise UnknownJob(f"no job {missing[0]}")
    done = [get(connection, row.id) for row in states.values() if row.state not in LIVE]
    return sorted(done, key=lambda job: job.ended_at or 0.0)


def children(connection: Connection, job_id: str) -> list[str]:
    """The ids of the children of a job, in the order in which they were submitted."""
    if not is_storable(job_id):
        return []
    query = sa.select(jobs.c.id).where(jobs.c.parent_id == job_id).order_by(jobs.c.seq)
    return list(connection.execute(query).scalars())


_BATCH = 500
_ONE = sa.select(*FULL).where(jobs.c.id == sa.bindparam("wanted"))


def resolve(connection: Connection, ref: str) -> str:
    """The id that a full id, a unique prefix of one, or `@last` stands for."""
    if ref == LAST:
        found = connection.execute(sa.select(jobs.c.id).order_by(jobs.c.seq.desc()).limit(1)).scalar()
        if found is None:
            raise UnknownJob("there is no job yet", hint="submit one with 'pfd submit TASK key=value …'")
        return str(found)
    prefix = ref.strip().lower() if is_storable(ref) else ""
    if not prefix or not all(character in "0123456789abcdef-" for character in prefix):
        if prefix and connection.execute(sa.select(jobs.c.id).where(jobs.c.id == ref)).first() is not None:
            return ref
        raise UnknownJob(f"{shown(ref)} is not a job id", hint="'pfd jobs' lists the jobs of this store")
    # A range on the unique index, where LIKE could not use it under every collation.
    found_ids = (
        connection.execute(
            sa.select(jobs.c.id).where(jobs.c.id >= prefix, jobs.c.id < prefix + "g").order_by(jobs.c.id).limit(6)
        )
        .scalars()
        .all()
    )
    if prefix in found_ids or len(found_ids) == 1:
        return prefix if prefix in found_ids else str(found_ids[0])
    if not found_ids:
        raise UnknownJob(f"no job {ref[:MOST_SHOWN]}", hint="'pfd jobs' lists the jobs of this store")
    raise UnknownJob(
        f"{ref[:MOST_SHOWN]} stands for more than one job: {', '.join(found[:13] for found in found_ids[:5])} …",
        hint="give more letters of the id",
    )


def describe_failure(failure: JobFailure) -> str:
    """A failure as it is stored."""
    return encode(
        {
            "type": cut_text(failure.type, MAX_TYPE),
            "message": cut_text(failure.message, MAX_MESSAGE),
            "traceback": cut_text(failure.traceback, MAX_TRACEBACK),
            "hint": None if failure.hint is None else cut_text(failure.hint, MAX_MESSAGE),
        }
    )
