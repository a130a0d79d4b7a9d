"""What of a model depends on values of its fields: which apply, what is required, what their defaults are."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pfd.schema.condition import Condition, same
from pfd.schema.document import Document, alternatives
from pfd.schema.marks import DEFAULTS, NEEDED, WHEN
from pfd.schema.node import Node, named_nodes, names, nodes, overlaid, types


@dataclass(frozen=True)
class DependentDefault:
    """The default of a field where a condition holds."""

    condition: Condition
    value: Any


def condition_of(node: Node) -> Condition:
    """Beside which values a field applies."""
    return Condition.from_json(node.get(WHEN))


def need_of(node: Node) -> Condition:
    """Beside which values a field is required that may be left out otherwise."""
    return Condition.from_json(node.get(NEEDED))


def defaults_of(node: Node) -> tuple[DependentDefault, ...]:
    """The defaults that a field has beside certain values."""
    found = ((Condition.from_json(one.get("when")), one.get("value")) for one in nodes(node, DEFAULTS))
    return tuple(DependentDefault(condition, value) for condition, value in found if condition)


def beside(document: Document, model: Node, given: Mapping[str, Any]) -> tuple[Node, dict[str, Any]]:
    """A model as it is beside what is given, and the value of each field then.

    What is left out counts as its default; what has to be given and is not has no value.
    """
    parts = {name: document.resolved(node) for name, node in named_nodes(model, "properties").items()}
    required = {*names(model, "required")}
    values = _values(parts, required, given)
    for case in alternatives(model):
        if _is_chosen(case, values):
            narrower = named_nodes(case, "properties")
            required |= {name for name in names(case, "required") if "const" not in narrower.get(name, {})}
            parts = dict(_narrowed(parts, narrower))
    kept = {name: node for name, node in parts.items() if condition_of(node).holds(values) is not False}
    required |= {name for name, node in kept.items() if (need := need_of(node)) and need.holds(values)}
    found = {name: _decided(node, values) for name, node in kept.items()}
    return {"properties": found, "required": [name for name in found if name in required]}, values


def deciding(document: Document, model: Node) -> tuple[str, ...]:
    """The fields on whose values anything depends in a model."""
    parts = [document.resolved(node) for node in named_nodes(model, "properties").values()]
    cases = [named_nodes(case, "properties") for case in alternatives(model)]
    found = [name for case in cases for name, node in case.items() if "const" in node]
    for node in parts:
        conditions = (condition_of(node), need_of(node), *(one.condition for one in defaults_of(node)))
        found += [name for condition in conditions for name in condition.names]
    return tuple(dict.fromkeys(found))


def _values(parts: Mapping[str, Node], required: Collection[str], given: Mapping[str, Any]) -> dict[str, Any]:
    usual = {name: node.get("default") for name, node in parts.items() if name not in required}
    values = {**usual, **given}
    for name, node in parts.items():
        if given.get(name) is None and (one := _holding(node, values)):
            values[name] = one.value
    return values


def _holding(node: Node, values: Mapping[str, Any]) -> DependentDefault | None:
    return next((one for one in defaults_of(node) if one.condition.holds(values)), None)


def _decided(node: Node, values: Mapping[str, Any]) -> Node:
    """A field with the default that it has, and no word on those that it might have."""
    one = _holding(node, values)
    plain = {key: value for key, value in node.items() if key not in (DEFAULTS, NEEDED)}
    return plain if one is None else {**plain, "default": one.value}


def _is_chosen(case: Node, values: Mapping[str, Any]) -> bool:
    """Whether values are those that one of the cases of a model is for."""
    said = {name: node["const"] for name, node in named_nodes(case, "properties").items() if "const" in node}
    return bool(said) and all(name in values and same(values[name], value) for name, value in said.items())


def _narrowed(parts: Mapping[str, Node], narrower: Mapping[str, Node]) -> Iterator[tuple[str, Node]]:
    """The fields that there are in a case, as they are then."""
    for name, node in parts.items():
        if name not in narrower or "const" in narrower[name]:
            yield name, node
        elif types(narrower[name]) != {"null"}:
            yield name, overlaid(node, narrower[name])
