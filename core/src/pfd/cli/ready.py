"""A command to start from: what a task requires, filled in with values that pass its validation."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from pfd.schema import Shape, example, shape_of, text_of
from pfd.task import Task


def example_of(task: Task) -> dict[str, Any]:
    """Parameters that a task accepts, as few as possible."""
    return example(task.params, task.validate)


def ready_command(task: Task) -> str:
    """A command line that submits a task: what is required filled in with values that pass its validation."""
    words = _words(shape_of(task.params), example_of(task))
    return " ".join(["pfd", "submit", task.name, *(shlex.quote(word) for word in words)])


def _words(shape: Shape, values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """`key=value` for each value, as `pfd submit` reads them."""
    for name, value in values.items():
        inner = shape.member(name) or Shape.anything()
        if isinstance(value, dict) and value and "." not in "".join(value):
            yield from _words(inner, value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}={text_of(inner, value)}"
