"""Parameters and results of a task for people: names, types, bounds, and values that would do."""

from __future__ import annotations

import itertools
import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pfd.errors import ParameterError
from pfd.task import Task

LEVELS = 3
"""Groups within groups are shown so deep: a model may hold itself."""

TRIES = 2000
"""Combinations of values that are tried for an example."""

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Field:
    """One parameter or field of a result.  `default` is None where a value is required."""

    name: str
    type: str
    default: str | None
    allowed: str
    description: str
    choices: tuple[str, ...] = ()


def parameters(task: Task) -> list[Field]:
    """The parameters of a task, as they are typed: those of a group as `group.name`, in a list as `list[].name`."""
    schema = task.params.model_json_schema(mode="validation")
    return list(_Model(schema).fields(schema))


def results(task: Task) -> list[Field]:
    """The fields of a task's result, named likewise."""
    schema = task.result.model_json_schema(mode="serialization")
    return list(_Model(schema).fields(schema))


def ready_command(task: Task) -> str:
    """A command line that submits the task: what is required filled in with values that pass its validation."""
    return " ".join(["pfd", "submit", task.name, *(shlex.quote(word) for word in _words(example(task)))])


def example(task: Task) -> dict[str, Any]:
    """Parameters that the task accepts, as few as possible.

    Made up from the schema.  What a validator of the task's own asks for beyond that is found by trying; where nothing
    passes, the first attempt is given.
    """
    schema = task.params.model_json_schema(mode="validation")
    model = _Model(schema)
    first: dict[str, Any] | None = None
    for values in itertools.islice(model.examples(schema), TRIES):
        first = values if first is None else first
        try:
            task.validate(values)
        except ParameterError:
            continue
        return values
    return first or {}


def _words(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """`key=value` for each value, as `pfd submit` reads them."""
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _words(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}={_word(value)}"


def _word(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(item, str | int | float) for item in value):
        items = [_word(item) for item in value]
        if not any("," in item for item in items):
            return ",".join(items)
    return json.dumps(value, ensure_ascii=False)


class _Model:
    """A JSON schema with its definitions."""

    def __init__(self, schema: Schema) -> None:
        self._definitions: Mapping[str, Schema] = schema.get("$defs", {})

    def resolve(self, shape: Schema) -> Schema:
        """The shape that a reference stands for."""
        while "$ref" in shape:
            # What stands beside the reference (a description, a default) says more than what it refers to.
            beside = {key: value for key, value in shape.items() if key != "$ref"}
            shape = {**self._definitions[shape["$ref"].rpartition("/")[2]], **beside}
        return shape

    def fields(self, schema: Schema, prefix: str = "") -> Iterator[Field]:
        required = set(schema.get("required", ()))
        within = prefix.count(".") < LEVELS
        for name, given in schema.get("properties", {}).items():
            shape = self.resolve(given)
            if within and (group := self._group(shape)) is not None:
                yield from self.fields(group, f"{prefix}{name}.")
                continue
            default = None if name in required else _default(shape["default"]) if "default" in shape else ""
            kind = self.type(shape)
            if default == "null":
                kind = kind.removesuffix(" or null")  # the default says so
            choices = tuple(choice for arm in self._arms(shape) for choice in _choices(arm))
            about = shape.get("description", "")
            yield Field(prefix + name, kind, default, self.allowed(shape), about, choices)
            if within and (item := self._item(shape)) is not None:
                yield from self.fields(item, f"{prefix}{name}[].")

    def _arms(self, shape: Schema) -> list[Schema]:
        return [self.resolve(arm) for arm in shape.get("anyOf") or shape.get("oneOf") or [shape]]

    def _group(self, shape: Schema) -> Schema | None:
        """The model behind a parameter that holds parameters of its own."""
        return next((arm for arm in self._arms(shape) if arm.get("properties")), None)

    def _item(self, shape: Schema) -> Schema | None:
        """The model of the objects that a list holds."""
        lists = [arm for arm in self._arms(shape) if isinstance(arm.get("items"), dict)]
        return next((group for arm in lists if (group := self._group(self.resolve(arm["items"]))) is not None), None)

    def type(self, shape: Schema) -> str:
        """A schema in a few words: `integer or null`, `list of text`."""
        shape = self.resolve(shape)
        if arms := shape.get("anyOf") or shape.get("oneOf"):
            return " or ".join(dict.fromkeys(self.type(arm) for arm in arms))
        if "enum" in shape or "const" in shape:
            return "choice"
        kind = shape.get("type")
        if kind == "array":
            inner = " or ".join(dict.fromkeys(map(self.type, _items(shape))))
            return f"list of {f'({inner})' if ' or ' in inner else inner}" if inner else "list"
        if kind == "object":
            value = shape.get("additionalProperties")
            return f"{self.type(value)} by name" if isinstance(value, dict) and value else "object"
        if kind == "string":
            return {"path": "path", "date-time": "time"}.get(shape.get("format", ""), "text")
        return {"boolean": "yes/no"}.get(str(kind), str(kind or "any"))

    def allowed(self, shape: Schema) -> str:
        """The choices and bounds of a schema in words; empty where there are none."""
        shape = self.resolve(shape)
        if arms := shape.get("anyOf") or shape.get("oneOf"):
            return "; ".join(dict.fromkeys(filter(None, map(self.allowed, arms))))
        found = [", ".join(_choices(shape)), _range(shape), *_lengths(shape)]
        if "pattern" in shape:
            found.append(f"like {shape['pattern']}")
        inner = list(map(self.allowed, _items(shape)))
        if any(inner):
            alike = len(set(inner)) == 1
            found.append(f"each {inner[0]}" if alike else ", then ".join(each or "any" for each in inner))
        return ", ".join(filter(None, found))

    # -- examples -------------------------------------------------------------------------------------------------

    def examples(self, schema: Schema) -> Iterator[dict[str, Any]]:
        """Combinations of values for what is required, simple ones first.

        A schema of a whole model may add alternatives to its own requirements ("this model needs that input").
        """
        for alternative in [self.resolve(arm) for arm in schema.get("anyOf", ())] or [{}]:
            required = dict.fromkeys([*schema.get("required", ()), *alternative.get("required", ())])
            shapes = {**schema.get("properties", {}), **alternative.get("properties", {})}
            choices = [list(self._values(name, shapes.get(name, {}))) for name in required]
            for values in itertools.product(*choices):
                yield dict(zip(required, values, strict=True))

    def _values(self, name: str, shape: Schema) -> Iterator[Any]:
        shape = self.resolve(shape)
        if given := [*shape.get("examples", ()), *([shape["default"]] if "default" in shape else ())]:
            yield from given
            return
        if arms := shape.get("anyOf") or shape.get("oneOf"):
            for arm in arms:
                if self.resolve(arm).get("type") != "null":
                    yield from self._values(name, arm)
            return
        if "const" in shape or "enum" in shape:
            yield from shape.get("enum") or [shape["const"]]
            return
        kind = shape.get("type")
        if kind in ("integer", "number"):
            yield from _numbers(shape)
        elif kind == "boolean":
            yield from (True, False)
        elif kind == "array":
            for inner in self._values(name, shape.get("items", {})) if shape.get("items") else [1]:
                yield [inner] * max(1, shape.get("minItems", 1))
        elif kind == "object":
            yield from itertools.islice(self.examples(shape), TRIES)
        else:
            yield from _texts(name, shape)


def _numbers(shape: Schema) -> Iterator[int | float]:
    low = shape.get("minimum", shape.get("exclusiveMinimum"))
    high = shape.get("maximum", shape.get("exclusiveMaximum"))
    integer = shape.get("type") == "integer"
    middle = [] if low is None or high is None else [(low + high) // 2 if integer else (low + high) / 2]
    for value in dict.fromkeys([1, 2, 10, 100, 1000, *([] if integer else [0.5]), low, high, *middle, 0]):
        if (
            value is not None
            and value >= shape.get("minimum", value)
            and value <= shape.get("maximum", value)
            and ("exclusiveMinimum" not in shape or value > shape["exclusiveMinimum"])
            and ("exclusiveMaximum" not in shape or value < shape["exclusiveMaximum"])
            and not ("multipleOf" in shape and value % shape["multipleOf"])
        ):
            yield value


def _texts(name: str, shape: Schema) -> Iterator[str]:
    if shape.get("format") == "path":
        yield f"path/to/{name}"
        return
    fits = re.compile(shape.get("pattern", ""))
    least, most = shape.get("minLength", 0), shape.get("maxLength")
    found = 0
    for text in (name, "example", "Example1", "a", "A", "1", "2026-01-31", "a" * least):
        if fits.search(text) and len(text) >= least and (most is None or len(text) <= most):
            found += 1
            yield text
    if not found:
        yield name


def _items(shape: Schema) -> list[Schema]:
    """What stands in a list: at each of its places, then at all others."""
    rest = shape.get("items")
    return [*shape.get("prefixItems", ()), *([rest] if isinstance(rest, dict) and rest else [])]


# -- words --------------------------------------------------------------------------------------------------------


def _choices(shape: Schema) -> Iterator[str]:
    values: Sequence[Any] = shape.get("enum") or ([shape["const"]] if "const" in shape else [])
    return (value if isinstance(value, str) else _inline(value) for value in values)


def _range(shape: Schema) -> str:
    parts = (
        ("minimum", "at least {}"),
        ("exclusiveMinimum", "more than {}"),
        ("maximum", "at most {}"),
        ("exclusiveMaximum", "less than {}"),
        ("multipleOf", "a multiple of {}"),
    )
    # What a database column or a seed can hold is no news to anybody who types a number.
    known = {key: shape[key] for key, _ in parts if key in shape and not _is_technical(shape[key])}
    if "minimum" in known and "maximum" in known:
        return f"{_number(known['minimum'])} to {_number(known['maximum'])}"
    return ", ".join(text.format(_number(known[key])) for key, text in parts if key in known)


def _is_technical(bound: Any) -> bool:
    return isinstance(bound, int) and abs(bound) >= 2**31 - 1


def _lengths(shape: Schema) -> Iterator[str]:
    for least, most, unit in (("minLength", "maxLength", "characters"), ("minItems", "maxItems", "of them")):
        low, high = shape.get(least), shape.get(most)
        if low and high is not None:
            yield f"{low} {unit}" if low == high else f"{low} to {high} {unit}"
        elif low:
            yield "not empty" if low == 1 else f"at least {low} {unit}"
        elif high is not None:
            yield f"at most {high} {unit}"


def _number(value: Any) -> str:
    return f"{value:.3g}" if abs(value) >= 1e12 else f"{value:g}" if isinstance(value, float) else str(value)


def _default(value: Any) -> str:
    return value if isinstance(value, str) and value else _inline(value)


def _inline(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return json.dumps(value, ensure_ascii=False)
