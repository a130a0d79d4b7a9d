"""From a row of the job table to a `Job`.

A page of a listing makes a thousand of them, and a claim makes one while it holds the write lock.  The constructor of a
frozen dataclass sets each of its thirty fields by its own call, which takes longer than the database does.

A row may have been damaged, or written by something else than PFD.  It is read as far as it can be, and the job says
what of it could not: one row hides no others, and ends nobody who reads them.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from pfd.errors import DamagedRow
from pfd.job import LAST_TIME, ArtifactFile, Job, JobFailure, State, is_job_id
from pfd.store.encoding import decode
from pfd.store.schema import jobs

FULL = [c.label(c.key) for c in jobs.c if c.name not in ("followers", "coordinator", "changed")]
FULL_NAMES = tuple(c.name for c in FULL)

LIGHT = [c for c in FULL if c.name not in ("params", "result", "options")]
LIGHT_NAMES = tuple(c.name for c in LIGHT)

_STATES = {state.value: state for state in State}


def to_job(found: Mapping[str, Any]) -> Job:
    """A `Job` from columns of the job table by name.

    The names are `FULL_NAMES` or `LIGHT_NAMES`; parameters, options and result that were not read are empty, and so is
    what cannot be read, of which `damage` says why.
    """
    job = object.__new__(Job)
    values = job.__dict__
    values.update(found)
    values["light"] = "params" not in found
    try:
        _require_types(found)
        values["state"] = _STATES[values["state"]]
        if not (
            is_job_id(values["id"])
            and 0 <= values["progress"] <= 1
            and 0 <= values["created_at"] <= LAST_TIME
            and 0 <= values["due_at"] <= LAST_TIME
            and 0 <= (values["started_at"] or 0) <= LAST_TIME
            and 0 <= (values["ended_at"] or 0) <= LAST_TIME
        ):
            raise ValueError
        values["cancel_requested"] = values["cancel_requested"] != 0
        values["gpu"] = values["gpu"] != 0
        values["meta"] = {} if values["meta"] == "{}" else an_object(values["meta"])  # as of most jobs
        values["tags"] = _tags(values["tags"])
        values["artifacts"] = _artifacts(values["artifacts"])
        if values["failure"] is not None:
            values["failure"] = _failure(values["failure"])
        values["params"] = an_object(values["params"]) if "params" in values else {}
        values["options"] = {} if values.get("options", "{}") == "{}" else _options(values["options"])
        result = values.get("result")
        values["result"] = None if result is None else an_object(result)
        values["damage"] = {}
    except (ValueError, LookupError):
        values.update(_readable(found))
    return job


def _require_types(found: Mapping[str, Any]) -> None:
    kinds = tuple(map(type, found.values()))
    if kinds not in _SOUND:  # few combinations recur in all rows
        if wrong_types(jobs, found):
            raise ValueError
        _SOUND.add(kinds)


_SOUND: set[tuple[type, ...]] = set()
"""Types of the columns of rows, in the order in which they are read, that are as they should be."""


def _readable(found: Mapping[str, Any]) -> dict[str, Any]:
    """What of a damaged row can be read, column by column."""
    damage = wrong_types(jobs, found)
    values: dict[str, Any] = {"params": {}, "options": {}, "result": None}
    for name, value in found.items():
        try:
            values[name] = _neutral(name, value) if name in damage else _read(name, value)
        except ValueError as error:
            damage[name] = str(error)
            values[name] = _neutral(name, value)
    return values | {"damage": damage}


def _read(name: str, value: Any) -> Any:
    return _READERS[name](value) if name in _READERS and value is not None else value


def _neutral(name: str, value: Any) -> Any:
    """What stands for a value that cannot be read."""
    if name == "state":  # nothing more will come of such a job
        return State.FAILURE
    if name == "id":
        return str(value)
    if name in ("tags", "artifacts"):
        return ()
    if name in ("meta", "params", "options"):
        return {}
    return None if jobs.c[name].nullable else type_of(jobs.c[name])()


def damage_of(job: Job) -> DamagedRow:
    """The error that stands for a job whose row cannot be read as a whole."""
    problems = "; ".join(f"{column}: {problem}" for column, problem in job.damage.items())
    return DamagedRow(
        f"the row of job {job.id} cannot be read: {problems}",
        job_id=job.id,
        hint="the store was damaged, or something else than PFD has written to it; submit the job anew",
    )


def require_end(job: Job) -> None:
    """Raise `DamagedRow` where a job that has ended cannot say how."""
    if job.damage.keys() & {"state", "result", "failure"}:
        raise damage_of(job)


def as_state(text: object) -> State:
    """A state as it is stored; one that there is not stands for a job that nothing more will come of."""
    return _STATES.get(text, State.FAILURE) if isinstance(text, str) else State.FAILURE


# -- columns ------------------------------------------------------------------------------------------------------


def wrong_types(table: sa.Table, found: Mapping[str, Any]) -> dict[str, str]:
    """Why columns of a row hold no value of the type that they have: SQLite lets anything in."""
    wrong = {}
    for name, value in found.items():
        column, kind = table.c[name], type(value)
        allowed = (int, float) if type_of(column) is float else (type_of(column),)
        if kind not in allowed and not (column.nullable and value is None):
            wrong[name] = f"holds {kind.__name__}, not {type_of(column).__name__}"
    return wrong


def type_of(column: sa.Column[Any]) -> type[int | float | str]:
    """What a column holds."""
    if isinstance(column.type, sa.Integer):
        return int
    return float if isinstance(column.type, sa.Float) else str


def an_object(text: str) -> dict[str, Any]:
    """An object of names and values from its JSON.  Raises `ValueError`."""
    value = decode(text)
    if type(value) is not dict:
        raise ValueError("no object of names and values")
    return value


def _state(text: str) -> State:
    if text not in _STATES:
        raise ValueError("no such state")
    return _STATES[text]


def _share(value: float) -> float:
    if not 0 <= value <= 1:
        raise ValueError("not between 0 and 1")
    return value


def _moment(value: float | None) -> float | None:
    if value is not None and not 0 <= value <= LAST_TIME:
        raise ValueError("no time between 1970 and 9999")
    return value


# Few texts recur in very many rows, and what is made of them cannot be changed.
@functools.lru_cache(maxsize=1024)
def _tags(text: str) -> tuple[str, ...]:
    value = decode(text)
    if type(value) is not list or not all(type(tag) is str for tag in value):
        raise ValueError("no list of texts")
    return tuple(value)


@functools.lru_cache(maxsize=1024)
def _artifacts(text: str) -> tuple[ArtifactFile, ...]:
    value = decode(text)
    if type(value) is not list or not all(type(one) is list and list(map(type, one)) == [str, int] for one in value):
        raise ValueError("no list of names and sizes")
    if any(name.startswith("/") or "\0" in name or {"", ".", ".."} & set(name.split("/")) for name, _ in value):
        raise ValueError("a name that leads out of the job's folder")
    return tuple(ArtifactFile(*item) for item in value)


def failure_of(text: object) -> JobFailure | None:
    """A failure as it is stored; None where it cannot be read."""
    try:
        return _failure(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _failure(text: str) -> JobFailure:
    value = an_object(text)
    if not value.keys() >= {"type", "message"} or not value.keys() <= {"type", "message", "traceback", "hint"}:
        raise ValueError("no failure")
    if not all(type(one) is str or (one is None and name == "hint") for name, one in value.items()):
        raise ValueError("no failure")
    return JobFailure(**value)


def _options(text: str) -> dict[str, Any]:
    value = an_object(text)
    for name in ("soft_time_limit", "time_limit"):
        limit = value.get(name, 1)
        if type(limit) not in (int, float) or not 0 < limit < math.inf:
            raise ValueError(f"{name} is not a number of seconds")
    roots = value.get("roots", [])
    if type(roots) is not list or not all(type(root) is str for root in roots):
        raise ValueError("roots are not a list of texts")
    return value


def _identity(text: str) -> str:
    if not is_job_id(text):
        raise ValueError("no UUID")
    return text


_TIMES = ("created_at", "due_at", "started_at", "ended_at")
_READERS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(_TIMES, _moment),
    **dict.fromkeys(("cancel_requested", "gpu"), lambda value: value != 0),
    **dict.fromkeys(("meta", "params", "result"), an_object),
    "id": _identity,
    "state": _state,
    "progress": _share,
    "tags": _tags,
    "artifacts": _artifacts,
    "failure": _failure,
    "options": _options,
}
