"""The feed of changes: jobs in the order in which they changed last, read on from a cursor.

A trigger numbers the changes (revision `pfd_0011`).  In SQLite a number is seen before the next one is drawn.  In
PostgreSQL it is that of the transaction, and what is read ends before the oldest one that has not ended: of those that
come later none has a smaller number, so nothing is passed over.  A transaction that stays open holds the feed up, and
loses nothing; those of PFD end within seconds.

A cursor names the store as well: in another one, or in one put back from a backup, it would pass over what it finds.
"""

from __future__ import annotations

import functools
import hashlib
import re
import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from pfd.cursors import MOST, place
from pfd.errors import ParameterError
from pfd.job import Job
from pfd.store.copies import FEED_ID
from pfd.store.engine import is_sqlite
from pfd.store.prepared import Prepared
from pfd.store.rows import LIGHT, LIGHT_NAMES, to_job
from pfd.store.schema import change, facts, jobs

NOW = "now"
"""The cursor behind all changes so far."""

_CURSOR = re.compile(r"(\d{0,19}):(\d{1,19}):(\d{1,19})")

_UNNAMED = -1
"""In place of the identity of a store that no worker has served yet."""

_IDENTITY = sa.func.coalesce(
    *(sa.select(facts.c.value).where(facts.c.name == name).scalar_subquery() for name in (FEED_ID, "store_id"))
)
_DATABASE = sa.text("(SELECT d.oid FROM pg_database d WHERE d.datname = current_database())::text")
_TABLE = sa.cast(sa.cast(sa.cast(jobs.name, postgresql.REGCLASS), postgresql.OID), sa.Text)
"""Its number in its database: a dump that is restored makes another one."""

_CURRENT = sa.cast(sa.cast(sa.func.pg_snapshot_xmin(sa.func.pg_current_snapshot()), sa.Text), sa.BigInteger)
_START = sa.func.coalesce(sa.select(change.c.start).scalar_subquery(), 0)
_ENDED_BEFORE = sa.select((_START + _CURRENT).label("bound"), (_IDENTITY + _TABLE + _DATABASE).label("identity"))
_NUMBER = sa.select(
    (sa.func.coalesce(sa.select(change.c.number).scalar_subquery(), 0) + 1).label("bound"), _IDENTITY.label("identity")
)


_MAY_ASK = sa.text("SELECT has_function_privilege('pg_control_system()', 'EXECUTE')")
_SERVER = sa.text("SELECT system_identifier::text FROM pg_control_system()")


def _page(bound: sa.Select[tuple[int, str]]) -> Prepared:
    """The bound and the store's identity, beside each change behind a place and before the bound; beside nothing where
    there is none."""
    number, seq, limit = (sa.bindparam(name, type_=sa.BigInteger) for name in ("p_number", "p_seq", "p_limit"))
    changes = (
        sa.select(jobs.c.changed, *LIGHT)
        .where(sa.tuple_(jobs.c.changed, jobs.c.seq) > sa.tuple_(number, seq))
        .where(jobs.c.changed < sa.select(bound.subquery().c.bound).scalar_subquery())
        .order_by(jobs.c.changed, jobs.c.seq)
        .limit(limit)
        .subquery()
    )
    last = bound.subquery()
    both = sa.select(last, changes).select_from(last.outerjoin(changes, sa.true()))
    return Prepared(both.order_by(changes.c.changed, changes.c.seq))


_IN_SQLITE, _IN_POSTGRESQL = _page(_NUMBER), _page(_ENDED_BEFORE)


class Changes(NamedTuple):
    """Jobs that have changed, without parameters and results, each as it is now; and the cursor behind them."""

    jobs: tuple[Job, ...]
    cursor: str


class Change(NamedTuple):
    """One job as it is now, without parameters and result; and the cursor behind its change."""

    job: Job
    cursor: str


class Steps(NamedTuple):
    """Changes, and the cursor behind them all."""

    changes: tuple[Change, ...]
    cursor: str


def check(since: str) -> None:
    """Make sure of the form of a cursor.  Raises `ParameterError`."""
    if since != NOW:
        place(since, _CURSOR, "changes")


def read(connection: Connection, since: str, limit: int) -> Changes:
    """The jobs that have changed behind a cursor, in the order of their last change, at most `limit` of them.

    From the very first one where the cursor is empty.  A job that changes again comes again.

    Raises
    ------
    ParameterError : `since` is no such cursor, or one of another store.
    """
    found = steps(connection, since, limit)
    return Changes(tuple(change.job for change in found.changes), found.cursor)


def steps(connection: Connection, since: str, limit: int) -> Steps:
    """The same, with a cursor behind each."""
    bound = _NUMBER if is_sqlite(connection) else _ENDED_BEFORE
    if since == NOW:
        before, identity = connection.execute(bound).one()
        return Steps((), _cursor(_number_of(identity), before - 1, MOST))
    known, number, seq = place(since, _CURSOR, "changes") or (_UNNAMED, 0, 0)
    page = _IN_SQLITE if is_sqlite(connection) else _IN_POSTGRESQL
    rows = page.all(connection, {"p_number": number, "p_seq": seq, "p_limit": limit})
    before, identity = rows[0][:2]
    store = _number_of(identity)
    if number >= before or (known != store and _UNNAMED not in (known, store)):
        raise ParameterError(
            f"since={since} is a cursor of changes of another store, or of this one before a backup was put back",
            hint="begin anew, with an empty cursor",
        )
    found = tuple(_step(store, row) for row in rows if row[2] is not None)
    return Steps(found, found[-1].cursor if found else _cursor(store, number, seq))


def _step(store: int, row: Sequence[Any]) -> Change:
    job = to_job(dict(zip(LIGHT_NAMES, row[3:], strict=True)))
    return Change(job, _cursor(store, row[2], job.seq))


def _cursor(store: int, number: int, seq: int) -> str:
    return f"{'' if store == _UNNAMED else store}:{number}:{seq}"


@functools.lru_cache(maxsize=8)
def _number_of(identity: str | None) -> int:
    return _UNNAMED if identity is None else int(hashlib.blake2b(identity.encode(), digest_size=6).hexdigest(), 16)


def go_on(connection: Connection) -> None:
    """Have the numbers of this server's transactions go on behind those that a restored dump holds, and where that came
    from another server, draw an identity: two new servers give the tables of one dump the same numbers."""
    if is_sqlite(connection):
        return
    _tell_servers_apart(connection)
    current = sa.cast(sa.cast(sa.func.pg_current_xact_id(), sa.Text), sa.BigInteger)
    newest = connection.execute(sa.select(sa.func.max(jobs.c.changed))).scalar() or 0
    if newest > connection.execute(sa.select(_START + current)).scalar_one():
        row = postgresql.insert(change).values(id=1, number=0, start=newest + 1 - current)
        connection.execute(row.on_conflict_do_update(index_elements=["id"], set_={"start": row.excluded.start}))


def _tell_servers_apart(connection: Connection) -> None:
    if not connection.execute(_MAY_ASK).scalar_one():  # as a provider may have it
        return
    server = connection.execute(_SERVER).scalar_one()
    known = connection.execute(sa.select(facts.c.value).where(facts.c.name == "feed_server")).scalar()
    if known == server:
        return
    _set(connection, "feed_server", server)
    if known is not None:
        _set(connection, FEED_ID, uuid.uuid4().hex)


def _set(connection: Connection, name: str, value: str) -> None:
    row = postgresql.insert(facts).values(name=name, value=value)
    connection.execute(row.on_conflict_do_update(index_elements=["name"], set_={"value": row.excluded.value}))
