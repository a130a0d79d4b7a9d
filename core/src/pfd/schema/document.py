"""The JSON schema of a model, as one document with its definitions: what its references and alternatives stand for."""

from __future__ import annotations

import functools
import itertools
import logging
import math
from collections.abc import Iterator
from typing import Any, Literal, cast

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, JsonSchemaWarningKind
from pydantic_core import CoreSchema, PydanticSerializationError, core_schema

from pfd.schema.node import ANYTHING, Node, as_node, distinct, named_nodes, nodes, overlaid, text

log = logging.getLogger("pfd.schema")

Mode = Literal["validation", "serialization"]

MOST_ARMS = 1000
"""Alternatives that are looked at: nobody chooses among more."""


class _Lenient(GenerateJsonSchema):
    """What has no JSON schema may be anything; a default that is not JSON is left out without a warning."""

    def handle_invalid_for_json_schema(self, schema: CoreSchema, error_info: str) -> JsonSchemaValue:  # noqa: ARG002
        return {}

    def encode_default(self, dft: Any) -> Any:
        found = super().encode_default(dft)
        if isinstance(found, float) and not math.isfinite(found):
            raise PydanticSerializationError(f"{found} is not JSON")
        return found

    def float_schema(self, schema: core_schema.FloatSchema) -> JsonSchemaValue:
        """Without bounds that are infinite: they limit nothing, and JSON has no such number."""
        kept = {key: value for key, value in schema.items() if value not in (math.inf, -math.inf)}
        return super().float_schema(cast("core_schema.FloatSchema", kept))

    def emit_warning(self, kind: JsonSchemaWarningKind, detail: str) -> None:
        log.debug("%s: %s", kind, detail)


def json_schema(model: type[BaseModel], mode: Mode = "validation") -> dict[str, Any]:
    """The JSON schema of a model, as a new dict; what of it pydantic cannot make is a schema that everything fits."""
    try:
        return made_schema(model, mode)
    except Exception:  # names that are only known later, and code of plugins, which may raise anything
        log.debug("the schema of %s cannot be made", model.__name__, exc_info=True)
        return _names_alone(model)


def made_schema(model: type[BaseModel], mode: Mode = "validation") -> dict[str, Any]:
    """The JSON schema of a model; where a mark says infinity, or what is no number, it says so as a text.

    Raises whatever pydantic, or the model, makes of it.
    """
    found: dict[str, Any] = _finite(model.model_json_schema(mode=mode, schema_generator=_Lenient))
    return found


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _names_alone(model: type[BaseModel]) -> dict[str, Any]:
    """What a model says of its fields without their types."""
    found = model.model_fields
    properties = {name: {"description": field.description or ""} for name, field in found.items()}
    required = [name for name, field in found.items() if field.is_required()]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": True}


class Document:
    """A JSON schema with its definitions.  Nothing in it is followed without an end, whatever refers to what."""

    def __init__(self, root: Node) -> None:
        self._known = named_nodes(root, "$defs")
        self.root = self.resolved(root)

    def resolved(self, node: object) -> Node:
        """A node with what it refers to, and what it is all of (`allOf`), in its place."""
        return self._resolved(as_node(node), frozenset(), itertools.count())

    def _resolved(self, node: Node, seen: frozenset[str], parts: Iterator[int]) -> Node:
        if "$ref" in node:
            target = text(node, "$ref")
            # What stands beside the reference (a description, a default) says more than what it refers to.
            beside = {key: value for key, value in node.items() if key != "$ref"}
            if target in seen:
                return beside
            referred = self._known.get(target.rpartition("/")[2], ANYTHING)
            return {**self._resolved(referred, seen | {target}, parts), **beside}
        if "allOf" in node:
            merged: Node = {}
            for part in nodes(node, "allOf"):
                if next(parts) < MOST_ARMS:
                    merged = overlaid(merged, self._resolved(part, seen, parts))
            return overlaid(merged, {key: value for key, value in node.items() if key != "allOf"})
        return node

    def arms(self, node: object) -> list[Node]:
        """The alternatives of a node, each without any; itself where it has none.

        A model that has alternatives beside its fields (`cases`) is one.
        """
        return distinct(self._arms(as_node(node), set()))[:MOST_ARMS]

    def _arms(self, node: Node, seen: set[str]) -> Iterator[Node]:
        if "$ref" in node:
            if (target := text(node, "$ref")) in seen:
                return
            seen.add(target)
        found = self.resolved(node)
        inner = alternatives(found)
        if not inner or "properties" in found:
            yield found
        else:
            for one in inner[:MOST_ARMS]:
                yield from self._arms(one, seen)


def alternatives(node: Node) -> list[Node]:
    """The parts of a node of which one has to fit."""
    return nodes(node, "anyOf") or nodes(node, "oneOf")


@functools.lru_cache(maxsize=512)
def document_of(model: type[BaseModel], mode: Mode = "validation") -> Document:
    """The schema of a model, made once."""
    return Document(json_schema(model, mode))
