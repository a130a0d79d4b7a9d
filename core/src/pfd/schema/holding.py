"""What validators of a model make of its marks, so that a condition and what refuses by it are written once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pfd.schema.condition import Condition, plain, word
from pfd.schema.marks import DefaultWhen, Needed, When

M = TypeVar("M")


@dataclass(frozen=True)
class Misplaced:
    """A parameter that was given, and does not apply beside the others."""

    name: str
    condition: Condition
    values: Mapping[str, Any]

    def __str__(self) -> str:
        clauses = self.condition.clauses
        failing = Condition(tuple(one for one in clauses if not one.holds(self.values.get(one.name))))
        found = {name: plain(self.values.get(name)) for name in failing.names}
        said = (f"{name} is left out" if value is None else f"{name}={word(value)}" for name, value in found.items())
        return f"{self.name} belongs to {failing}, but {', '.join(said)}; leave it out"


@dataclass(frozen=True)
class Missing:
    """A parameter that was left out, and is needed beside the others."""

    name: str
    condition: Condition

    def __str__(self) -> str:
        return f"{self.condition} needs {self.name}"


def misplaced(params: BaseModel) -> Iterator[Misplaced]:
    """The parameters that are other than their default, and whose `When` does not hold: for a validator to refuse.

    As in a validator of mode `after`: `for one in misplaced(self): raise ValueError(str(one))`.
    """
    values = _values(params)
    for name, field in type(params).model_fields.items():
        condition = _condition(field)
        if condition.holds(values) is False and getattr(params, name) != _default(field):
            yield Misplaced(key_of(name, field), condition, values)


def missing(params: BaseModel) -> Iterator[Missing]:
    """The parameters that are left out, and that are `Needed`: for a validator to refuse.

    One that has another default than null is left out where it was not given, as its schema says; the default itself
    may be given.
    """
    values = _values(params)
    for name, field in type(params).model_fields.items():
        for mark in field.metadata:
            if isinstance(mark, Needed) and mark.condition.holds(values) and _is_left_out(params, name, field):
                yield Missing(key_of(name, field), mark.condition)


def with_defaults(model: type[BaseModel], given: M) -> M | dict[str, Any]:
    """What is given of a model, and what `DefaultWhen` says of the rest: for a validator of mode `before`.

    Null counts as left out where it is the default of the field.  What is no mapping is given back as it is.
    """
    if not isinstance(given, Mapping):
        return given
    filled: dict[str, Any] = dict(given)
    fields = {key_of(name, field): field for name, field in model.model_fields.items()}
    usual = {key: _default(field) for key, field in fields.items() if not field.is_required()}
    for key, field in fields.items():
        if key in filled and (filled[key] is not None or usual.get(key, ...) is not None):
            continue
        for mark in field.metadata:
            if isinstance(mark, DefaultWhen) and mark.condition.holds(usual | filled):
                filled[key] = mark.value
                break
    return filled


def _is_left_out(params: BaseModel, name: str, field: FieldInfo) -> bool:
    value = getattr(params, name)
    return value is None or (name not in params.model_fields_set and bool(value == _default(field)))


def _condition(field: FieldInfo) -> Condition:
    """All of `When` and `Unless` of a field; of two that ask for one parameter the later, as in its schema."""
    marks = [mark for mark in field.metadata if isinstance(mark, When)]
    clauses = {clause.name: clause for mark in marks for clause in mark.condition.clauses}
    return Condition(tuple(clauses.values()))


def key_of(name: str, field: FieldInfo) -> str:
    """What a field is given as, and what its schema calls it."""
    return field.validation_alias if isinstance(field.validation_alias, str) else name


def _values(params: BaseModel) -> dict[str, Any]:
    fields = type(params).model_fields
    return {key_of(name, field): getattr(params, name, None) for name, field in fields.items()}


def _default(field: FieldInfo) -> Any:
    return None if field.is_required() else field.get_default(call_default_factory=True, validated_data={})
