"""Parameters that name a thing which a plugin keeps, such as a dataset: marked in the model, and so in its schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any

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


def kinds_of(model: type[BaseModel], prefix: str = "") -> dict[str, str]:
    """The kind of things of each parameter that names some, by its path; those of a group as `group.name`."""
    found: dict[str, str] = {}
    for name, field in model.model_fields.items():
        found |= {f"{prefix}{name}": mark.kind for mark in field.metadata if isinstance(mark, Refers)}
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found |= kinds_of(field.annotation, f"{prefix}{name}.")
    return found


def named(model: type[BaseModel], params: Mapping[str, Any]) -> Iterator[tuple[str, str, int | str]]:
    """Path, kind and value of each thing that parameters name.  What is left open, or yet to come, names none."""
    for path, kind in kinds_of(model).items():
        value: Any = params
        for part in path.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        for one in value if isinstance(value, list | tuple) else [value]:
            if isinstance(one, int | str) and not isinstance(one, bool):
                yield path, kind, one
