"""Which jobs are looked for: what of it an index answers, what the rows do, and what only a closer look can.

What an index answers is a range of it that is ordered by `seq`, whose entries hold what the other filters ask for.  So
a page costs at most a walk along narrow entries, and rows are read only for what is on the page.  Of several states
each has its own range, and these are merged.  Times, texts and parameters stand in rows, which are read for them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pfd.job import State
from pfd.store.encoding import decode, encode
from pfd.store.engine import is_sqlite
from pfd.store.schema import jobs, tags

Numbers = sa.Select[int] | sa.CompoundSelect[int]
"""A query for the numbers of jobs."""

_Conditions = Sequence[sa.ColumnElement[bool]]

PLAIN = 10**15
"""Integers below this are written with all their digits, also where a float is meant."""

MAX_BEGINNING = 1000
"""Characters of a name and its value that the database compares; SQLite takes patterns of at most 50,000 bytes."""


@dataclass(frozen=True)
class Search:
    """What jobs are looked for, all of it at once; what is empty or None is any.

    `since` and `until` are seconds since the epoch, of which the latter is not in it any more.  `text` is a part of the
    task's name, the status, or the type or message of a failure.  `params` are JSON values by name, those of a group by
    `group.name`.
    """

    states: frozenset[State] = frozenset()
    task: str | None = None
    queue: str | None = None
    tags: tuple[str, ...] = ()
    parent_id: str | None = None
    since: float | None = None
    until: float | None = None
    text: str | None = None
    submitter: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)


def candidates(connection: Connection, search: Search, before: int | None = None) -> Numbers:
    """A query for the numbers of what may fit; of those where `fits` says so where parameters are looked for."""
    wanted = ((jobs.c.task, search.task), (jobs.c.queue, search.queue), (jobs.c.parent_id, search.parent_id))
    same = [column == value for column, value in wanted if value is not None]
    ranges = _by_state(same, search.states, in_one=search.parent_id is not None)
    of_rows = [*_times(search), *_text(search.text), *_params(search.params)]
    of_rows += [] if search.submitter is None else [jobs.c.submitter == search.submitter]
    if not search.tags:
        return _merged([[*conditions, *of_rows] for conditions in ranges], before)
    first, *others = [_tagged(tag, before) for tag in dict.fromkeys(search.tags)]
    if of_rows:  # of the jobs of a tag alone
        first = first.where(sa.exists().where(jobs.c.seq == tags.c.job_seq, *of_rows))
    return _all(connection, *([] if ranges == [[]] else [_merged(ranges, before)]), first, *others)


def fits(search: Search, params: Any) -> bool:
    """Whether the parameters of a job, as they are stored, are those that are looked for."""
    try:
        found = decode(params)
    except ValueError:
        return False
    return all(_same(_at(found, name.split(".")), value) for name, value in search.params.items())


# -- what an index answers ----------------------------------------------------------------------------------------


def _by_state(same: _Conditions, states: frozenset[State], *, in_one: bool) -> list[_Conditions]:
    """A range for each state; a single one where all are wanted, or where its index holds the state as well."""
    if not states or states == set(State):
        return [same]
    if in_one:
        return [[*same, jobs.c.state.in_(sorted(states))]]
    return [[*same, jobs.c.state == state] for state in sorted(states)]


def _merged(ranges: Sequence[_Conditions], before: int | None) -> sa.Select[int]:
    older = [] if before is None else [jobs.c.seq < before]
    parts = [sa.select(jobs.c.seq).where(*conditions, *older) for conditions in ranges]
    if len(parts) == 1:
        return parts[0]
    # PostgreSQL merges only what says that it is ordered, and in a union that is part of another query.
    ordered = [sa.select(part.order_by(jobs.c.seq.desc()).subquery().c.seq) for part in parts]
    return sa.select(sa.union_all(*ordered).subquery().c.seq)


def _tagged(tag: str, before: int | None) -> sa.Select[int]:
    older = [] if before is None else [tags.c.job_seq < before]
    return sa.select(tags.c.job_seq.label("seq")).where(tags.c.tag == tag, *older)


def _all(connection: Connection, first: sa.Select[int], *others: sa.Select[int]) -> Numbers:
    """What is in all of them, each being ordered by `seq`: one walk along them."""
    if not others:
        return first
    if is_sqlite(connection):
        return sa.intersect(first, *others)
    number = first.subquery().c.seq
    return sa.select(number).where(*(sa.exists().where(other.subquery().c.seq == number) for other in others))


# -- what stands in rows ------------------------------------------------------------------------------------------


def _times(search: Search) -> Iterator[sa.ColumnElement[bool]]:
    if search.since is not None:
        yield jobs.c.created_at >= search.since
    if search.until is not None:
        yield jobs.c.created_at < search.until


def _text(text: str | None) -> Iterator[sa.ColumnElement[bool]]:
    """In capitals or small letters: ASCII at least, on PostgreSQL all that its locale knows."""
    if not text:
        return
    # In the JSON of a failure its type and its message stand between these, and quotes within either are escaped.
    part = _escaped(_unfolded(json.dumps(text)[1:-1]))
    failure = sa.func.lower(_unfolded_column())
    yield sa.or_(
        jobs.c.task.icontains(text, autoescape=True),
        jobs.c.status.icontains(text, autoescape=True),
        failure.like(sa.func.lower(f'{{"type":"%{part}%","message":"%'), escape="/"),
        failure.like(sa.func.lower(f'%"message":"%{part}%","traceback":%'), escape="/"),
    )


_FOLDED = (("\\\\", "\x01"), ("\\n", "\n"), ("\\t", "\t"))
"""Escapes of JSON whose letter would be taken for one of the text, and what stands for them while it is looked for."""


def _unfolded(text: str) -> str:
    for escape, sign in _FOLDED:
        text = text.replace(escape, sign)
    return text


def _unfolded_column() -> sa.ColumnElement[str]:
    column: sa.ColumnElement[str] = jobs.c.failure
    for escape, sign in _FOLDED:
        column = sa.func.replace(column, escape, sign)
    return column


def _escaped(text: str) -> str:
    for sign in "/%_":
        text = text.replace(sign, f"/{sign}")
    return text


def _params(params: Mapping[str, Any]) -> Iterator[sa.ColumnElement[bool]]:
    """What the JSON of the parameters holds for certain where they fit; it may do so elsewhere as well."""
    for name, value in params.items():
        beginning = encode(name.split(".")[-1]) + ":" + _beginning(value)
        yield jobs.c.params.contains(beginning[:MAX_BEGINNING], autoescape=True)


def _beginning(value: Any) -> str:
    """How a value begins as JSON, whichever of equal ones was stored: 2 and 2.0 are equal."""
    if isinstance(value, dict | list):
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool) and value == int(value):
        return str(int(value)) if 0 < abs(value) < PLAIN else ""
    return encode(value)


def _at(values: Any, path: Sequence[str]) -> Any:
    for name in path:
        if not isinstance(values, dict) or name not in values:
            return _NOWHERE
        values = values[name]
    return values


_NOWHERE = object()


def _same(found: Any, wanted: Any) -> bool:
    """Whether JSON values are equal; True is not 1, but 1.0 is."""
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    if isinstance(found, dict) and isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(_same(found[name], wanted[name]) for name in found)
    if isinstance(found, list) and isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(_same, found, wanted))
    return bool(found == wanted)
