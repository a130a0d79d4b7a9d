"""What a result will look like, as far as its model says: which fields it has, and a value such as each may hold."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError

Node = Mapping[str, Any]

_SAMPLES = {"string": "text", "integer": 1, "number": 1.0, "boolean": True, "object": {}}


class ResultShape:
    """The shape of the results of a task, from the JSON schema of their model."""

    def __init__(self, model: type[BaseModel]) -> None:
        try:
            self._root: Node = model.model_json_schema(mode="serialization")
        except (PydanticInvalidForJsonSchema, PydanticUserError):
            self._root = {}  # anything may be there
        self._known: Mapping[str, Node] = self._root.get("$defs", {})

    def at(self, path: Sequence[str]) -> list[Node] | None:
        """The alternatives of what stands at a path; None where anything may.

        Raises
        ------
        LookupError : nothing can be there; says what is there instead.
        """
        nodes = list(self._arms(self._root))
        for depth, part in enumerate(path):
            if not all(map(_is_said, nodes)):
                return None
            inner = [self._inside(node, part) for node in nodes]
            if any(node is not None and not node for node in inner):
                return None
            nodes = [arm for node in inner if node for arm in self._arms(node)]
            if not nodes:
                raise LookupError(self._instead(path[:depth], part))
        return nodes if all(map(_is_said, nodes)) else None

    def samples(self, nodes: Sequence[Node]) -> list[Any]:
        """A value of each kind that may stand there, null aside."""
        return [sample for node in nodes for sample in self._samples(node)]

    def _arms(self, node: Node) -> Iterator[Node]:
        """The alternatives of a node, references followed."""
        if "$ref" in node:
            yield from self._arms(self._known[node["$ref"].rpartition("/")[2]])
        elif inner := node.get("anyOf") or node.get("oneOf"):
            for arm in inner:
                yield from self._arms(arm)
        else:
            yield node

    def _inside(self, node: Node, part: str) -> Node | None:
        """What stands in a node under a name or a number; empty where anything may, None where nothing can."""
        if node.get("type") == "array":
            if not part.isdecimal():
                return None
            first: list[Node] = node.get("prefixItems", [])
            if int(part) < len(first):
                return first[int(part)]
            return self._rest(node.get("items", not first))
        if node.get("type") == "object":
            found: Node | None = node.get("properties", {}).get(part)
            return (
                found if found is not None else self._rest(node.get("additionalProperties", "properties" not in node))
            )
        return None

    def _rest(self, rest: Node | bool) -> Node | None:
        return {} if rest is True else rest or None

    def _instead(self, path: Sequence[str], part: str) -> str:
        nodes = self.at(path) or []
        names = [name for node in nodes for name in node.get("properties", {})]
        where = f" in {'.'.join(path)!r}" if path else ""
        there = f"it has {', '.join(names)}" if names else f"it is of type {' or '.join(_kinds(nodes))}"
        return f"no result field {part!r}{where}; {there}"

    def _samples(self, node: Node) -> Iterator[Any]:
        if "const" in node or "enum" in node:
            yield from node.get("enum", [node.get("const")])
        elif node.get("type") == "array":
            items = node.get("items")
            inner = list(self._arms(items)) if isinstance(items, dict) else []
            of_items = self.samples(inner) if inner and all(map(_is_said, inner)) else []
            yield from ([item] for item in of_items) if of_items else [[]]
        elif node.get("type") in _SAMPLES:
            yield _SAMPLES[node["type"]]


def _is_said(node: Node) -> bool:
    """Whether a node says what may stand there."""
    return bool({"type", "const", "enum"} & set(node))


def _kinds(nodes: Sequence[Node]) -> list[str]:
    return list(dict.fromkeys(str(node.get("type", "choice")) for node in nodes))


@functools.lru_cache(maxsize=256)
def result_shape(model: type[BaseModel]) -> ResultShape:
    """The shape of the results that a model describes."""
    return ResultShape(model)
