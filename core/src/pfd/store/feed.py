"""The feed of changes: jobs in the order in which they changed last, read on from a cursor.

A trigger numbers the changes (revision `pfd_0011`).  In SQLite a number is seen before the next one is drawn.  In
PostgreSQL it is that of the transaction, and what is read ends before the oldest one that has not ended: of those that
come later none has a smaller number, so nothing is passed over.  A transaction that stays open holds the feed up, and
loses nothing; those of PFD end within seconds.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from pfd.cursors import MOST, place
from pfd.errors import ParameterError
from pfd.job import Job
from pfd.store.engine import is_sqlite
from pfd.store.prepared import Prepared
from pfd.store.rows import LIGHT, LIGHT_NAMES, to_job
from pfd.store.schema import change, jobs

NOW = "now"
"""The cursor behind all changes so far."""

_CURSOR = re.compile(r"(\d{1,19}):(\d{1,19})")

_CURRENT = sa.cast(sa.cast(sa.func.pg_snapshot_xmin(sa.func.pg_current_snapshot()), sa.Text), sa.BigInteger)
_START = sa.func.coalesce(sa.select(change.c.start).scalar_subquery(), 0)
_ENDED_BEFORE = sa.select((_START + _CURRENT).label("bound"))
_NUMBER = sa.select((sa.func.coalesce(sa.select(change.c.number).scalar_subquery(), 0) + 1).label("bound"))


def _page(bound: sa.Select[tuple[int]]) -> Prepared:
    """The bound, beside each change behind a place and before it; beside nothing where there is none."""
    number, seq, limit = (sa.bindparam(name, type_=sa.BigInteger) for name in ("p_number", "p_seq", "p_limit"))
    changes = (
        sa.select(jobs.c.changed, *LIGHT)
        .where(sa.tuple_(jobs.c.changed, jobs.c.seq) > sa.tuple_(number, seq))
        .where(jobs.c.changed < bound.scalar_subquery())
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


def read(connection: Connection, since: str, limit: int) -> Changes:
    """The jobs that have changed behind a cursor, in the order of their last change, at most `limit` of them.

    From the very first one where the cursor is empty.  A job that changes again comes again.

    Raises
    ------
    ParameterError : `since` is no such cursor, or one of another store.
    """
    bound = _NUMBER if is_sqlite(connection) else _ENDED_BEFORE
    if since == NOW:
        return Changes((), f"{connection.execute(bound).scalar_one() - 1}:{MOST}")
    number, seq = place(since, _CURSOR, "changes") or (0, 0)
    page = _IN_SQLITE if is_sqlite(connection) else _IN_POSTGRESQL
    rows = page.all(connection, {"p_number": number, "p_seq": seq, "p_limit": limit})
    if number >= rows[0][0]:
        raise ParameterError(
            f"since={since} is behind all changes of this store: it is of another one, or of one before a backup",
            hint="begin anew, with an empty cursor",
        )
    found = tuple(to_job(dict(zip(LIGHT_NAMES, row[2:], strict=True))) for row in rows if row[1] is not None)
    return Changes(found, f"{rows[-1][1]}:{found[-1].seq}" if found else f"{number}:{seq}")


def go_on(connection: Connection) -> None:
    """Have the numbers of this server's transactions go on behind those that a restored dump holds."""
    if is_sqlite(connection):
        return
    current = sa.cast(sa.cast(sa.func.pg_current_xact_id(), sa.Text), sa.BigInteger)
    newest = connection.execute(sa.select(sa.func.max(jobs.c.changed))).scalar() or 0
    if newest > connection.execute(sa.select(_START + current)).scalar_one():
        row = postgresql.insert(change).values(id=1, number=0, start=newest + 1 - current)
        connection.execute(row.on_conflict_do_update(index_elements=["id"], set_={"start": row.excluded.start}))
