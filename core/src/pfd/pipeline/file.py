"""Reading a pipeline file: from text to steps, and a list of what is not of the form."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pfd.errors import DataError, ParameterError
from pfd.files import read_text
from pfd.pipeline.step import MAX_STEPS, Step
from pfd.store.encoding import clean_text

MAX_BYTES = 2**20
MAX_DEPTH = 50

_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}\Z")
_OPTIONS = ("priority", "queue", "soft_time_limit", "tags", "time_limit")
_KEYS = ("after", "params", "task", *_OPTIONS)


@dataclass(frozen=True)
class PipelineFile:
    """What a pipeline file says.  Steps of which something is wrong are there as far as they can be read."""

    name: str
    steps: Mapping[str, Step]
    problems: tuple[str, ...]


def read(path: Path) -> PipelineFile:
    """Read a pipeline file.  Raises `ParameterError` where it cannot be read, or is not TOML."""
    data = _parse(path)
    problems = [f"{key}: is not a key of a pipeline (name, steps)" for key in sorted(set(data) - {"name", "steps"})]
    name = data.get("name", path.stem)
    if not isinstance(name, str) or not name or clean_text(name) != name:
        problems.append(f"name={name!r}: is not a name")
        name = path.stem
    tables = data.get("steps")
    if not isinstance(tables, dict) or not tables:
        problems.append("steps: at least one table [steps.NAME] is needed")
        tables = {}
    if len(tables) > MAX_STEPS:
        raise ParameterError(f"{path}: {len(tables)} steps, more than {MAX_STEPS}", hint="make several pipelines of it")
    steps = {}
    for step, table in tables.items():
        problems += _problems(step, table)
        steps[step] = _step(step, table if isinstance(table, dict) else {})
    return PipelineFile(name, steps, tuple(problems))


def _parse(path: Path) -> dict[str, Any]:
    try:
        data = tomllib.loads(read_text(path, MAX_BYTES))
        if _depth(data) > MAX_DEPTH:
            raise RecursionError
    except DataError as error:
        raise ParameterError(str(error), hint=error.hint) from error
    except ValueError as error:  # not only those of TOML: a number of thousands of digits has one of its own
        raise ParameterError(f"{path}: {error}") from error
    except RecursionError:
        raise ParameterError(f"{path}: is nested more than {MAX_DEPTH} deep") from None
    return data


def _depth(data: Any) -> int:
    """How deep the data is nested; not by recursion, which has its own limit."""
    level, depth = [data], 0
    while level := [
        inner
        for value in level
        if isinstance(value, dict | list)
        for inner in (value.values() if isinstance(value, dict) else value)
    ]:
        depth += 1
    return depth


def _problems(name: str, table: Any) -> Iterator[str]:
    where = f"steps.{name}"
    if not _NAME.match(name):
        yield f"{where}: the name of a step is up to 80 letters, digits, '_' and '-'"
    if not isinstance(table, dict):
        yield f"{where}: is not a table"
        return
    for key in sorted(set(table) - set(_KEYS)):
        yield f"{where}.{key}: is not a key of a step ({', '.join(_KEYS)})"
    if not isinstance(table.get("task"), str) or not table["task"]:
        yield f"{where}.task: the name of a task is needed"
    if not isinstance(table.get("params", {}), dict):
        yield f"{where}.params: is not a table"
    for key in ("after", "tags"):
        if not _is_list_of_names(table.get(key, [])):
            yield f"{where}.{key}: is not a list of names"


def _step(name: str, table: Mapping[str, Any]) -> Step:
    task, params, after = (table.get(key) for key in ("task", "params", "after"))
    options = {key: table[key] for key in _OPTIONS if key in table}
    if not _is_list_of_names(options.get("tags", [])):
        del options["tags"]
    return Step(
        name,
        task if isinstance(task, str) else "",
        params if isinstance(params, dict) else {},
        tuple(after) if after is not None and _is_list_of_names(after) else (),
        options,
    )


def _is_list_of_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
