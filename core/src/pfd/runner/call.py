"""Calling a task's function, wherever it runs, and putting what comes of it into words."""

from __future__ import annotations

import contextlib
import enum
import errno
import importlib
import os
import pkgutil
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from pfd.context import TaskContext, running
from pfd.errors import (
    CancelRequested,
    JobError,
    ParameterError,
    PfdError,
    PluginSettingsError,
    StaleClaim,
    StopReason,
    StoreUnavailable,
    few,
)
from pfd.job import Job, JobFailure
from pfd.plugins import Registry
from pfd.reporter import Report
from pfd.settings import Settings
from pfd.store.encoding import encode
from pfd.store.store import Store
from pfd.store.values import dump
from pfd.task import PathPolicy, Task

MAX_TYPE = 200
MAX_MESSAGE = 4_000
"""Characters of the message of a failure, and of its hint."""

MAX_TRACEBACK = 16_000
"""Characters of a traceback that are kept: its head says where it began, its tail what went wrong."""

MOST_TOLD = 10
"""Files that are named in the log, of those that cannot be published."""


class OutcomeKind(enum.StrEnum):
    """How a run went.

    DONE holds a result as JSON; FAILED a failure; STOPPED came of a request; LOST means that the run was ended from
    outside, STALE that the job is another run's by now, SHORT that its worker lacked what it takes to begin.
    """

    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"
    LOST = "lost"
    STALE = "stale"
    SHORT = "short"


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    Parameters
    ----------
    result : as JSON, where it is done.
    retry : whether a failure is one after which the task may be tried again.
    last : what it reported last.
    stopped_for : what a request to stop was made for, where there was one.
    """

    kind: OutcomeKind
    result: str | None = None
    failure: JobFailure | None = None
    retry: bool = False
    last: Report | None = None
    stopped_for: StopReason | None = None

    @classmethod
    def lost(cls, why: str) -> Outcome:
        """Of a run that was ended from outside."""
        return cls(OutcomeKind.LOST, failure=JobFailure("WorkerLost", why))

    @classmethod
    def short(cls, what: str) -> Outcome:
        """Of one that could not begin, since its worker lacks something."""
        return cls(OutcomeKind.SHORT, failure=JobFailure("WorkerLost", f"its worker is short of something: {what}"))

    def to_message(self) -> dict[str, Any]:
        message: dict[str, Any] = {"end": self.kind, "result": self.result, "retry": self.retry}
        message["last"] = None if self.last is None else list(self.last)
        message["failure"] = None if self.failure is None else asdict(self.failure)
        return message


class LateStore:
    """A store that is opened when a task first asks for it: most never do."""

    def __init__(self, settings: Settings, registry: Registry) -> None:
        self._settings = settings
        self._registry = registry
        self._store: Store | None = None

    def __call__(self) -> Store:
        if self._store is None:
            self._store = Store(self._settings, self._registry.tables())
            for tables in self._registry.tables():
                with contextlib.suppress(Exception):  # the plugin's own tasks say what is wrong with it
                    importlib.import_module(tables.module)
        return self._store

    def close(self) -> None:
        if self._store is not None:
            self._store.close()


def call(
    registry: Registry,
    job: Job,
    context: TaskContext,
    guard: contextlib.AbstractContextManager[Any] | None = None,
    begun: Callable[[], None] = lambda: None,
) -> Outcome:
    """Run the task of a job.  Never raises, but for an interrupt of the whole worker.

    `begun` is called once the task is loaded.
    """
    task: Task | None = None
    try:
        task = registry.usable_task(job.task, context.settings)
        # What a task imports can take longer than any patience: it can be asked to stop from there on.
        with guard or contextlib.nullcontext():
            function = task.load()
            params = task.validate(job.params, _policy(job, context.settings))
            token = running.set(context)
            try:
                begun()
                returned = function(params, context)
            finally:
                running.reset(token)
        result = _encode_result(task, returned, context.settings.max_result_bytes)
        _tell_unpublished(context)
    except CancelRequested as request:
        return Outcome(OutcomeKind.STOPPED, last=context.reporter.close(), stopped_for=_stop_reason(request))
    except StaleClaim as error:
        return Outcome(OutcomeKind.STALE, last=context.reporter.close(), failure=describe(error))
    except StoreUnavailable as error:  # no fault of the task: what it has left as a checkpoint is not lost
        return Outcome(OutcomeKind.LOST, last=context.reporter.close(), failure=describe(error))
    except BaseException as error:  # the task is somebody else's code: SystemExit and all
        if (
            isinstance(error, KeyboardInterrupt)
            and threading.current_thread() is threading.main_thread()
            and guard is None
        ):
            raise  # Ctrl-C of whoever runs this job in the main thread of a program
        retry = task is not None and worth_retrying(task, error)
        return Outcome(OutcomeKind.FAILED, failure=describe(error), retry=retry, last=context.reporter.close())
    finally:
        context.close()
    return Outcome(OutcomeKind.DONE, result=result, last=context.reporter.close())


def _stop_reason(request: CancelRequested) -> StopReason | None:
    """Why a task was stopped; None where it raised the request itself, in words of its own."""
    try:
        return StopReason(request.reason)
    except ValueError:
        return None


def _policy(job: Job, settings: Settings) -> PathPolicy:
    def roots() -> Iterator[Path]:  # looked up only where a task has paths among its parameters
        yield from settings.allowed_roots
        yield from map(Path, job.options.get("roots", ()))

    return PathPolicy(roots())


def _tell_unpublished(context: TaskContext) -> None:
    """Name files that the task has left and that nobody will find among its artifacts."""
    with contextlib.suppress(OSError):  # whoever lists the artifacts says it, or waits until that passes
        for name in context.unpublishable()[:MOST_TOLD]:
            context.log.warning("not published, since its name has characters that are not shown: %a", name)


def _encode_result(task: Task, returned: Any, most: int) -> str:
    try:
        if isinstance(returned, BaseModel) and not isinstance(returned, task.result):
            returned = returned.model_dump()
        model = task.result.model_validate(returned)
    except ValidationError as error:
        item = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in item["loc"]) or "result"
        raise JobError(
            f"{task.name} returned {type(returned).__name__}, "
            f"not a valid {task.result.__name__}: {where}: {item['msg']}",
            hint=f"a bug of the plugin that declares {task.name}",
        ) from error
    try:
        dumped: Any = dump(model, exactly=False)
    except ParameterError as error:
        named = "; ".join(few(error.problems))
        raise JobError(f"the result of {task.name} cannot be stored: {named}", hint=error.hint) from error
    if not isinstance(dumped, dict):  # by its own serializer
        raise JobError(
            f"the result of {task.name} is {type(dumped).__name__}, and no object of names and values",
            hint=f"a bug of the plugin that declares {task.name}",
        )
    # Through the one encoder, and not pydantic's own, so that NaN is null on every store.
    text = encode(dumped)
    if len(text) > most:
        raise JobError(
            f"the result of {task.name} is {len(text)} bytes of JSON, more than {most}",
            hint="keep what is large as an artifact and name it in the result",
        )
    return text


def worth_retrying(task: Task, error: BaseException) -> bool:
    """Whether the task declares that another attempt may help after this error."""
    if isinstance(error, PluginSettingsError):  # they are the same the next time
        return False
    for kind in task.retry_on:
        if isinstance(kind, str):
            try:
                kind = pkgutil.resolve_name(kind)
            except (ImportError, AttributeError):
                continue
        if isinstance(kind, type) and isinstance(error, kind):
            return True
    return False


def describe(error: BaseException) -> JobFailure:
    """An exception as a failure: type, message, traceback and, where known, what to do.

    Never raises, though what it shows is the task's code.
    """
    name = type(error).__name__
    message = _text(lambda: str(error) or name, f"{name} (its message cannot be shown)")
    if isinstance(error, SystemExit):
        message = f"the task called sys.exit({_text(lambda: repr(error.code), '...')})"
    if isinstance(error, ParameterError) and error.problems:
        message = _text(lambda: "; ".join(error.problems), message)
    text = _text(lambda: "".join(traceback.format_exception(error)), "it cannot be shown")
    hint = error.hint if isinstance(error, PfdError) else _hint(error, message)
    return bounded_failure(name, message, text, None if hint is None else _text(lambda: str(hint), ""))


def bounded_failure(type_name: str, message: str, text: str, hint: str | None) -> JobFailure:
    """A failure of a length that can be stored and shown; `text` is the traceback."""
    return JobFailure(
        type_name[:MAX_TYPE],
        _shortened(message, MAX_MESSAGE),
        _shortened(text, MAX_TRACEBACK),
        None if hint is None else _shortened(hint, MAX_MESSAGE),
    )


def _text(show: Callable[[], str], otherwise: str) -> str:
    try:
        return show()
    except Exception:
        return otherwise


def _shortened(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n… {len(text) - most} characters left out …\n{text[-half:]}"


def _hint(error: BaseException, message: str) -> str | None:
    if isinstance(error, MemoryError):
        return "use a smaller batch or window, or a machine with more memory"
    if any(os.strerror(code) in message for code in (errno.ENOSPC, errno.EDQUOT)):  # whoever says so
        return "free space on the disk of PFD_HOME, then 'pfd retry'"
    if isinstance(error, ModuleNotFoundError):
        return f"install what provides {error.name!r} where the worker runs"
    return None
