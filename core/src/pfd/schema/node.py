"""A JSON schema as it may be: written by pydantic, or by the author of a plugin, and then perhaps not as it should be.

What is of another type than it should be is read as if it were not there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

Node = Mapping[str, Any]

ANYTHING: Node = {}
"""The schema that everything fits."""


def as_node(found: object) -> Node:
    """A part of a schema; of what is none, such as `true`, the one that everything fits."""
    return found if isinstance(found, Mapping) else ANYTHING


def text(node: Node, key: str) -> str:
    """A text of a node; empty where there is none."""
    found = node.get(key)
    return found if isinstance(found, str) else ""


def number(node: Node, key: str) -> int | float | None:
    """A finite number of a node."""
    found = node.get(key)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    return found if isinstance(found, int) or math.isfinite(found) else None


def count(node: Node, key: str) -> int | None:
    """A number of things, from 0."""
    found = number(node, key)
    return found if isinstance(found, int) and found >= 0 else None


def nodes(node: Node, key: str) -> list[Node]:
    """The parts in a list of a node."""
    found = node.get(key)
    return [as_node(one) for one in found] if isinstance(found, list | tuple) else []


def named_nodes(node: Node, key: str) -> dict[str, Node]:
    """The parts by name in an object of a node."""
    return {str(name): as_node(one) for name, one in as_node(node.get(key)).items()}


def names(node: Node, key: str) -> list[str]:
    """The texts in a list of a node."""
    found = node.get(key)
    return [one for one in found if isinstance(one, str)] if isinstance(found, list | tuple) else []


def choices(node: Node) -> tuple[Any, ...]:
    """The JSON values of which one has to be given; none where others may be, too."""
    found = node.get("enum")
    if isinstance(found, list | tuple):
        return tuple(found)
    return (node["const"],) if "const" in node else ()


def rest(node: Node, key: str, *, otherwise: bool) -> Node | None:
    """What may stand beside what a node names (`items`, `additionalProperties`): None where nothing may."""
    found = node.get(key, otherwise)
    return None if found is False else as_node(found)


def others(node: Node) -> Node | None:
    """What stands under names of an object that its schema does not name; None where nothing may."""
    return rest(node, "additionalProperties", otherwise="properties" not in node)


def member(node: Node, name: str) -> Node | None:
    """What stands under a name, in a node without alternatives; None where nothing can."""
    kinds = types(node)
    if "object" not in kinds:
        return None if kinds else ANYTHING
    found = named_nodes(node, "properties")
    return found[name] if name in found else others(node)


def element(node: Node, place: int) -> Node | None:
    """What stands at a place of a list, in a node without alternatives; None where nothing can."""
    kinds = types(node)
    if "array" not in kinds:
        return None if kinds else ANYTHING
    first = nodes(node, "prefixItems")
    return first[place] if place < len(first) else rest(node, "items", otherwise=not first)


def types(node: Node) -> frozenset[str]:
    """The JSON types of what fits a node without alternatives; none where anything does."""
    kind = node.get("type")
    if isinstance(kind, str):
        return frozenset({kind})
    if isinstance(kind, list | tuple):
        return frozenset(one for one in kind if isinstance(one, str))
    if "properties" in node:
        return frozenset({"object"})
    return frozenset(map(type_of, choices(node)))


def type_of(value: Any) -> str:
    """The JSON type of a value."""
    known = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return known.get(type(value), "null")


def overlaid(below: Node, above: Node) -> Node:
    """A node of both: what both say of a part is put together, of anything else `above` counts."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            merged[key] = overlaid(old, value)
        elif key == "required" and isinstance(old, list) and isinstance(value, list):
            merged[key] = [*old, *(name for name in value if name not in old)]
        else:
            merged[key] = value
    return merged


def distinct(found: Iterator[Node]) -> list[Node]:
    """Nodes without repetitions, in order."""
    kept: list[Node] = []
    for node in found:
        if node not in kept:
            kept.append(node)
    return kept
