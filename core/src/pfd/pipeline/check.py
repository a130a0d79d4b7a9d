"""Checking a whole pipeline before anything is submitted: all that is wrong, at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from pfd.errors import ParameterError, PfdError, UnknownTask, shown
from pfd.pipeline.run import reserved
from pfd.pipeline.step import MAX_STEPS, Place, Step, order
from pfd.plugins import Registry
from pfd.schema import at, samples, shape_of
from pfd.settings import Settings
from pfd.store.encoding import is_storable
from pfd.submission.limits import check_size
from pfd.submission.options import make_options
from pfd.submission.submit import Origin, prepare
from pfd.task import PathPolicy, Ref, Task

_OF_ANOTHER_TYPE = frozenset(
    {
        *("bool_parsing", "bool_type", "dataclass_type", "dict_type", "float_parsing", "float_type", "frozen_set_type"),
        *(
            "int_parsing",
            "int_type",
            "list_type",
            "mapping_type",
            "model_type",
            "set_type",
            "string_type",
            "tuple_type",
        ),
    }
)
"""What pydantic says of a value that can be no other of its type either."""


def problems(steps: Mapping[str, Step], registry: Registry, settings: Settings) -> Iterator[str]:
    """All that is wrong with the steps of a pipeline, a line each."""
    if len(steps) > MAX_STEPS:
        yield f"{len(steps)} steps, more than {MAX_STEPS}: make several pipelines of it"
        return
    if odd := [name for name, step in steps.items() if not _is_step(step)]:
        yield from (f"{shown(name)}: is not a step of texts and mappings" for name in odd)
        return
    # Of these alone, since whatever goes through all of a step takes it for granted that it has an end.
    if too_large := [problem for step in steps.values() for problem in _of_size(step, settings.max_params_bytes)]:
        yield from too_large
        return
    for step in steps.values():
        yield from _of_step(step, steps, registry, settings)
    try:
        order(steps)
    except ParameterError as error:
        yield from error.problems


def _is_step(step: Any) -> bool:
    if not isinstance(step, Step):
        return False
    shape: tuple[Any, ...] = (step.params, step.options, step.after)
    if not all(map(isinstance, shape, (Mapping, Mapping, list | tuple))):
        return False
    return all(map(is_storable, (step.name, step.task, *step.after)))


def _of_size(step: Step, most: int) -> Iterator[str]:
    try:
        check_size(step.name, step.params, most)
    except ParameterError as error:
        yield from (f"{step.name}: {problem}" for problem in error.problems)


def _of_step(step: Step, steps: Mapping[str, Step], registry: Registry, settings: Settings) -> Iterator[str]:
    for parent in step.parents():
        if parent not in steps:
            near = difflib.get_close_matches(parent, steps, n=1)
            yield f"{step.name}: there is no step {parent!r}" + (f"; did you mean {near[0]!r}?" if near else "")
    for place, text in step.misspelt():
        yield f"{step.name}: {_named(place)}={shown(text)}: a reference is the whole of a value, as in ${{step.field}}"
    tags = step.options.get("tags", ())
    for tag in reserved(tags if isinstance(tags, list | tuple) else ()):
        yield f"{step.name}: {tag}"
    task: Task | None = None
    if step.task:
        try:
            task = registry.usable_task(step.task, settings)
        except UnknownTask as error:
            yield f"{step.name}: {error}" + (f" ({error.hint.in_pipeline()})" if error.hint else "")
        except PfdError as error:
            yield f"{step.name}: {error}"
    for place, ref in step.references():
        if (parent_step := steps.get(ref.job_id)) and parent_step.task in registry.tasks:
            parent_task = registry.tasks[parent_step.task]
            yield from (f"{step.name}: {said}" for said in _of_reference(step, task, place, ref, parent_task, settings))
    if task is not None:
        told = tuple(f"{_named(place)}=" for place, _ in step.misspelt())
        yield from (f"{step.name}: {said}" for said in _of_job(step, task, settings) if not said.startswith(told))


def _of_job(step: Step, task: Task, settings: Settings) -> Iterator[str]:
    good = {}
    for name, value in step.options.items():
        try:
            make_options(task, {name: value})
            good[name] = value
        except ParameterError as error:
            yield from error.problems or (str(error),)
    options = make_options(task, good)
    names = {ref.job_id: ref.job_id for _, ref in step.references()}
    try:
        prepare(task, step.filled(names), options, Origin(), settings)
    except ParameterError as error:
        yield from error.problems or (str(error),)
    except PfdError as error:
        yield str(error)


def _of_reference(
    step: Step, task: Task | None, place: Place, ref: Ref, parent: Task, settings: Settings
) -> Iterator[str]:
    try:
        there = at(shape_of(parent.result, "serialization"), ref.field.split("."))
    except LookupError as error:
        yield f"{_named(place)}: {parent.name} has {error.args[0]}"
        return
    usual = [] if there is None else samples(there)
    if task is None or not usual:
        return
    names = {other.job_id: other.job_id for _, other in step.references()}
    said = [_refusal(task, _put(step.filled(names), place, sample), place, settings) for sample in usual]
    if all(said):
        yield f"{_named(place)}: {said[0]}, and {ref.field!r} of {parent.name} is {_articled(usual)}"


def _refusal(task: Task, data: Mapping[str, Any], place: Place, settings: Settings) -> str | None:
    """Why no value of the type of that at `place` is accepted there; None where one may be."""
    try:
        task.validate(data, PathPolicy(settings.allowed_roots))
    except ParameterError as error:
        if not isinstance(error.__cause__, ValidationError):
            return None
        found = [item for item in error.__cause__.errors(include_url=False) if item["loc"][: len(place)] == place]
        if found and all(item["type"] in _OF_ANOTHER_TYPE for item in found):
            said = " or ".join(dict.fromkeys(item["msg"].partition(",")[0] for item in found))
            return f"{said[0].lower()}{said[1:]}"
    except (TypeError, ValueError, AttributeError):
        return None  # a validator of the plugin, which did not expect a reference beside it
    return None


def _put(value: Any, place: Place, new: Any) -> Any:
    """`value` with `new` at a place."""
    if not place:
        return new
    copied: Any = dict(value) if isinstance(value, dict) else list(value)
    copied[place[0]] = _put(value[place[0]], place[1:], new)
    return copied


def _named(place: Place) -> str:
    return ".".join(map(str, place))


def _articled(values: list[Any]) -> str:
    names = {str: "a text", int: "an integer", float: "a number", bool: "yes or no", list: "a list", dict: "a group"}
    return " or ".join(dict.fromkeys(names.get(type(value), "something else") for value in values))
