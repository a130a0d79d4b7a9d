"""What is wrong with the marks of a model: conditions that ask for what is not there, defaults that are refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from pfd.hints import Hint
from pfd.origin import first_line
from pfd.schema.condition import Condition, same, word
from pfd.schema.document import made_schema
from pfd.schema.field import Field, fields_of
from pfd.schema.holding import key_of
from pfd.schema.marks import DEFAULTS, GROUP, NEEDED, WHEN, DefaultWhen, Needed, When
from pfd.schema.node import type_of
from pfd.schema.shape import Kind, Shape

_AROUND = {WHEN: "When", NEEDED: "Needed", DEFAULTS: "DefaultWhen", GROUP: "Group"}
"""Marks that are of a field as a whole."""


@dataclass(frozen=True)
class MarkFault:
    """Something that is wrong with the marks of a parameter: its path, what is wrong, and what to do about it."""

    path: str
    problem: str
    hint: str = ""


def mark_faults(model: type[BaseModel]) -> Iterator[MarkFault]:
    """What is wrong with the marks of a model, and of those within it; also that no schema can be made of it."""
    try:
        made_schema(model)
    except Exception as error:  # code of a plugin
        problem = f"no JSON schema can be made of them: {first_line(error, type(error).__name__)}"
        yield MarkFault("", problem, "until it can, they are shown by their names alone")
    yield from _of_fields(fields_of(model), ())
    yield from _of_defaults(model, "", frozenset())


def _of_fields(fields: Sequence[Field], above: tuple[Any, ...]) -> Iterator[MarkFault]:
    beside = {field.name: field for field in fields}
    for field in fields:
        defaults = [(f"is {word(one.value)}", one.condition) for one in field.defaults]
        for what, condition in (("applies", field.condition), ("is needed", field.needed), *defaults):
            for problem, hint in _of_condition(condition, field, beside):
                yield MarkFault(field.path, f"{what} where {condition}: {problem}", hint)
        for key in sorted(_AROUND.keys() & {key for one in _inside(field.shape) for key in one.node}):
            if key not in field.shape.node:
                hint = f"Annotated[the whole type, {_AROUND[key]}(…)]"
                yield MarkFault(field.path, f"{_AROUND[key]} stands within the type, where nothing reads it", hint)
        inner = field.items or field
        model = inner.shape.group()
        if model is not None and model["properties"] not in above:
            yield from _of_fields(inner.fields, (*above, model["properties"]))


def _inside(shape: Shape) -> Iterator[Shape]:
    """What may stand there instead, and what stands in it."""
    items = shape.items
    yield from (one for one in (*shape.alternatives, *shape.places) if one is not shape)
    if items is not None:
        yield items


def _of_condition(condition: Condition, field: Field, beside: Mapping[str, Field]) -> Iterator[tuple[str, str]]:
    for clause in condition.clauses:
        other = beside.get(clause.name)
        if clause.name == field.name:
            yield f"{clause.name} is the parameter itself", "name another one"
        elif other is None:
            known = [name for name in beside if name != field.name]
            otherwise = f"it stands beside {', '.join(known) or 'nothing'}"
            yield f"there is no parameter {clause.name!r} beside it", Hint.did_you_mean(clause.name, known, otherwise)
        else:
            for value in clause.values:
                if not _may_be(other, value):
                    choices = ", ".join(map(word, _choices(other)))
                    yield f"{clause.name} is never {word(value)}", f"it is one of {choices}" if choices else ""


def _choices(field: Field) -> tuple[Any, ...]:
    """The choices of a field, or of what is in its list, where there are no other values."""
    shape = field.shape.items if field.kind is Kind.LIST else field.shape
    return shape.choices if shape is not None and shape.kind is Kind.CHOICE else ()


def _may_be(field: Field, value: Any) -> bool:
    """Whether a field may have a value, or hold it where it is a list; null is what is left out."""
    if value is None:
        return field.nullable or not field.required
    if choices := _choices(field):
        return any(same(choice, value) for choice in choices)
    shape = field.shape.items if field.kind is Kind.LIST else field.shape
    if shape is None or not shape.is_said:
        return True
    types = {kind for one in shape.alternatives for kind in one.types}
    return type_of(value) in types or (isinstance(value, int) and not isinstance(value, bool) and "number" in types)


def _of_defaults(model: type[BaseModel], prefix: str, above: frozenset[type]) -> Iterator[MarkFault]:
    """Defaults beside certain values that the field would refuse, and conditions on those that code makes."""
    for name, field in model.model_fields.items():
        for mark in field.metadata:
            for other in _made_by_code(mark, model):
                problem = f"what {other} is where it was left out, no form can tell: code makes its default"
                yield MarkFault(f"{prefix}{name}", problem, f"give {other} a default that is a plain value")
            if isinstance(mark, DefaultWhen) and (why := _refusal(field, mark.value)):
                problem = f"its default where {mark.condition}, {mark.value!r}, would be refused: {why}"
                yield MarkFault(f"{prefix}{name}", problem, f"give {name} a default of its own type")
        for inner in _models(field.annotation):
            if inner not in above:
                yield from _of_defaults(inner, f"{prefix}{name}.", above | {model})


def _made_by_code(mark: object, model: type[BaseModel]) -> Iterator[str]:
    """The parameters that a mark asks for and whose defaults its schema cannot tell."""
    if isinstance(mark, When | Needed | DefaultWhen):
        for name, field in model.model_fields.items():
            if field.default_factory is not None and key_of(name, field) in mark.condition.names:
                yield key_of(name, field)


def _refusal(field: FieldInfo, value: Any) -> str:
    kind: Any = Annotated[field.annotation, *field.metadata]
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        return str(error.errors()[0]["msg"])
    except Exception:  # its own validators may need the whole model
        return ""
    return ""


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
