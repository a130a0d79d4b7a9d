"""From a task's name and parameters to a row in the job table and a ring at the workers' door."""

from __future__ import annotations

import logging
import math
import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from sqlalchemy.engine import Connection

from pfd.errors import ParameterError, QueueError
from pfd.hooks import JobEvent
from pfd.plugins import Registry
from pfd.queue import Runtime
from pfd.settings import Settings
from pfd.store import NewJob, Store, Submitted, jobs
from pfd.store.encoding import clean_text
from pfd.task import PathPolicy, Ref, Task

log = logging.getLogger("pfd.submission")

MAX_KEY = 200
MAX_TAG = 100
MAX_PRIORITY = 2**31 - 1

_QUEUE = re.compile(r"[a-z][a-z0-9_]{0,99}\Z")


@dataclass(frozen=True)
class Options:
    """How a job is to be queued.

    Parameters
    ----------
    key : makes the submission idempotent while a job of that key is live.
    priority, queue : instead of the task's own.
    countdown : seconds from now before which it does not start.
    not_before : the same as a time, in seconds since the epoch.
    tags : words to find it by.
    after : ids of jobs that must succeed first.
    soft_time_limit, time_limit : seconds, instead of the task's own.
    roots : folders where this job's user paths may lie, beside the allowed ones.
    """

    key: str | None = None
    priority: int | None = None
    queue: str | None = None
    countdown: float | None = None
    not_before: float | None = None
    tags: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    soft_time_limit: float | None = None
    time_limit: float | None = None
    roots: tuple[Path, ...] = ()
    retry_of: str | None = None


@dataclass(frozen=True)
class Origin:
    """Where a job comes from: the session that its worker may be confined to, and the parent it is a child of.

    `level` counts the parents above it.
    """

    session: str | None = None
    parent_id: str | None = None
    level: int = 0
    child_key: str | None = None


def submit(
    store: Store,
    registry: Registry,
    runtime: Runtime,
    settings: Settings,
    name: str,
    params: Mapping[str, Any] | BaseModel,
    options: Options,
    origin: Origin,
    guard: Callable[[Connection], None] | None = None,
) -> Submitted:
    """Validate, store, ring.  Nothing is stored where the parameters are not valid, or `guard` raises.

    Raises
    ------
    UnknownTask, ParameterError, KeyConflict, UnknownJob, StoreError
    """
    task = registry.task(name)
    new = prepare(task, params, options, origin, settings)
    with store.write() as connection:
        if guard is not None:
            guard(connection)
        if origin.child_key is not None and (known := _known_child(connection, new)):
            return known
        submitted = jobs.insert(connection, new)
    if submitted.fresh:
        registry.notify("pfd_job_event", event=JobEvent("submitted", submitted.id, new.task, new.queue))
        ring(runtime, new.queue, submitted.id)
    return submitted


def ring(runtime: Runtime, queue: str, job_id: str) -> None:
    """Ring; a bell that is out of order delays the job until a sweep, and loses nothing."""
    try:
        runtime.ring(queue, job_id)
    except QueueError as error:
        log.warning("job %s is stored, but its workers could not be told yet: %s", job_id, error)


def prepare(
    task: Task, params: Mapping[str, Any] | BaseModel, options: Options, origin: Origin, settings: Settings
) -> NewJob:
    """A job that is ready to be stored: validated parameters, checked options."""
    _check(task, options)
    policy = PathPolicy((*settings.allowed_roots, *options.roots))
    validated = validated_params(task, params, policy)
    # The worker may stand in another folder: what lay in an allowed one here is allowed there as well.
    roots = tuple(dict.fromkeys(str(root) for root in (*options.roots, *policy.used) if root != settings.home))
    refs = sorted({ref.job_id for ref in _refs(validated)})
    limits = {"soft_time_limit": options.soft_time_limit, "time_limit": options.time_limit}
    extra: dict[str, Any] = {name: value for name, value in limits.items() if value is not None}
    if roots:
        extra["roots"] = list(roots)
    if origin.child_key is not None:
        identity = str(uuid.uuid5(uuid.UUID(origin.parent_id), origin.child_key))
    else:
        identity = str(uuid.uuid4())
    return NewJob(
        id=identity,
        task=task.name,
        queue=options.queue or task.queue,
        params=validated,
        priority=task.priority if options.priority is None else options.priority,
        due_at=options.not_before or (time.time() + options.countdown if options.countdown else 0.0),
        key=options.key,
        session=origin.session,
        parent_id=origin.parent_id,
        level=origin.level,
        retry_of=options.retry_of,
        tags=options.tags,
        after=tuple(dict.fromkeys([*options.after, *refs])),
        options=extra,
    )


def validated_params(task: Task, params: Mapping[str, Any] | BaseModel, policy: PathPolicy) -> dict[str, Any]:
    """Parameters as JSON, defaults filled in.

    A field that refers to the result of a job yet to run cannot be checked now; all the others are.
    """
    if not isinstance(params, Mapping | BaseModel):
        raise ParameterError(f"{task.name}: parameters are a mapping of names to values, not {type(params).__name__}")
    data = params.model_dump() if isinstance(params, BaseModel) else dict(params)
    later = {name: value for name, value in data.items() if next(_refs(value), None) is not None}
    if not later:
        return task.validate(data, policy).model_dump(mode="json")
    if unknown := sorted(set(later) - set(task.params.model_fields)):
        raise ParameterError(f"{task.name}: {', '.join(unknown)}: is no parameter of this task")
    try:
        present = {name: value for name, value in data.items() if name not in later}
        checked = task.validate(present, policy).model_dump(mode="json")
    except ParameterError as error:
        # What the model says of its parameters as a whole, it may say because of those that are not there yet.
        told = [problem for problem in error.problems if not problem.startswith("parameters=")]
        if any(problem.partition(":")[0] not in later for problem in told):
            raise
        checked = present
    return checked | {name: _ref_json(value) for name, value in later.items()}


def fill(value: Any, results: Mapping[str, Any]) -> Any:
    """`value` with each reference replaced by the field of the result it names."""
    if ref := Ref.from_json(value):
        return _field(ref, results.get(ref.job_id))
    if isinstance(value, dict):
        return {name: fill(inner, results) for name, inner in value.items()}
    if isinstance(value, list):
        return [fill(inner, results) for inner in value]
    return value


def referred(value: Any) -> set[str]:
    """Ids of the jobs whose results `value` refers to."""
    return {ref.job_id for ref in _refs(value)}


def _field(ref: Ref, result: Any) -> Any:
    found = result
    for part in ref.field.split("."):
        try:
            found = found[int(part)] if isinstance(found, list) else found[part]
        except (KeyError, IndexError, ValueError, TypeError):
            raise ParameterError(f"the result of job {ref.job_id} has no field {ref.field!r}") from None
    return found


def _refs(value: Any) -> Any:
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, Mapping):
        if ref := Ref.from_json(value):
            yield ref
        else:
            for inner in value.values():
                yield from _refs(inner)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for inner in value:
            yield from _refs(inner)


def _ref_json(value: Any) -> Any:
    if isinstance(value, Ref):
        return value.to_json()
    if isinstance(value, Mapping):
        return {name: _ref_json(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_ref_json(inner) for inner in value]
    return value


def _check(task: Task, options: Options) -> None:
    if options.key is not None:
        _check_word("key", options.key, MAX_KEY)
    for tag in options.tags:
        _check_word("tag", tag, MAX_TAG)
    if options.queue is not None and not _QUEUE.match(options.queue):
        raise ParameterError(f"queue={options.queue!r}: a name is lower-case letters, digits and underscores")
    if options.priority is not None and abs(options.priority) > MAX_PRIORITY:
        raise ParameterError(f"priority={options.priority} is beyond ±{MAX_PRIORITY}")
    for name in ("countdown", "not_before", "soft_time_limit", "time_limit"):
        given = getattr(options, name)
        if given is not None and not math.isfinite(given):
            raise ParameterError(f"{name}={given} is not a finite number of seconds")
    if options.countdown is not None and options.not_before is not None:
        raise ParameterError("countdown and not_before say the same thing; give one of them")
    if options.countdown is not None and options.countdown < 0:
        raise ParameterError(f"countdown={options.countdown} is negative")
    for name in ("soft_time_limit", "time_limit"):
        limit = getattr(options, name)
        if limit is not None and limit <= 0:
            raise ParameterError(f"{name}={limit} is not positive")
    if task.isolation == "inline" and options.time_limit and task.time_limit and options.time_limit > task.time_limit:
        raise ParameterError(f"time_limit={options.time_limit}: an inline task may not run longer than it declares")


def _check_word(what: str, word: str, most: int) -> None:
    if not 0 < len(word) <= most:
        raise ParameterError(f"{what}: 1 to {most} characters, was given {len(word)}")
    if clean_text(word) != word:
        raise ParameterError(f"{what} {word!r} holds a character that cannot be stored")


def _known_child(connection: Any, new: NewJob) -> Submitted | None:
    known = jobs.find(connection, new.id)
    return None if known is None else Submitted(known.id, known.state, fresh=False)


def make_options(task: Task, given: Mapping[str, Any]) -> Options:
    """Options by name.  Raises `ParameterError` for one that does not exist."""
    known = {item.name for item in fields(Options)}
    if unknown := sorted(set(given) - known):
        raise ParameterError(f"{task.name}: no such option: {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    try:
        return _OPTIONS.validate_python(dict(given))
    except ValidationError as error:
        problems = tuple(
            f"{'.'.join(map(str, item['loc']))}={item['input']!r}: {item['msg'][0].lower()}{item['msg'][1:]}"
            for item in error.errors(include_url=False)
        )
        raise ParameterError(f"{task.name}: " + "; ".join(problems), problems=problems) from error


_OPTIONS = TypeAdapter(Options)
