"""Jobs that a client has sent to a broker, bypassing `submit`: stored under the id of their message.

Such a client cannot be told that its request is not valid, so that becomes a job that has failed.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy.engine import Connection

from pfd.errors import ParameterError, PfdError
from pfd.hooks import JobEvent
from pfd.job import JobFailure, State
from pfd.plugins import Registry
from pfd.queue import Ring
from pfd.settings import Settings
from pfd.store import NewJob, Store, jobs, mirrors
from pfd.submission.options import make_options
from pfd.submission.submit import Origin, accompanied, prepare

# An id becomes the name of a folder, and stands for a job in many places: no other shape is let in.
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Request:
    """What a client's message asks for.

    Parameters
    ----------
    id : of the message, a UUID in lower case.
    args, kwargs : as for `Task.delay`.
    options : of the submission, where the message names any.
    reply : where given, the state of the job is told to the client, who is reached by this.
    """

    id: str
    task: str
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    reply: Mapping[str, Any] | None = None


def check_id(identity: object) -> str:
    """The id of a message.  Raises `ParameterError` for one that no job can have."""
    if not isinstance(identity, str) or not _ID.fullmatch(identity):
        raise ParameterError(f"{str(identity)[:80]!r} is no id of a job", hint="send messages whose id is a UUID")
    return identity


def adopt(store: Store, registry: Registry, settings: Settings, requests: Sequence[Request]) -> list[Ring]:
    """Store jobs, those that are not there yet, all in one transaction; rings for those that can be claimed.

    A request that is not valid is stored as a failed job that says why.  Raises `StoreError`: then none is stored.
    """
    rings, events = [], []
    with store.write(calling_others=True) as connection:
        for request in requests:
            if jobs.find(connection, request.id) is not None:
                continue  # delivered before
            new, failure = _prepared(registry, settings, request)
            new = accompanied(registry, new)
            state = _insert(connection, new, failure, request.reply)
            events.append(JobEvent("submitted", new.id, new.task, new.queue))
            if state is State.PENDING:
                rings.append(Ring(new.id, new.task, new.queue))
            else:
                events.append(JobEvent(state.lower(), new.id, new.task, new.queue))
    for event in events:
        registry.notify("pfd_job_event", event=event)
    return rings


def _prepared(registry: Registry, settings: Settings, request: Request) -> tuple[NewJob, JobFailure | None]:
    try:
        task = registry.task(request.task)
        params = task.bind(*request.args, **request.kwargs)
        new = prepare(task, params, make_options(task, request.options), Origin(), settings)
    except PfdError as error:
        given = {"args": list(request.args), "kwargs": dict(request.kwargs)}
        known = registry.tasks.get(request.task)
        new = NewJob(request.task, known.queue if known else "default", given)
        text = "".join(traceback.format_exception(error))
        failure = JobFailure(type(error).__name__, error.message, text, error.hint)
        return replace(new, id=request.id), failure
    return replace(new, id=request.id), None


def _insert(connection: Connection, new: NewJob, failure: JobFailure | None, reply: Mapping[str, Any] | None) -> State:
    submitted = jobs.insert(connection, new)
    if failure is not None:
        jobs.refuse(connection, new.id, failure)
    if reply is not None:
        mirrors.watch(connection, jobs.get(connection, new.id).seq, dict(reply))
    return submitted.state if failure is None else State.FAILURE
