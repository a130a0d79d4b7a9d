"""Parameters that name a thing which a plugin keeps, such as a dataset: marked in the model, and so in its schema."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any, get_args, get_origin

from pydantic import BaseModel, GetJsonSchemaHandler
from pydantic_core import CoreSchema

KEY = "x-pfd-ref"
"""Under which a JSON schema names what a parameter refers to."""


@dataclass(frozen=True)
class Refers:
    """Marks a parameter, or a list of them, as naming things of a kind that a plugin registers.

    As in `Annotated[int | str, Refers("dataset")]`.
    """

    kind: str

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(core_schema), KEY: self.kind}


@dataclass(frozen=True)
class Choices:
    """What there is of a kind of things that parameters name, such as datasets.

    Parameters
    ----------
    names : what can be typed, each with what it is, the newest first.
    more : how many there are beside these.
    whole : whether no more than that were counted; there are very many where it is False.
    """

    names: Mapping[str, str] = dataclass_field(default_factory=dict)
    more: int = 0
    whole: bool = True


def kinds_of(model: type[BaseModel]) -> dict[str, str]:
    """The kind of things of each parameter that names some, by its path.

    Those of a group as `group.name`, of objects in a list as `list[].name`.
    """
    return dict(_kinds(model))


@functools.lru_cache(maxsize=512)
def _kinds(model: type[BaseModel]) -> tuple[tuple[str, str], ...]:
    return tuple(_walk(model, "", frozenset()))


def _walk(model: type[BaseModel], prefix: str, above: frozenset[type]) -> Iterator[tuple[str, str]]:
    for name, field in model.model_fields.items():
        marks = [*field.metadata, *(one for one in _within(field.annotation) if isinstance(one, Refers))]
        yield from ((f"{prefix}{name}", mark.kind) for mark in marks if isinstance(mark, Refers))
        for between, inner in _models(field.annotation, "."):
            if inner not in above | {model}:
                yield from _walk(inner, f"{prefix}{name}{between}", above | {model})


def _within(annotation: Any) -> Iterator[Any]:
    """All that an annotation is made of."""
    for inner in get_args(annotation):
        yield inner
        yield from _within(inner)


def _models(annotation: Any, between: str) -> Iterator[tuple[str, type[BaseModel]]]:
    """The models in an annotation, each with what stands between its parameters and that which holds it."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield between, annotation
    of_list = get_origin(annotation) in (list, tuple, set, frozenset)
    for inner in get_args(annotation):
        yield from _models(inner, "[]." if of_list else between)


def named(model: type[BaseModel], params: Mapping[str, Any]) -> Iterator[tuple[str, str, int | str]]:
    """Path, kind and value of each thing that parameters name.  What is left open, or yet to come, names none."""
    for path, kind in _kinds(model):
        for one in _at(params, path.split(".")):
            if isinstance(one, int | str) and not isinstance(one, bool):
                yield path, kind, one


def _at(value: Any, path: Sequence[str]) -> Iterator[Any]:
    """What stands at a path; each of what stands in a list at its end, or on the way."""
    if not path:
        yield from value if isinstance(value, list | tuple) else [value]
        return
    inner = value.get(path[0].removesuffix("[]")) if isinstance(value, Mapping) else None
    for one in (inner if isinstance(inner, list | tuple) else []) if path[0].endswith("[]") else [inner]:
        yield from _at(one, path[1:])
