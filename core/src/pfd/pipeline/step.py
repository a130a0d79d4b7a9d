"""A step of a pipeline, its references to results of others, and the order that these make."""

from __future__ import annotations

import graphlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pfd.errors import ParameterError
from pfd.task import Ref

MEANT = "${"
"""What a text begins with that is meant to be a reference."""

MAX_STEPS = 1_000
"""All steps are stored in one transaction, which for so many takes SQLite's write lock for some seconds."""

_REFERENCE = re.compile(r"\$\{([A-Za-z0-9_-]+)\.([A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*)\}\Z")

Place = tuple[str | int, ...]
"""Where something stands among parameters: names and numbers, from the outside in."""


@dataclass(frozen=True)
class Step:
    """One job of a pipeline, as the file has it.  `task` is empty where the file does not say."""

    name: str
    task: str
    params: Mapping[str, Any] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    def references(self) -> Iterator[tuple[Place, Ref]]:
        """Each reference among the parameters, by the name of the step that it refers to."""
        for place, text in texts(self.params):
            if match := _REFERENCE.match(text):
                yield place, Ref(match[1], match[2])

    def misspelt(self) -> Iterator[tuple[Place, str]]:
        """Texts that are meant to be references, and are none."""
        return ((place, text) for place, text in texts(self.params) if MEANT in text and not _REFERENCE.match(text))

    def parents(self) -> tuple[str, ...]:
        """The steps that this one waits for."""
        return tuple(dict.fromkeys([*self.after, *(ref.job_id for _, ref in self.references())]))

    def filled(self, ids: Mapping[str, str]) -> dict[str, Any]:
        """The parameters, with references to jobs in place of those to steps."""
        found: dict[str, Any] = _filled(self.params, ids)
        return found


def texts(value: Any, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Every text among parameters, and where it stands."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from texts(inner, (*place, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from texts(inner, (*place, number))


def _filled(value: Any, ids: Mapping[str, str]) -> Any:
    if isinstance(value, str) and (match := _REFERENCE.match(value)):
        return Ref(ids[match[1]], match[2])
    if isinstance(value, Mapping):
        return {key: _filled(inner, ids) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, ids) for inner in value]
    return value


def order(steps: Mapping[str, Step]) -> list[str]:
    """Names of the steps, each after those it waits for.  Raises `ParameterError` that lists the circles."""
    graph = {name: {parent for parent in step.parents() if parent in steps} for name, step in steps.items()}
    circles: list[str] = []
    while True:
        # Dictionaries keep the order of the file, and sets do not.
        sorter = graphlib.TopologicalSorter({name: sorted(parents) for name, parents in graph.items()})
        try:
            found = list(sorter.static_order())
        except graphlib.CycleError as error:
            circle: list[str] = error.args[1]
            circles.append("steps wait for each other: " + " → ".join(reversed(circle)))
            graph[circle[1]].discard(circle[0])  # look for the next one
            continue
        if circles:
            raise ParameterError("; ".join(circles), problems=tuple(circles))
        return found
