"""Values that would do, made up from a schema: parameters to begin with, one of each kind that a result may hold."""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pydantic import BaseModel

from pfd.schema.bounds import Bounds
from pfd.schema.dependence import deciding
from pfd.schema.field import Field, fields_within
from pfd.schema.node import Node, count
from pfd.schema.shape import Shape, shape_of

TRIES = 2000
"""Combinations of values that are tried for an example."""

MOST = 24
"""Values that are tried for one field, or for a group within another."""

DEPTH = 8
"""Groups and lists within each other that are made up."""

Above = tuple[Node, ...]
"""The schemas of what something stands in."""

_PLAIN = {"string": "text", "integer": 1, "number": 1.0, "boolean": True, "object": {}}

_WRITTEN = {
    "date-time": "2026-01-31T12:00:00Z",
    "date": "2026-01-31",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "uri": "https://example.org/",
    "email": "name@example.org",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
}
"""A text of each format that pydantic knows."""


def example(model: type[BaseModel], accepts: Callable[[dict[str, Any]], object] | None = None) -> dict[str, Any]:
    """Parameters that a model accepts, as few as possible.

    What validators ask for beyond the schema is found by trying; where nothing passes, the first attempt is given.

    Parameters
    ----------
    accepts : raises `ValueError` or an error of PFD for what is refused; the validation of the model unless given.
    """
    check = accepts or model.model_validate
    first: dict[str, Any] | None = None
    for values in itertools.islice(_groups(shape_of(model), ()), TRIES):
        first = values if first is None else first
        with contextlib.suppress(Exception):  # validators are code of a plugin
            check(values)
            return values
    return first or {}


def samples(shape: Shape) -> list[Any]:
    """A value of each kind that may stand there, null aside; none of what may be anything."""
    return list(_samples(shape, 0))


def _samples(shape: Shape, depth: int) -> Iterator[Any]:
    return (sample for one in shape.alternatives for sample in _sample(one, depth))


def _sample(shape: Shape, depth: int) -> Iterator[Any]:
    if shape.choices:
        yield from shape.choices
    elif "array" in shape.types:
        items = shape.items
        is_said = items is not None and items.is_said and depth < DEPTH
        of_items = list(itertools.islice(_samples(items, depth + 1), MOST)) if is_said and items is not None else []
        yield from ([item] for item in of_items) if of_items else [[]]
    else:
        yield from (_PLAIN[kind] for kind in sorted(shape.types) if kind in _PLAIN)


def _groups(shape: Shape, above: Above) -> Iterator[dict[str, Any]]:
    """Combinations of values for the fields that are required, simple ones first."""
    model = shape.group()
    by = () if model is None else (shape.discriminator, *deciding(shape.document, model))
    yield from _completed(shape, {}, above, by, {})


def _completed(
    shape: Shape, found: dict[str, Any], above: Above, by: Sequence[str], known: dict[str, list[Field]]
) -> Iterator[dict[str, Any]]:
    """Values, and beside these what is required then; `known` holds what is, by the values of the fields in `by`."""
    key = json.dumps([found.get(name) for name in by], default=repr)
    if key not in known:
        known[key] = [field for field in fields_within(shape, found) if field.required]
    asked = [field for field in known[key] if field.name not in found]
    if not asked:
        yield found
        return
    several = [list(itertools.islice(_values(field.shape, field.name, above), MOST)) for field in asked]
    for values in itertools.product(*several):
        more = {field.name: value for field, value in zip(asked, values, strict=True)}
        yield from _completed(shape, found | more, above, by, known)


def _values(shape: Shape, name: str, above: Above) -> Iterator[Any]:
    """Values of one shape, null last."""
    given = shape.node.get("examples")
    if isinstance(given, list):
        yield from given
    if default := shape.node.get("default"):
        yield default
    if shape.discriminator:
        yield from _inside(shape, above, _groups)
    else:
        for one in shape.alternatives:
            yield from _of_one_kind(one, name, above)
    if shape.nullable:
        yield None


def _of_one_kind(shape: Shape, name: str, above: Above) -> Iterator[Any]:
    if shape.choices:
        yield from (choice for choice in shape.choices if choice is not None)
    elif shape.group() is not None:
        yield from _inside(shape, above, _groups)
    elif {"integer", "number"} & shape.types:
        yield from _numbers(shape.bounds, integer="number" not in shape.types)
    elif "boolean" in shape.types:
        yield from (True, False)
    elif "array" in shape.types:
        yield from _inside(shape, above, functools.partial(_lists, name=name))
    elif "object" in shape.types:
        yield from _inside(shape, above, functools.partial(_by_name, name=name))
    elif shape.types != {"null"}:
        yield from _texts(name, shape)


def _inside(shape: Shape, above: Above, make: Callable[[Shape, Above], Iterator[Any]]) -> Iterator[Any]:
    """What is made of values within; nothing where that would hold itself."""
    if shape.node not in above and len(above) < DEPTH:
        yield from itertools.islice(make(shape, (*above, shape.node)), MOST)


def _lists(shape: Shape, above: Above, name: str) -> Iterator[list[Any]]:
    least = shape.bounds.min_items or 0
    if places := shape.places:
        several = [list(itertools.islice(_values(place, name, above), MOST)) for place in places]
        yield from map(list, itertools.product(*several))
        return
    inner = list(itertools.islice(_values(shape.items or Shape.anything(), name, above), max(MOST, least)))
    if shape.bounds.unique_items:
        yield inner[: max(1, least)]
    else:
        yield from ([value] * max(1, least) for value in inner)
    if not least:
        yield []


def _by_name(shape: Shape, above: Above, name: str) -> Iterator[dict[str, Any]]:
    least = count(shape.node, "minProperties") or 0
    if not least:
        yield {}
        return
    for value in _values(shape.values or Shape.anything(), name, above):
        yield {f"{name}{number}": value for number in range(1, least + 1)}


def _numbers(bounds: Bounds, *, integer: bool) -> Iterator[int | float]:
    low = bounds.minimum if bounds.exclusive_minimum is None else bounds.exclusive_minimum
    high = bounds.maximum if bounds.exclusive_maximum is None else bounds.exclusive_maximum
    tried: list[int | float] = [1, 2, 10, 100, 1000, *([] if integer else [0.5])]
    tried += [value for bound in (low, high) if bound is not None for value in (bound, bound + 1, bound - 1)]
    if low is not None and high is not None:
        tried.append((low + high) / 2)
    if (step := bounds.multiple_of) is not None:
        first = math.ceil((low or 0) / step) * step
        tried += [first, first + step, step]
    for value in dict.fromkeys([*(math.floor(value) if integer else value for value in tried), 0]):
        if bounds.admit(value):
            yield value


def _texts(name: str, shape: Shape) -> Iterator[str]:
    if shape.format == "path":
        yield f"path/to/{name}"
        return
    if written := _WRITTEN.get(shape.format):
        yield written
        return
    least, most = shape.bounds.min_length or 0, shape.bounds.max_length
    tried = (name, "example", "Example1", "a", "A", "1", "2026-01-31", "a" * least, "")
    fitting = [
        text
        for text in tried
        if len(text) >= least and (most is None or len(text) <= most) and _fits(shape.bounds.pattern, text)
    ]
    yield from fitting or [name]


def _fits(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error:  # of another language: pydantic reads what Rust does
        return True
