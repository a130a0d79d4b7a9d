"""Removing the rows of jobs that ended long ago, in pages: looked at without a lock, removed in short transactions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pfd.job import ENDED, State
from pfd.store.schema import IS_LIVE, edges, jobs

PAGE = 200
"""Jobs looked at in one read."""

BATCH = 50
"""Jobs removed in one transaction: SQLite's lock is held for some milliseconds, 0.1 s where all have large results."""

NEEDED = "live jobs wait for them, refer to them or are their children"
PARENT_LIVE = "their parent is live and may run again, which would submit them again"
IN_USE = "another program is at work on them"


@dataclass(frozen=True)
class Which:
    """Jobs to be removed: those that ended before a moment, in seconds since the epoch.

    It is compared with the clocks of the machines that ended them: days are meant, and clocks that differ by minutes
    make no difference.
    """

    ended_before: float
    states: Collection[State] = ENDED
    task: str | None = None


@dataclass(frozen=True)
class Page:
    """Jobs found: ids by number of those that may go; of the others how many stay and why.

    `after` is where the next page begins; None behind the last one.
    """

    removable: Mapping[int, str] = field(default_factory=dict)
    kept: Mapping[str, int] = field(default_factory=dict)
    after: int | None = None


@dataclass(frozen=True)
class ReferringTable:
    """Rows of another table that refer to jobs, and which the database does not let them go without."""

    table: sa.TableClause
    columns: Mapping[str, str]
    """Its column by that of the job table."""

    @property
    def reason(self) -> str:
        return f"rows of {self.table.name} refer to them"

    def kept(self, connection: Connection, numbers: Collection[int]) -> set[int]:
        """Which of these jobs it has rows of."""
        same = [jobs.c[theirs] == self.table.c[ours] for theirs, ours in self.columns.items()]
        query = sa.select(jobs.c.seq).where(jobs.c.seq.in_(numbers), sa.exists().where(*same))
        return set(connection.execute(query).scalars())


def referring_tables(connection: Connection) -> tuple[ReferringTable, ...]:
    """All that keeps jobs, as the database itself has it: also tables of plugins that are not installed any more."""
    found = []
    for (_, name), keys in sorted(sa.inspect(connection).get_multi_foreign_keys().items()):
        for key in keys:
            # SQLAlchemy may not read this out of a SQLite table that was written by hand: in doubt a job stays.
            gives_way = key.get("options", {}).get("ondelete") in ("CASCADE", "SET NULL", "SET DEFAULT")
            if key["referred_table"] == jobs.name and not gives_way:
                columns = dict(zip(key["referred_columns"], key["constrained_columns"], strict=True))
                found.append(ReferringTable(sa.table(str(name), *map(sa.column, columns.values())), columns))
    return tuple(found)


def has_rows(connection: Connection, number: int) -> bool:
    """Whether a plugin has stored rows of a job."""
    return any(table.kept(connection, [number]) for table in referring_tables(connection))


def find(connection: Connection, which: Which, keeping: Sequence[ReferringTable], after: int = 0) -> Page:
    """The next page of jobs behind number `after`."""
    query = sa.select(jobs.c.seq, jobs.c.id, jobs.c.state, jobs.c.created_at, jobs.c.ended_at)
    query = query.where(jobs.c.seq > after).order_by(jobs.c.seq).limit(PAGE)
    if which.task is not None:
        query = query.where(jobs.c.task == which.task)
    rows = connection.execute(query).all()
    states = ENDED.intersection(which.states)
    wanted = {
        row.seq: row.id
        for row in rows
        if row.state in states and _ended(row) < which.ended_before and isinstance(row.id, str)
    }
    kept = _kept(connection, wanted, keeping)
    # Jobs are numbered as they are submitted: where a whole page was submitted too late, all behind it were.
    over = len(rows) < PAGE or all(_number(row.created_at) >= which.ended_before for row in rows)
    return Page(
        {number: job_id for number, job_id in wanted.items() if number not in kept},
        Counter(kept.values()),
        None if over else rows[-1].seq,
    )


def _ended(row: Any) -> float:
    """When a job ended; of a damaged row when it was submitted, or long ago."""
    return _number(row.ended_at) or _number(row.created_at)


def _number(value: object) -> float:
    return value if isinstance(value, float) else 0.0


def remove(connection: Connection, found: Mapping[int, str], keeping: Sequence[ReferringTable]) -> Page:
    """Remove jobs that were found, as far as they may still go; says which went, and why the others stay.

    What hangs on a row of a job (claims, edges, tags) goes with it.
    """
    # Locked, so that nothing more can refer to them; those that another program has locked are for another time.
    locked = connection.execute(
        sa.select(jobs.c.seq, jobs.c.id)
        .where(jobs.c.seq.in_(found))
        .order_by(jobs.c.seq)
        .with_for_update(skip_locked=True)
    )
    mine = {row.seq: row.id for row in locked}
    kept = _kept(connection, mine, keeping)
    gone = {number: job_id for number, job_id in mine.items() if number not in kept}
    connection.execute(jobs.delete().where(jobs.c.seq.in_(gone)))
    reasons = Counter(kept.values())
    if left := len(found) - len(mine):
        reasons[IN_USE] += left
    return Page(gone, reasons)


def unknown(connection: Connection, ids: Iterable[str]) -> set[str]:
    """Those of some ids that are not a job's."""
    asked = set(ids)
    return asked - set(connection.execute(sa.select(jobs.c.id).where(jobs.c.id.in_(asked))).scalars())


def _kept(connection: Connection, ended: Mapping[int, str], keeping: Sequence[ReferringTable]) -> dict[int, str]:
    """Which of these ended jobs are to stay, each with the first reason that there is."""
    if not ended:
        return {}
    found = [(table.reason, table.kept(connection, ended)) for table in keeping]
    found += [(NEEDED, _needed(connection, ended)), (PARENT_LIVE, _below_live(connection, ended))]
    reasons: dict[int, str] = {}
    for reason, numbers in found:
        for number in numbers:
            reasons.setdefault(number, reason)
    return reasons


def _needed(connection: Connection, ended: Mapping[int, str]) -> set[int]:
    of_edges = (
        sa.select(edges.c.parent_seq)
        .join(jobs, jobs.c.seq == edges.c.child_seq)
        .where(edges.c.parent_seq.in_(ended), IS_LIVE)
    )
    numbers = {job_id: number for number, job_id in ended.items()}
    of_children = sa.select(jobs.c.parent_id).where(jobs.c.parent_id.in_(numbers), IS_LIVE)
    return {
        *connection.execute(of_edges).scalars(),
        *(numbers[job_id] for job_id in connection.execute(of_children).scalars()),
    }


def _below_live(connection: Connection, ended: Mapping[int, str]) -> set[int]:
    query = sa.select(jobs.c.seq, jobs.c.parent_id).where(jobs.c.seq.in_(ended), jobs.c.parent_id.is_not(None))
    parents = {row.seq: row.parent_id for row in connection.execute(query)}
    live = set(connection.execute(sa.select(jobs.c.id).where(jobs.c.id.in_({*parents.values()}), IS_LIVE)).scalars())
    return {number for number, parent in parents.items() if parent in live}
