"""Jobs that came by a broker, and whose state their client reads there: an outbox of what it has not been told yet.

A row remembers what was told last.  What is told is always the newest state, so that a news that got lost, or was told
twice, does no harm; a row goes once the end was told.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pfd.errors import ParameterError
from pfd.job import ENDED, Job
from pfd.store.encoding import encode
from pfd.store.rows import FULL, an_object, to_job
from pfd.store.schema import jobs, mirrors

log = logging.getLogger("pfd.store")

BATCH = 100

MAX_REPLY = 8 * 1024
"""Bytes of JSON that a client may be reached by."""

Tell = Callable[[Job, dict[str, Any]], None]


def watch(connection: Connection, seq: int, reply: dict[str, Any]) -> None:
    """Have the state of a job told.  `reply` is what the teller needs to reach the client.

    A client whose `reply` takes more than `MAX_REPLY` bytes, or is not JSON, is told nothing; its job runs as well.
    """
    try:
        if len(text := encode(reply)) > MAX_REPLY:
            raise ParameterError(f"{len(text)} bytes of JSON, more than {MAX_REPLY}")
    except ParameterError as error:
        log.warning("a client of a broker is not told of its job: how it is to be reached is %s", error)
        return
    values = {"job_seq": seq, "reply": text, "state": "", "progress": 0.0, "status": ""}
    connection.execute(mirrors.insert().values(values))


def tell(connection: Connection, teller: Tell) -> int:
    """Tell what has changed, of at most `BATCH` jobs; how many were told.

    One worker tells of a job at a time: its row is locked until the end of the caller's transaction, and others skip
    it.  What `teller` raises leaves the rest for the next time.
    """
    changed = sa.or_(
        jobs.c.state != mirrors.c.state,
        jobs.c.progress != mirrors.c.progress,
        # What else a task reports is told with its status.
        jobs.c.status + jobs.c.meta != mirrors.c.status,
    )
    query = (
        sa.select(mirrors.c.reply, *FULL)
        .join(jobs, jobs.c.seq == mirrors.c.job_seq)
        .where(changed)
        .order_by(mirrors.c.job_seq)
        .limit(BATCH)
        .with_for_update(skip_locked=True, of=mirrors)
    )
    told = 0
    for row in connection.execute(query).all():
        found = row._asdict()
        reply = _reply(found.pop("reply"))
        job = to_job(found)
        if reply is not None:
            teller(job, reply)
            told += 1
        mine = mirrors.c.job_seq == job.seq
        if job.state in ENDED or reply is None:
            connection.execute(mirrors.delete().where(mine))
        else:  # as it is stored, since that is what it is compared with
            values = {name: found[name] for name in ("state", "progress")}
            values["status"] = f"{found['status']}{found['meta']}"
            connection.execute(mirrors.update().where(mine).values(values))
    return told


def _reply(text: Any) -> dict[str, Any] | None:
    """How to reach a client; None where that cannot be read, and nobody will ever be reached by it."""
    try:
        return an_object(text)
    except ValueError as error:
        log.warning("a client of a broker is not told of its job any more: its row cannot be read: %s", error)
        return None


def any_waiting(connection: Connection) -> bool:
    """Whether there is any job whose state is to be told."""
    return connection.execute(sa.select(mirrors.c.job_seq).limit(1)).first() is not None
