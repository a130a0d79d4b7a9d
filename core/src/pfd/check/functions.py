"""The functions of tasks: whether each is there, and can be called as a job calls it."""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from pfd.check import lookup
from pfd.check.report import Report
from pfd.origin import code_place, reason
from pfd.task import Task


def look_at(task: Task, report: Report, folder: Path | None, path: str) -> None:
    """Look at all that a task names."""
    subject, (module, _, _) = f"task {task.name}", task.run.partition(":")
    if report.begin(subject, "run", f"importing {module}", path):
        try:
            function = lookup.attribute(task.run, folder, "function")
        except lookup.Missing as missing:
            report.missing(subject, "run", task.run, missing, path)
        else:
            for problem, hint in _odd(function, task):
                report.add(subject, "run", f"{task.run!r} {problem}", hint=hint, path=code_place(function) or path)
    if task.row is not None and report.begin(subject, "row", f"importing {task.row.partition(':')[0]}", path):
        _row(task.row, subject, report, folder, path)
    if report.begin(subject, "params", f"validating the defaults of {task.name}", path):
        for name, why in _defaults(task):
            problem = f"the default of {name} would be refused: {why}"
            report.add(subject, "params", problem, hint=f"give {name} a default of its own type", path=path)
    for kind in task.retry_on:
        if isinstance(kind, str) and report.begin(subject, "retry_on", f"importing {kind.partition(':')[0]}", path):
            _exception(kind, subject, report, folder, path)
    for library in task.preload:
        if report.begin(subject, "preload", f"importing {library}", path):
            _preload(library, subject, report, path)


def _row(target: str, subject: str, report: Report, folder: Path | None, path: str) -> None:
    try:
        function = lookup.attribute(target, folder, "function")
        inspect.signature(function).bind("session", "job")
    except lookup.Missing as missing:
        report.missing(subject, "row", target, missing, path)
    except TypeError:
        problem = f"{target!r} cannot be called with (session, job)"
        hint = f"def {target.partition(':')[2]}(session: Session, job: SubmittedJob) -> None"
        report.add(subject, "row", problem, hint=hint, path=path)


def _odd(function: Any, task: Task) -> Iterator[tuple[str, str]]:
    """Why a job could not call a function, each with what to do."""
    name = task.run.partition(":")[2]
    signature = f"def {name}(params: {task.params.__name__}, ctx: TaskContext) -> {task.result.__name__}"
    if not callable(function):
        yield f"is {type(function).__name__} and not a function", ""
        return
    if inspect.isclass(function):
        yield "is a class, and a job calls a function", signature
        return
    inner = function.func if isinstance(function, functools.partial) else function
    called = inner if inspect.isroutine(inner) else type(inner).__call__
    if inspect.iscoroutinefunction(called):
        yield (
            "is async, and nobody awaits it",
            f"{signature}, without async; what has to be awaited goes into asyncio.run()",
        )
    elif inspect.isgeneratorfunction(called) or inspect.isasyncgenfunction(called):
        yield "is a generator, of which a job would run nothing", "return the result, and report by ctx.progress()"
    if problem := _wrong_arguments(function):
        yield problem, signature
    else:
        yield from _swapped(function, signature)
        yield from _other_types(function, task, signature)


def _wrong_arguments(function: Any) -> str:
    try:
        signature = inspect.signature(function, follow_wrapped=False)
    except (TypeError, ValueError):  # of a function that is written in C nothing is known
        return ""
    try:
        signature.bind("params", "ctx")
    except TypeError:
        if any(one.kind is one.KEYWORD_ONLY for one in signature.parameters.values()):
            return "takes params or ctx by keyword only, and is called with (params, ctx)"
        names = [str(one) for one in signature.parameters.values()]
        lacks = " takes no 'ctx'" if len(names) == 1 else ""
        return f"takes ({', '.join(names)}), and is called with (params, ctx){':' if lacks else ''}{lacks}"
    return ""


def _swapped(function: Any, signature: str) -> Iterator[tuple[str, str]]:
    """Parameters and context by the names of each other."""
    with contextlib.suppress(TypeError, ValueError):
        names = list(inspect.signature(function, follow_wrapped=False).parameters)
        if names[:1] == ["ctx"] or names[1:2] == ["params"]:
            yield f"takes ({', '.join(names)}), and is given the parameters first, and then the context", signature


def _other_types(function: Any, task: Task, signature: str) -> Iterator[tuple[str, str]]:
    """Types that are declared, and are others than what a job hands over and awaits."""
    if hasattr(function, "__wrapped__"):  # a decorator has copied them from what it calls with something else
        return
    try:
        hints = typing.get_type_hints(function)
        first = next(iter(inspect.signature(function).parameters))
    except Exception:  # they are code of the plugin, and may name what is there for type checkers only
        return  # nothing is known of the types, and nothing is claimed
    given = hints.get(first)
    if inspect.isclass(given) and not issubclass(task.params, given):
        yield f"is declared to take {given.__name__}, and is given {task.params.__name__}", signature
    returned = hints.get("return")
    if inspect.isclass(returned) and not (
        issubclass(returned, task.result | Mapping) or issubclass(task.result, returned)
    ):
        yield f"is declared to return {returned.__name__}, and the result is {task.result.__name__}", signature


def _defaults(task: Task) -> Iterator[tuple[str, str]]:
    """Parameters whose default would be refused, each with why."""
    for name, field in task.params.model_fields.items():
        if field.is_required() or field.default_factory is not None:
            continue
        kind: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
        with contextlib.suppress(TypeError, ValueError, AttributeError):  # its own validators may need the whole
            try:
                TypeAdapter(kind).validate_python(field.default)
            except ValidationError as error:
                yield name, str(error.errors()[0]["msg"])


def _exception(kind: str, subject: str, report: Report, folder: Path | None, path: str) -> None:
    try:
        found = lookup.attribute(kind, folder, "class")
    except lookup.Missing as missing:
        report.missing(subject, "retry_on", kind, missing, path)
        return
    if not (isinstance(found, type) and issubclass(found, Exception)):
        report.add(subject, "retry_on", f"{kind!r} is not an exception", hint="name a class of exceptions", path=path)


def _preload(library: str, subject: str, report: Report, path: str) -> None:
    try:
        importlib.import_module(library)
    except BaseException as error:  # the code of a library may raise anything
        report.add(
            subject,
            "preload",
            f"{library} cannot be imported ({reason(error)}), so each job starts slowly",
            hint=f"install what provides {library}, or leave it out of 'preload'",
            path=path,
            level="warn",
        )
