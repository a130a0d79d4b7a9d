"""Making a schedule: checked as a submission is, all that is wrong at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel

from pfd.errors import ParameterError, UnknownTask, few, shown
from pfd.plugins import Registry
from pfd.schedules.cron import cron_problems
from pfd.schedules.schedule import Overlap, schedule_tag
from pfd.schedules.table import Definition
from pfd.settings import Settings
from pfd.store import NewJob
from pfd.store.values import dump
from pfd.submission.options import Options, make_options
from pfd.submission.params import named, referred
from pfd.submission.submit import Origin, prepare
from pfd.task import PathPolicy, Task

T = TypeVar("T")

OPTIONS = ("key", "priority", "queue", "roots", "soft_time_limit", "tags", "time_limit")
"""Options of a submission that a schedule has as well; the others are about one time or one job."""

_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,79}\Z", re.ASCII)


def define(
    registry: Registry,
    settings: Settings,
    name: str,
    cron: str,
    task: str,
    params: Mapping[str, Any] | BaseModel,
    *,
    zone: str,
    overlap: Overlap,
    catch_up: bool,
    options: Mapping[str, Any],
) -> Definition:
    """A schedule that is ready to be stored.

    Raises
    ------
    ParameterError : all that is wrong with its name, times, options and parameters; `UnknownTask` where it is the task.
    PluginError : two plugins claim the task.
    PluginSettingsError : the settings of its plugin cannot be used.
    """
    problems = [*_problems(name, overlap, catch_up, options), *cron_problems(cron, zone)]
    errors: list[ParameterError] = []
    declared = _tried(lambda: registry.usable_task(task, settings), errors)
    chosen, new = Options(), None
    if declared is not None:
        wanted = {option: value for option, value in options.items() if option in OPTIONS}
        chosen = _tried(lambda: make_options(declared, wanted), errors) or chosen
        tagged = chosen if problems else replace(chosen, tags=(*chosen.tags, schedule_tag(name)))
        new = _tried(lambda: prepare(declared, params, tagged, Origin(), settings), errors)
    if new is not None and referred(new.params):
        problems.append("a schedule cannot refer to the result of a job: give the value itself")
    if errors and not problems and not errors[1:]:
        raise errors[0]
    problems += [problem for error in errors for problem in error.problems or (str(error),)]
    if problems or declared is None or new is None:
        kind = UnknownTask if declared is None else ParameterError
        hint = next((error.hint for error in errors if error.hint), None)
        raise kind("; ".join(problems), hint=hint, problems=tuple(problems))
    stored = {option: getattr(chosen, option) for option in OPTIONS}
    stored |= {"tags": sorted(set(chosen.tags)), "roots": new.options.get("roots")}
    return Definition(
        name=name,
        cron=" ".join(cron.split()),
        zone=zone,
        task=task,
        params=_given(declared, params, chosen, settings),
        options={option: value for option, value in stored.items() if value not in (None, [])},
        overlap=overlap,
        catch_up=catch_up,
    )


def _tried(make: Callable[[], T], errors: list[ParameterError]) -> T | None:
    try:
        return make()
    except ParameterError as error:
        errors.append(error)
        return None


def _problems(name: object, overlap: object, catch_up: object, options: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(name, str) or not _NAME.match(name):
        yield f"name={shown(name)}: 1 to 80 letters, digits, '_', '.' and '-', the first a letter or digit"
    if overlap not in get_args(Overlap):
        yield f"overlap={shown(overlap)}: choose {' or '.join(map(repr, get_args(Overlap)))}"
    if not isinstance(catch_up, bool):
        yield f"catch_up={shown(catch_up)} is neither True nor False"
    if unknown := sorted(set(options) - set(OPTIONS)):
        yield f"a schedule has no option {', '.join(few(unknown, 5))}; there are {', '.join(OPTIONS)}"


def _given(task: Task, params: Mapping[str, Any] | BaseModel, options: Options, settings: Settings) -> dict[str, Any]:
    """What was given of the parameters, as JSON.

    Defaults are not kept: a schedule may live for years, and is to follow its task as far as nothing else was asked.
    """
    data = params.model_dump(exclude_unset=True) if isinstance(params, BaseModel) else params
    policy = PathPolicy((*settings.allowed_roots, *options.roots))
    with named(task):
        return dump(task.validate(data, policy), exactly=True, context=policy, exclude_unset=True)


def job_of(definition: Definition, registry: Registry, settings: Settings) -> NewJob:
    """The job of a slot that is due.

    Raises
    ------
    UnknownTask, PluginError : the task is not installed here, or cannot be used.
    PluginSettingsError : the settings of its plugin cannot be used.
    ParameterError : it does not take these parameters or options any more.
    """
    task = registry.usable_task(definition.task, settings)
    stored = dict(definition.options)
    tags = (*stored.pop("tags", ()), schedule_tag(definition.name))
    roots = tuple(map(Path, stored.pop("roots", ())))
    options = Options(**stored, tags=tags, roots=roots)
    origin = Origin(submitter=f"schedule {definition.name}")
    return prepare(task, definition.params, options, origin, settings)
