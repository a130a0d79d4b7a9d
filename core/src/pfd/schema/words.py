"""What a schema says of a field in words: `integer or null`, `at least 1`, `1772, or 3600 where simulator=rotor`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pfd.schema.bounds import Bounds
from pfd.schema.condition import word
from pfd.schema.field import Field
from pfd.schema.node import Node
from pfd.schema.shape import Kind, Shape

MANY = 50
"""Choices of one field that are told; nobody reads more."""

Above = tuple[Node, ...]
"""The lists that something stands in."""

_WORDS = {Kind.BOOLEAN: "yes/no", Kind.GROUP: "object", Kind.ANYTHING: "any", Kind.UNION: "any"}


def type_in_words(shape: Shape) -> str:
    """What a value is in a few words: `integer or null`, `list of text`."""
    return _type(shape, ())


def _type(shape: Shape, above: Above) -> str:
    return " or ".join(dict.fromkeys(text for one in shape.alternatives for text in _types(one, above)))


def _types(shape: Shape, above: Above) -> Iterator[str]:
    for kind in shape.kinds:
        if kind is Kind.LIST:
            inner = " or ".join(dict.fromkeys(_type(one, (*above, shape.node)) for one in _within(shape, above)))
            yield f"list of {f'({inner})' if ' or ' in inner else inner}" if inner else "list"
        elif kind is Kind.BY_NAME:
            values = shape.values
            is_said = values is not None and values.is_said and shape.node not in above
            yield f"{_type(values, (*above, shape.node))} by name" if is_said and values is not None else "object"
        else:
            yield _WORDS.get(kind, str(kind))


def allowed_in_words(shape: Shape) -> str:
    """The choices and bounds of a shape; empty where there are none."""
    return _allowed(shape, ())


def _allowed(shape: Shape, above: Above) -> str:
    listed = [word(choice) for choice in shape.choices]
    if len(listed) > MANY:
        listed[MANY:] = [f"and {len(listed) - MANY} more"]
    others = (_limits(one, above) for one in shape.alternatives if not one.choices)
    return "; ".join(dict.fromkeys(filter(None, (", ".join(listed), *others))))


def _limits(shape: Shape, above: Above) -> str:
    bounds = Bounds.of(shape.node)
    found = [_range(bounds), *_lengths(bounds)]
    if bounds.pattern:
        found.append(f"like {bounds.pattern}")
    inner = [_allowed(one, (*above, shape.node)) for one in _within(shape, above)]
    if any(inner):
        alike = len(set(inner)) == 1
        found.append(f"each {inner[0]}" if alike else ", then ".join(each or "any" for each in inner))
    return ", ".join(filter(None, found))


def default_in_words(field: Field) -> str:
    """`required`, or the default and those beside certain values: `2, or 5 where simulator=rotor`."""
    if field.required:
        return "required"
    usual = value_in_words(field.default) if field.has_default else ""
    others = [f"{value_in_words(one.value)} where {one.condition.in_words(_group(field))}" for one in field.defaults]
    if field.needed:
        others.append(f"required where {field.needed.in_words(_group(field))}")
    return ", or ".join([usual, *others] if usual else others)


def condition_in_words(field: Field) -> str:
    """Beside what a field applies: `simulator=rotor`; empty where it always does."""
    return field.condition.in_words(_group(field))


def _group(field: Field) -> str:
    """What stands before the names of the fields beside one, in their paths."""
    return field.path.removesuffix(field.name)


def value_in_words(value: Any) -> str:
    """A JSON value as it is typed, numbers without superfluous digits."""
    return f"{value:g}" if isinstance(value, float) else word(value)


def _within(shape: Shape, above: Above) -> list[Shape]:
    """What stands in a list: at each of its places, then at all others; nothing of a list that stands in itself."""
    if shape.node in above:
        return []
    items = shape.items
    return [*shape.places, *([items] if items is not None and items.node else [])]


def _range(bounds: Bounds) -> str:
    low, high = bounds.minimum, bounds.maximum
    if low is not None and high is not None and not (_is_technical(low) or _is_technical(high)):
        return f"{_number(low)} to {_number(high)}"
    parts = (
        ("at least", low),
        ("more than", bounds.exclusive_minimum),
        ("at most", high),
        ("less than", bounds.exclusive_maximum),
        ("a multiple of", bounds.multiple_of),
    )
    # What a database column or a seed can hold is no news to anybody who types a number.
    return ", ".join(
        f"{text} {_number(value)}" for text, value in parts if value is not None and not _is_technical(value)
    )


def _is_technical(bound: float) -> bool:
    return isinstance(bound, int) and abs(bound) >= 2**31 - 1


def _lengths(bounds: Bounds) -> Iterator[str]:
    characters = (bounds.min_length, bounds.max_length, "characters")
    for low, high, unit in (characters, (bounds.min_items, bounds.max_items, "of them")):
        if low and high is not None:
            yield f"{low} {unit}" if low == high else f"{low} to {high} {unit}"
        elif low:
            yield "not empty" if low == 1 else f"at least {low} {unit}"
        elif high is not None:
            yield f"at most {high} {unit}"


def _number(value: Any) -> str:
    return f"{value:.3g}" if abs(value) >= 1e12 else f"{value:g}" if isinstance(value, float) else str(value)
