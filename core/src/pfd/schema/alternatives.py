"""What the marks of a model say, in plain JSON schema: for those who read no more than that, such as generators."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pfd.schema.condition import Condition, plain, same
from pfd.schema.document import alternatives
from pfd.schema.marks import NEEDED, WHEN
from pfd.schema.node import Node, choices, named_nodes, overlaid, types

Extra = Callable[[dict[str, Any]], None]


def cases(parameter: str, narrower: Mapping[Any, Mapping[str, Any]] | None = None, *, refused: bool = True) -> Extra:
    """The `json_schema_extra` of a model in which much depends on one parameter, such as which model is trained.

    Writes one alternative (`anyOf`) for each of its choices: a field that does not apply then is null, one that is
    needed then is required.  `ConfigDict(json_schema_extra=cases("simulator"))`.

    Parameters
    ----------
    parameter : one with choices.
    narrower : schemas of fields by name, for each choice that allows less of them than the others do.
    refused : whether the model refuses what does not apply; otherwise it may be given.
    """

    def extra(schema: dict[str, Any]) -> None:
        parts = named_nodes(schema, "properties")
        chosen = parts.get(parameter, {})
        schema["anyOf"] = [
            _case(
                parameter,
                choice,
                parts,
                (narrower or {}).get(choice, {}),
                usual=chosen.get("default", ...),
                refused=refused,
            )
            for choice in choices(chosen)
        ]

    return extra


def _case(
    parameter: str, choice: Any, parts: Mapping[str, Node], narrower: Mapping[str, Any], usual: Any, refused: bool
) -> Node:
    values = {parameter: choice}
    properties: dict[str, Any] = {parameter: {"const": plain(choice)}}
    required = [] if same(usual, choice) else [parameter]
    for name, node in parts.items():
        if refused and Condition.from_json(node.get(WHEN)).holds(values) is False and _can_be_null(node):
            properties[name] = {"type": "null"}
        elif (needed := Condition.from_json(node.get(NEEDED))) and needed.holds(values):
            properties[name] = {"anyOf": [copy.deepcopy(one) for one in _not_null(node)]}
            required.append(name)
    properties = {name: overlaid(properties.get(name, {}), node) for name, node in narrower.items()} | {
        name: node for name, node in properties.items() if name not in narrower
    }
    return {"properties": properties} | ({"required": required} if required else {})


def _can_be_null(node: Node) -> bool:
    return any(types(one) == {"null"} for one in alternatives(node))


def _not_null(node: Node) -> Iterator[Node]:
    return (one for one in alternatives(node) or [node] if types(one) != {"null"})
