"""Pipeline files: several jobs, each given what earlier ones found.

    name = "from recordings to a curve"

    [steps.import]
    task = "import_mat_dataset_task"
    params = { source = "recordings", name = "uestc" }

    [steps.features]
    task = "extract_features_task"
    params = { dataset = "${import.dataset_id}" }

A parameter that is exactly `${step.field}` becomes that field of that step's result, and makes the step wait for it.
`after = ["step"]` waits without using a result.  Other keys of a step: `queue`, `priority`, `tags`, `time_limit`.
"""

from __future__ import annotations

import difflib
import graphlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from pfd.dispatcher import Dispatcher, JobHandle
from pfd.errors import ParameterError, PfdError
from pfd.plugins import Registry
from pfd.settings import Settings
from pfd.submission import Origin, make_options, prepare
from pfd.task import Ref

_REFERENCE = re.compile(r"\$\{([A-Za-z0-9_-]+)\.([A-Za-z0-9_.]+)\}\Z")
_MEANT = re.compile(r"\$\{[A-Za-z0-9_-]+\.")
_STEP_KEYS = frozenset({"task", "params", "after", "queue", "priority", "tags", "time_limit", "soft_time_limit"})


@dataclass(frozen=True)
class Step:
    """One job of a pipeline, as the file has it."""

    name: str
    task: str
    params: Mapping[str, Any] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    def references(self) -> list[tuple[str, str]]:
        """(step, field) of each result that this step uses."""
        return [(match[1], match[2]) for match in _references(self.params)]

    def parents(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*self.after, *(step for step, _ in self.references())]))


@dataclass(frozen=True)
class Pipeline:
    """A checked or yet unchecked pipeline."""

    name: str
    steps: Mapping[str, Step]

    @staticmethod
    def load(path: Path) -> Pipeline:
        """Read a pipeline file.

        Raises
        ------
        ParameterError : the file cannot be read, or is not of the form above; all that is wrong is listed.
        """
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise ParameterError(f"{path}: {reason}") from error
        problems = [f"{key}: is no key of a pipeline (name, steps)" for key in sorted(set(data) - {"name", "steps"})]
        tables = data.get("steps")
        if not isinstance(tables, dict) or not tables:
            problems.append("steps: at least one table [steps.NAME] is needed")
            tables = {}
        steps = {}
        for name, table in tables.items():
            found = list(_shape_problems(name, table))
            problems += found
            if not found:
                options = {key: table[key] for key in table.keys() - {"task", "params", "after"}}
                after = tuple(table.get("after", ()))
                steps[name] = Step(name, table["task"], table.get("params", {}), after, options)
        if problems:
            raise ParameterError(f"{path}: " + "; ".join(problems), problems=tuple(problems))
        return Pipeline(str(data.get("name", path.stem)), steps)

    def order(self) -> list[str]:
        """Names of the steps, each after those it waits for.  Raises `ParameterError` for a cycle."""
        graph = {name: [p for p in step.parents() if p in self.steps] for name, step in self.steps.items()}
        try:
            return list(graphlib.TopologicalSorter(graph).static_order())
        except graphlib.CycleError as error:
            circle = " → ".join(reversed(error.args[1]))
            raise ParameterError(f"steps wait for each other: {circle}", problems=(f"cycle: {circle}",)) from None

    def check(self, registry: Registry, settings: Settings) -> None:
        """Check the whole before anything is submitted.  Raises `ParameterError` that lists all that is wrong."""
        problems = [problem for step in self.steps.values() for problem in self._problems(step, registry, settings)]
        try:
            self.order()
        except ParameterError as error:
            problems += error.problems
        if problems:
            raise ParameterError(f"pipeline {self.name!r}: " + "; ".join(problems), problems=tuple(problems))

    def _problems(self, step: Step, registry: Registry, settings: Settings) -> Iterator[str]:
        for parent in step.parents():
            if parent not in self.steps:
                near = difflib.get_close_matches(parent, self.steps, n=1)
                yield f"{step.name}: there is no step {parent!r}" + (f"; did you mean {near[0]!r}?" if near else "")
        for parent, path in step.references():
            if parent in self.steps and (problem := _field_problem(registry, self.steps[parent], path)):
                yield f"{step.name}: {problem}"
        for text in _texts(step.params):
            if _MEANT.search(text) and not _REFERENCE.match(text):
                yield f"{step.name}: {text!r}: a reference to a result has to be the whole value"
        try:
            task = registry.task(step.task)
            prepare(task, _filled(step.params, {}), make_options(task, step.options), Origin(), settings)
        except ParameterError as error:
            text = "; ".join(error.problems) or str(error)
            yield f"{step.name}: {text}" + (f" ({error.hint})" if error.hint and not error.problems else "")
        except PfdError as error:
            yield f"{step.name}: {error}"

    def submit(self, dispatcher: Dispatcher, **options: Any) -> dict[str, JobHandle]:
        """Check the whole, then submit every step; handles by name of step, in order of running."""
        self.check(dispatcher.plugins, dispatcher.settings)
        handles: dict[str, JobHandle] = {}
        for name in self.order():
            step = self.steps[name]
            ids = {parent: handles[parent].id for parent in step.parents()}
            tags = (*options.get("tags", ()), *step.options.get("tags", ()), f"pipeline:{self.name}"[:100])
            handles[name] = dispatcher.submit(
                step.task,
                _filled(step.params, ids),
                **{**options, **step.options, "tags": tags, "after": list(ids.values())},
            )
        return handles


def _shape_problems(name: str, table: Any) -> Iterator[str]:
    if not isinstance(table, dict):
        yield f"steps.{name}: is not a table"
        return
    for key in sorted(set(table) - _STEP_KEYS):
        yield f"steps.{name}.{key}: is no key of a step ({', '.join(sorted(_STEP_KEYS))})"
    if not isinstance(table.get("task"), str):
        yield f"steps.{name}.task: the name of a task is needed"
    if not isinstance(table.get("params", {}), dict):
        yield f"steps.{name}.params: is not a table"
    for key in ("after", "tags"):
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            yield f"steps.{name}.{key}: is not a list of names"


def _references(value: Any) -> Iterator[re.Match[str]]:
    for text in _texts(value):
        if match := _REFERENCE.match(text):
            yield match


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _filled(value: Any, ids: Mapping[str, str]) -> Any:
    """`value` with `${step.field}` turned into references to jobs."""
    if isinstance(value, str) and (match := _REFERENCE.match(value)):
        return Ref(ids.get(match[1], match[1]), match[2])
    if isinstance(value, Mapping):
        return {key: _filled(inner, ids) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, ids) for inner in value]
    return value


def _field_problem(registry: Registry, parent: Step, path: str) -> str | None:
    if parent.task not in registry.tasks:
        return None  # said at that step
    model: Any = registry.tasks[parent.task].result
    first = path.partition(".")[0]
    if isinstance(model, type) and issubclass(model, BaseModel) and first not in model.model_fields:
        return f"{parent.task} has no result field {first!r}; it has {', '.join(model.model_fields)}"
    return None
