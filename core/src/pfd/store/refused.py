"""Messages of a broker that could not become jobs, counted by what was wrong with them.

A message without an id that a job can have has nobody who could be told: what is known of it is kept here, for people.
Counted, and bounded in all ways, since whoever can write to a broker can write any number of them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from pfd.store.encoding import clean_text
from pfd.store.engine import is_sqlite
from pfd.store.schema import refused

KINDS = 200
"""Kinds of refused messages that are kept, those that came last."""

MAX_RUNTIME, MAX_QUEUE, MAX_REASON, MAX_SAMPLE = 50, 100, 300, 500
"""Characters."""


@dataclass(frozen=True)
class Refusals:
    """Messages of a queue that were refused for one reason.  Times are seconds since the epoch.

    `sample` is the beginning of the newest of them.
    """

    runtime: str
    queue: str
    reason: str
    number: int = 1
    first_at: float = 0.0
    last_at: float = 0.0
    sample: str = ""


def note(connection: Connection, found: Iterable[Refusals]) -> None:
    """Count refused messages; `first_at` and `last_at` are set here."""
    now = time.time()
    insert = sqlite.insert if is_sqlite(connection) else postgresql.insert
    # In one order, so that no two workers wait for each other's rows on PostgreSQL.
    for one in sorted(found, key=lambda one: (one.queue, one.reason)):
        values = {
            "runtime": _shortened(one.runtime, MAX_RUNTIME),
            "queue": _shortened(one.queue, MAX_QUEUE),
            "reason": _shortened(one.reason, MAX_REASON),
            "number": one.number,
            "first_at": now,
            "last_at": now,
            "sample": _shortened(one.sample, MAX_SAMPLE),
        }
        statement = insert(refused).values(values)
        changed = {"number": refused.c.number + one.number, "last_at": now, "sample": values["sample"]}
        keys = ["runtime", "queue", "reason"]
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed))
    # What came last stays; with `KINDS` of one instant a few more do.
    oldest = sa.select(refused.c.last_at).order_by(refused.c.last_at.desc()).offset(KINDS - 1).limit(1)
    connection.execute(refused.delete().where(refused.c.last_at < oldest.scalar_subquery()))


def newest(connection: Connection) -> list[Refusals]:
    """All that is known of refused messages, what came last first."""
    rows = connection.execute(sa.select(refused).order_by(refused.c.last_at.desc(), refused.c.reason))
    return [Refusals(**row._asdict()) for row in rows]


def _shortened(text: str, most: int) -> str:
    cleaned = clean_text(text)
    return cleaned if len(cleaned) <= most else f"{cleaned[: most - 1]}…"
