"""Preparing, storing, and waking workers."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel
from sqlalchemy.engine import Connection

from pfd.app import App
from pfd.errors import ParameterError, QueueError, few, shown
from pfd.hooks import EventKind, JobEvent, JobSubmission
from pfd.notify import Notifier, Wakeup
from pfd.plugins import Registry
from pfd.settings import Settings
from pfd.store import NewJob, Submitted, jobs
from pfd.store.encoding import clean_text, encode
from pfd.submission.options import Options, after_problems, option_problems
from pfd.submission.params import referred, validated_params
from pfd.submission.row import row_writer
from pfd.submission.there import require_there
from pfd.task import PathPolicy, Ref, Task

log = logging.getLogger("pfd.submission")

MAX_HEADERS = 8 * 1024
"""Bytes of JSON that hooks may have kept with a job: the headers of a trace and its baggage take less."""


@dataclass(frozen=True)
class Origin:
    """Where a job comes from: the client that its worker may be confined to, and the parent it is a child of.

    `level` counts the parents above it.  `submitter` is as the settings say where it is empty.
    """

    client_id: str | None = None
    parent_id: str | None = None
    level: int = 0
    child_key: str | None = None
    submitter: str = ""


def submit(
    app: App,
    name: str,
    params: Mapping[str, Any] | BaseModel,
    options: Options,
    origin: Origin,
    guard: Callable[[Connection], None] | None = None,
) -> Submitted:
    """Validate, store, wake workers.

    Nothing is stored where the parameters are not valid, `guard` raises, or the task cannot write its row.

    Raises
    ------
    UnknownTask, ParameterError, SettingsError, KeyConflict, UnknownJob, StoreError
    """
    task = app.registry.usable_task(name, app.settings)
    new = prepare(task, params, options, origin, app.settings)
    if not new.after and origin.parent_id is None:  # else what it names may be made by what it waits for
        require_there(app.store, app.registry, task, new.params)
    new = accompanied(app.registry, new)
    with app.store.write() as connection:
        if guard is not None:
            guard(connection)
        if origin.child_key is not None and (known := _known_child(connection, new)):
            return known
        submitted = jobs.insert(connection, new)
    publish_submitted(app, [(new, submitted)])
    return submitted


def submit_prepared(
    app: App,
    new_jobs: Sequence[NewJob],
    guard: Callable[[Connection], None] | None = None,
) -> list[Submitted]:
    """Store jobs in one transaction, all or none, and wake workers once all are stored.

    Each stands behind those of the others that it waits for: ids are drawn by `prepare`.

    Raises
    ------
    KeyConflict, UnknownJob, StoreError, and whatever `guard` raises : nothing is stored.
    """
    new_jobs = [accompanied(app.registry, new) for new in new_jobs]
    with app.store.write() as connection:
        if guard is not None:
            guard(connection)
        submitted = [jobs.insert(connection, new) for new in new_jobs]
    publish_submitted(app, list(zip(new_jobs, submitted, strict=True)))
    return submitted


def publish_submitted(app: App, stored: Sequence[tuple[NewJob, Submitted]]) -> None:
    """Say of jobs that are stored by now that they are; to hooks, and to workers where they can be claimed."""
    fresh = [new for new, submitted in stored if submitted.fresh]
    for new in fresh:
        app.registry.notify("pfd_job_event", event=JobEvent(EventKind.SUBMITTED, new.id, new.task, new.queue))
    # Only now: the eager runtime runs a job, and what waits for it, where it is notified.
    ids = {new.id for new in fresh}
    for new in fresh:
        if ids.isdisjoint(new.after):  # the others cannot be claimed before one of these has ended
            notify_workers(app.runtime, Wakeup(new.id, new.task, new.queue))


def notify_workers(runtime: Notifier, wakeup: Wakeup) -> None:
    """Wake workers; a notification that fails delays the job until a sweep, and loses nothing."""
    try:
        runtime.notify(wakeup)
    except QueueError as error:
        log.warning("job %s is stored, but its workers could not be told yet: %s", wakeup.job_id, error)


def prepare(
    task: Task, params: Mapping[str, Any] | BaseModel, options: Options, origin: Origin, settings: Settings
) -> NewJob:
    """A job that is ready to be stored: validated parameters, checked options.

    Raises
    ------
    ParameterError : all that is wrong with either, at once.
    PluginError : what writes the row of its jobs cannot be loaded.
    """
    problems = tuple(option_problems(task, options))
    policy = PathPolicy((*settings.allowed_roots, *options.roots))
    try:
        validated = validated_params(task, params, policy, settings.max_params_bytes)
        after = tuple(dict.fromkeys([*options.after, *sorted(referred(validated))]))
        problems += (*after_problems(after), *_undecided(task, validated))
    except ParameterError as error:
        if not problems:
            raise
        problems = few(problems + (error.problems or (str(error),)))
        raise ParameterError("; ".join(problems), problems=problems, hint=error.hint) from error
    if problems:
        problems = few(problems)
        raise ParameterError("; ".join(problems), problems=problems)
    # The worker may stand in another folder: what lay in an allowed one here is allowed there as well.
    roots = tuple(dict.fromkeys(str(root) for root in (*options.roots, *policy.used) if root != settings.home))
    limits = {"soft_time_limit": options.soft_time_limit, "time_limit": options.time_limit}
    extra: dict[str, Any] = {name: value for name, value in limits.items() if value is not None}
    if roots:
        extra["roots"] = list(roots)
    return NewJob(
        id=_identity(origin),
        task=task.name,
        queue=options.queue or task.queue,
        params=validated,
        priority=task.priority if options.priority is None else options.priority,
        due_at=_due_at(options),
        key=options.key,
        client_id=origin.client_id,
        submitter=origin.submitter or settings.submitter,
        parent_id=origin.parent_id,
        level=origin.level,
        coordinator=task.coordinator,
        gpu=task.wants_gpu(validated),
        retry_of=options.retry_of,
        tags=options.tags,
        after=after,
        options=extra,
        row=row_writer(task),
    )


def _identity(origin: Origin) -> str:
    """A new id; of a child always the same one, so that it is submitted once."""
    key: object = origin.child_key
    if key is None:
        return str(uuid.uuid4())
    if not isinstance(key, str) or clean_text(key) != key:
        raise ParameterError(f"key={shown(key)}: the key of a child is a text that can be stored")
    return str(uuid.uuid5(uuid.UUID(origin.parent_id), key))


def _undecided(task: Task, params: Mapping[str, Any]) -> Iterator[str]:
    """A result that is yet to come cannot say which kind of slot is to wait for it."""
    for name in task.gpu if isinstance(task.gpu, Mapping) else ():
        if Ref.from_json(params.get(name)) is not None:
            yield f"{name}: says whether the job needs a gpu slot, and so cannot refer to the result of another job"


def accompanied(registry: Registry, new: NewJob) -> NewJob:
    """The job together with what hooks want to be kept with it."""
    submission = JobSubmission(new.id, new.task, new.queue, new.parent_id)
    registry.notify("pfd_before_submit", submission=submission)
    if not (headers := submission.headers):
        return new
    try:
        if not all(isinstance(text, str) for pair in headers.items() for text in pair):
            raise ParameterError("not only texts by name")
        if (size := len(encode(headers))) > MAX_HEADERS:
            raise ParameterError(f"{size} bytes of JSON, more than {MAX_HEADERS}")
    except ParameterError as error:  # the fault of a hook is no reason to refuse the job
        log.warning("job %s is stored without what pfd_before_submit wants to be carried: %s", new.id, error)
        return new
    return replace(new, options={**new.options, "carried": headers})


def _due_at(options: Options) -> float:
    if options.not_before is not None:
        return options.not_before
    return time.time() + options.countdown if options.countdown else 0.0


def _known_child(connection: Any, new: NewJob) -> Submitted | None:
    known = jobs.find(connection, new.id)
    return None if known is None else Submitted(known.id, known.state, fresh=False)
