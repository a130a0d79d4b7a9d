"""Jobs that a client has sent to a broker, bypassing `submit`: stored under the id of their message.

Such a client cannot be told that its request is not valid, so that becomes a job that has failed.  Whatever a message
holds, nothing of it is raised here: of all that is foreign, this is where it becomes a job or a reason.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy.engine import Connection
from sqlalchemy.exc import DataError, IntegrityError

from pfd.app import App
from pfd.characters import one_line
from pfd.errors import ParameterError, PfdError, StoreError
from pfd.hooks import EventKind, JobEvent
from pfd.job import JobFailure, State, is_job_id
from pfd.notify import Wakeup
from pfd.plugins import Registry
from pfd.settings import Settings
from pfd.store import NewJob, jobs, result_outbox
from pfd.store.encoding import clean_text, encode
from pfd.submission.options import make_options
from pfd.submission.submit import Origin, accompanied, prepare

log = logging.getLogger("pfd.submission")

MAX_TASK = MAX_SUBMITTER = 200
"""Characters of the name of a task, known or not, and of who has sent a message, that are stored."""

# An id becomes the name of a folder, and stands for a job in many places: no other shape is let in.


@dataclass(frozen=True)
class ClientMessage:
    """What a client's message asks for.

    Parameters
    ----------
    id : of the message, a UUID in lower case.
    args, kwargs : as for `Task.delay`.
    options : of the submission, where the message names any.
    reply : where given, the state of the job is told to the client, who is reached by this.
    problem : why it cannot be run, where that was seen when it was read.
    submitter : who has sent it, as far as it says so.
    known_only : whether it may be a wakeup of an earlier version, without a mark: where no job has its id, that
        has been removed, and must not run again.
    """

    id: str
    task: str
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    reply: Mapping[str, Any] | None = None
    problem: PfdError | None = None
    submitter: str = ""
    known_only: bool = False


def check_id(identity: object) -> str:
    """The id of a message.  Raises `ParameterError` for one that no job can have."""
    if not (isinstance(identity, str) and is_job_id(identity)):
        raise ParameterError("its id is not a UUID in lower case", hint="send messages whose id is a UUID")
    return identity


def import_messages(app: App, requests: Sequence[ClientMessage]) -> list[Wakeup]:
    """Store jobs, those that are not there yet, all in one transaction; wakeups for those that can be claimed.

    A request that is not valid is stored as a failed job that says why, and one that cannot be stored beside others
    alone.

    Raises
    ------
    StoreError, MemoryError : the store does not take them for now, or this process has no room; none is stored, or not
        all.
    """
    try:
        return _import(app, requests)
    except MemoryError:
        raise
    except Exception as error:
        # What the database says of a value is no fault of the store's, and would be said again each time.
        if isinstance(error, StoreError) and not isinstance(error.__cause__, DataError | IntegrityError):
            raise
        if len(requests) > 1:
            return [wakeup for one in requests for wakeup in import_messages(app, [one])]
        [request] = requests
        if request.problem is not None:
            raise
        reason = error if isinstance(error, PfdError) else _unexpected(error)
        bare = ClientMessage(request.id, request.task, reply=request.reply, problem=reason, submitter=request.submitter)
        return import_messages(app, [bare])


def _import(app: App, requests: Sequence[ClientMessage]) -> list[Wakeup]:
    wakeups, events = [], []
    with app.store.write(calling_others=True) as connection:
        for request in requests:
            if jobs.find(connection, request.id) is not None:
                continue  # delivered before
            if request.known_only:
                log.warning("a message for %s without parameters is let go of: it may be a wakeup", request.task)
                continue
            new, failure = _prepared(app.registry, app.settings, request)
            new = accompanied(app.registry, new)
            state = _insert(connection, new, failure, request.reply)
            events.append(JobEvent(EventKind.SUBMITTED, new.id, new.task, new.queue))
            if state is State.PENDING:
                wakeups.append(Wakeup(new.id, new.task, new.queue))
            else:
                events.append(JobEvent(EventKind.of(state), new.id, new.task, new.queue))
    for event in events:
        app.registry.notify("pfd_job_event", event=event)
    return wakeups


def _prepared(registry: Registry, settings: Settings, request: ClientMessage) -> tuple[NewJob, JobFailure | None]:
    submitter = one_line(request.submitter)[:MAX_SUBMITTER] or "a client of the broker"
    origin = Origin(submitter=submitter)
    try:
        if request.problem is not None:
            raise request.problem
        task = registry.usable_task(request.task, settings)
        params = task.bind(*request.args, **request.kwargs)
        new = prepare(task, params, make_options(task, request.options), origin, settings)
    except MemoryError:
        raise  # it is this process that is short of it, and not the request that is wrong
    except BaseException as error:  # a validator is code of a plugin, and can raise anything, SystemExit as well
        reason = error if isinstance(error, PfdError) else _unexpected(error)
        known = registry.tasks.get(request.task)
        name = clean_text(request.task)[:MAX_TASK] or "(none)"
        queue = known.queue if known else "default"
        new = NewJob(name, queue, _given(request, settings), submitter=submitter)
        return replace(new, id=request.id), _failure(reason, error)
    return replace(new, id=request.id), None


def _failure(reason: PfdError, error: BaseException) -> JobFailure:
    # Where it came from says something only of what nobody expected: the code of a plugin.
    text = "" if reason is error else "".join(traceback.format_exception(error))
    return JobFailure(type(reason).__name__, reason.message, text, reason.hint)


def _unexpected(error: BaseException) -> PfdError:
    return ParameterError(f"the request cannot be read: {type(error).__name__}: {error}")


def _given(request: ClientMessage, settings: Settings) -> dict[str, Any]:
    """What a request that failed had given, as far as it can be kept."""
    given = {"args": list(request.args), "kwargs": dict(request.kwargs)}
    try:
        return given if len(encode(given)) <= settings.max_params_bytes else {}
    except ParameterError:
        return {}


def _insert(connection: Connection, new: NewJob, failure: JobFailure | None, reply: Mapping[str, Any] | None) -> State:
    submitted = jobs.insert(connection, new)
    if failure is not None:
        jobs.refuse(connection, new.id, failure)
    if reply is not None:
        result_outbox.watch(connection, jobs.get(connection, new.id).seq, dict(reply))
    return submitted.state if failure is None else State.FAILURE
