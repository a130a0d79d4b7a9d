"""`pfd.schema` on models that were made up, and on schemas that no one would write: it reads them all, to an end."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, create_model

from pfd import ParameterError, Params
from pfd.schema import (
    Shape,
    allowed_in_words,
    at,
    condition_in_words,
    default_in_words,
    example,
    fields_of,
    fields_within,
    listed,
    mark_faults,
    samples,
    shape_of,
    text_of,
    type_in_words,
    value_of,
)
from pfd.schema.document import Document

calm = settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))

_numbers = itertools.count()


@dataclass(frozen=True)
class Drawn:
    """A type, and the JSON values that it takes."""

    kind: Any
    values: st.SearchStrategy[Any]
    plain: bool = True
    """Whether each of its texts stands for one value alone."""


def _model(fields: dict[str, Any]) -> type[BaseModel]:
    return create_model(f"Made{next(_numbers)}", __base__=Params, **fields)


def _of(generic: Any, *inner: Any) -> Any:
    """A type such as `list[int]`, of types that were drawn."""
    return generic[inner if len(inner) > 1 else inner[0]]


@st.composite
def bounded_integers(draw: st.DrawFn) -> Drawn:
    low = draw(st.integers(-50, 5000))
    high = low + draw(st.integers(0, 100))
    return Drawn(Annotated[int, Field(ge=low, le=high)], st.integers(low, high))


@st.composite
def bounded_floats(draw: st.DrawFn) -> Drawn:
    low = draw(st.floats(-100, 5000))
    high = low + draw(st.floats(0.001, 100))
    return Drawn(Annotated[float, Field(ge=low, le=high)], st.floats(low, high))


@st.composite
def texts(draw: st.DrawFn) -> Drawn:
    least = draw(st.integers(0, 20))
    kind = Annotated[str, Field(min_length=least, max_length=least + 20)]
    return Drawn(kind, st.text(min_size=least, max_size=least + 20))


@st.composite
def choices(draw: st.DrawFn) -> Drawn:
    several = draw(
        st.lists(st.integers(0, 90) | st.sampled_from(["a", "b", "mains", "x y"]), min_size=1, max_size=4, unique=True)
    )
    return Drawn(Literal[tuple(several)], st.sampled_from(several))


leaves = st.one_of(
    bounded_integers(),
    bounded_floats(),
    texts(),
    choices(),
    st.just(Drawn(int, st.integers(-(10**9), 10**9))),
    st.just(Drawn(bool, st.booleans())),
    st.just(Drawn(Path, st.text("abc/", min_size=1))),
    st.just(Drawn(datetime, st.datetimes().map(datetime.isoformat))),
)


@st.composite
def containers(draw: st.DrawFn, inner: st.SearchStrategy[Drawn]) -> Drawn:
    one = draw(inner)
    match draw(st.sampled_from(["list", "several", "pair", "by name", "null", "either", "model", "model or null"])):
        case "list":
            least = draw(st.integers(0, 3))
            return Drawn(
                Annotated[_of(list, one.kind), Field(min_length=least)],
                st.lists(one.values, min_size=least, max_size=4),
                one.plain,
            )
        case "several":
            return Drawn(_of(tuple, one.kind, ...), st.lists(one.values, max_size=3), one.plain)
        case "pair":
            other = draw(inner)
            pairs = st.tuples(one.values, other.values).map(list)
            return Drawn(_of(tuple, one.kind, other.kind), pairs, one.plain and other.plain)
        case "by name":
            return Drawn(
                _of(dict, str, one.kind), st.dictionaries(st.text(max_size=3), one.values, max_size=2), one.plain
            )
        case "null":
            return Drawn(one.kind | None, st.none() | one.values, False)
        case "either":
            other = draw(inner)
            return Drawn(one.kind | other.kind, one.values | other.values, False)
        case kind:
            model = _model({"inner": (one.kind, ...), "usual": (int, 3)})
            values = st.fixed_dictionaries({"inner": one.values}, optional={"usual": st.integers(0, 9)})
            return Drawn(model | None if kind == "model or null" else model, values, one.plain)


kinds = st.recursive(leaves, containers, max_leaves=4)
made = st.dictionaries(st.sampled_from("abcdefgh"), kinds, min_size=1, max_size=4)


@st.composite
def models(draw: st.DrawFn) -> type[BaseModel]:
    fields: dict[str, Any] = {}
    for name, one in draw(made).items():
        optional = draw(st.booleans())
        fields[name] = (one.kind | None, None) if optional else (one.kind, ...)
    return _model(fields)


@calm
@given(models())
def test_an_example_is_accepted(model: type[BaseModel]) -> None:
    model.model_validate(example(model))


@calm
@given(models())
def test_every_field_is_listed_once_and_can_be_said_in_words_and_in_json(model: type[BaseModel]) -> None:
    found = list(listed(fields_of(model)))
    paths = [field.path for field in found]
    assert len(set(paths)) == len(paths)
    assert list(dict.fromkeys(path.partition(".")[0].removesuffix("[]") for path in paths)) == list(model.model_fields)
    for field in found:
        said = (type_in_words(field.shape), allowed_in_words(field.shape), default_in_words(field))
        assert all(isinstance(text, str) for text in said)
        assert json.loads(json.dumps(field.to_json()))["path"] == field.path
    assert [field.required for field in fields_of(model)] == [f.is_required() for f in model.model_fields.values()]


@calm
@given(made, st.data())
def test_what_is_typed_for_a_value_stands_for_it(drawn: dict[str, Drawn], data: st.DataObject) -> None:
    model = _model({name: (one.kind, ...) for name, one in drawn.items()})
    values = {name: data.draw(one.values) for name, one in drawn.items()}
    assume(all(one.plain or not _holds_text(values[name]) for name, one in drawn.items()))
    shape = shape_of(model)
    read: dict[str, Any] = {}
    for name, value in values.items():
        part = shape.member(name)
        assert part is not None
        read[name] = value_of(part, text_of(part, value), name)
    assert model.model_validate(read) == model.model_validate(values)


def _holds_text(value: Any) -> bool:
    """Whether there is a text in a value: where something else may stand, `1` or `null` as a text is taken for that."""
    if isinstance(value, dict | list):
        return any(map(_holds_text, value.values() if isinstance(value, dict) else value))
    return isinstance(value, str)


@calm
@given(made, kinds)
def test_another_parameter_changes_nothing_in_the_others(drawn: dict[str, Drawn], other: Drawn) -> None:
    fields: dict[str, Any] = {name: (one.kind, ...) for name, one in drawn.items()}
    before = fields_of(_model(fields))
    after = fields_of(_model({**fields, "another": (other.kind, None)}))
    assert after[: len(before)] == before
    assert [field.name for field in after[len(before) :]] == ["another"]
    assert [f.to_json() for f in listed(before)] == [f.to_json() for f in listed(after[: len(before)])]


@calm
@given(models(), st.data())
def test_what_is_given_leaves_out_nothing_where_nothing_depends_on_it(
    model: type[BaseModel], data: st.DataObject
) -> None:
    given_ = data.draw(st.dictionaries(st.sampled_from("abcdefgh"), st.none() | st.integers() | st.text(), max_size=3))
    assert [field.name for field in fields_of(model, given_)] == [field.name for field in fields_of(model)]
    assert list(mark_faults(model)) == []


# -- schemas that are not what they should be --------------------------------------------------------------------------

scalars: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["object", "array", "integer", "string", "null", "[", "a", "x"])
    | st.sampled_from(["#/$defs/A", "#/$defs/B", "#", ""])
)
keys = st.sampled_from(
    [
        *("$ref", "anyOf", "oneOf", "allOf", "type", "enum", "const", "default", "examples", "format", "pattern"),
        *("properties", "required", "items", "prefixItems", "additionalProperties", "description", "discriminator"),
        *("minimum", "maximum", "exclusiveMinimum", "multipleOf", "minLength", "minItems", "maxItems", "uniqueItems"),
        *("x-pfd-when", "x-pfd-defaults", "x-pfd-needed", "x-pfd-unit", "x-pfd-ref", "x-pfd-group"),
        *("propertyName", "mapping", "a", "when", "value", "not"),
    ]
)
nonsense = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=25,
)


@st.composite
def sound(draw: st.DrawFn, depth: int = 2) -> Any:
    """Schemas of the right form, whose references lead anywhere."""
    node = draw(st.dictionaries(keys, scalars, max_size=4))
    if depth:
        inner = sound(depth - 1)
        node |= draw(
            st.fixed_dictionaries({}, optional={key: st.lists(inner, max_size=3) for key in ("anyOf", "allOf")})
        )
        node |= draw(st.fixed_dictionaries({}, optional={"items": inner, "additionalProperties": inner}))
        node |= draw(st.fixed_dictionaries({}, optional={"properties": st.dictionaries(keys, inner, max_size=3)}))
    return node


def _read(shape: Shape, depth: int = 3) -> Iterator[Any]:
    """All that can be asked of a shape."""
    yield from (shape.kind, shape.kinds, shape.nullable, shape.choices, shape.bounds, shape.names, shape.discriminator)
    yield from (type_in_words(shape), allowed_in_words(shape), samples(shape), repr(shape))
    for typed in ("1", "null", "a,b", "x"):
        try:
            yield text_of(shape, value_of(shape, typed))
        except ParameterError as error:
            yield error
    for field in itertools.islice(listed(fields_within(shape)), 50):
        yield from (field.to_json(), default_in_words(field), condition_in_words(field))
    yield from fields_within(shape, {"a": 1})
    if depth:
        for part in ("a", "0"):
            inner = shape.inside(part)
            if inner is not None:
                yield from _read(inner, depth - 1)


@settings(calm, max_examples=100)
@given(nonsense | sound(), st.dictionaries(st.sampled_from("AB"), nonsense | sound(), max_size=2))
def test_whatever_a_schema_is_it_is_read_to_an_end(root: Any, definitions: dict[str, Any]) -> None:
    document = Document({**(root if isinstance(root, dict) else {}), "$defs": definitions})
    assert list(_read(Shape(document, root)))
    with contextlib.suppress(LookupError):
        at(Shape(document, root), ["a", "0", "b"])
