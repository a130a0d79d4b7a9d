"""Several models of which one is given: as one model, whose fields apply under the condition that theirs is chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pfd.schema.condition import Condition, same
from pfd.schema.document import Document, alternatives
from pfd.schema.marks import DEFAULTS, WHEN
from pfd.schema.node import ANYTHING, Node, as_node, choices, distinct, named_nodes, names, overlaid, text


def group(document: Document, node: object, given: Mapping[str, Any] | None = None) -> Node | None:
    """The model behind a node, as one: of several, that which is chosen by what is given.

    Where that is not said, a field of any of them is one, under the condition that such a one is chosen.  None where
    there is no model behind it.
    """
    models = [arm for arm in document.arms(node) if named_nodes(arm, "properties")]
    if len(models) < 2:
        return models[0] if models else None
    return _Union(document, models, discriminator(document, node)).as_one(given or {})


def discriminator(document: Document, node: object) -> str:
    """The field that says which of several models is given; empty where none does."""
    found = document.resolved(node)
    each = [found, *map(document.resolved, alternatives(found))]
    named = next(filter(None, (text(as_node(one.get("discriminator")), "propertyName") for one in each)), "")
    return named if any(named in named_nodes(arm, "properties") for arm in document.arms(node)) else ""


class _Union:
    """Several models, and the field `by` that says which of them is given."""

    def __init__(self, document: Document, models: Sequence[Node], by: str) -> None:
        self._document, self._models, self._by = document, models, by

    def as_one(self, given: Mapping[str, Any]) -> Node:
        if not self._by:
            return self._merged(self._models)
        chosen = [model for model in self._models if any(same(tag, given.get(self._by)) for tag in self._tags(model))]
        found = chosen[0] if chosen else self._merged(self._models)
        # Which one it is has to be said, and can be said otherwise.
        by = {self._by: self._any_of(self._kinds(self._by))}
        fields = {name: node for name, node in named_nodes(found, "properties").items() if name != self._by}
        return {**overlaid(found, {"required": [self._by]}), "properties": {**by, **fields}}

    def _tags(self, model: Node) -> tuple[Any, ...]:
        arms = self._document.arms(named_nodes(model, "properties").get(self._by, ANYTHING))
        return tuple(tag for arm in arms for tag in choices(arm))

    def _having(self, name: str) -> list[tuple[Node, Node]]:
        """The models with a field, and what this is in each."""
        found = ((model, named_nodes(model, "properties")) for model in self._models)
        return [(model, fields[name]) for model, fields in found if name in fields]

    def _kinds(self, name: str) -> list[Node]:
        """What a field is in the models, its default aside."""
        having = self._having(name)
        return distinct({key: value for key, value in node.items() if key != "default"} for _, node in having)

    def _merged(self, models: Sequence[Node]) -> Node:
        """One model with the fields of several, those of one name as one."""
        order = dict.fromkeys(name for model in models for name in named_nodes(model, "properties"))
        required = [name for name in order if all(name in names(model, "required") for model in models)]
        return {"type": "object", "properties": {name: self._one_of(name) for name in order}, "required": required}

    def _one_of(self, name: str) -> Node:
        having, kinds = self._having(name), self._kinds(name)
        node = dict(kinds[0]) if len(kinds) == 1 else self._any_of(kinds)
        if self._by and len(having) < len(self._models):
            tags = tuple(tag for model, _ in having for tag in self._tags(model))
            node[WHEN] = {**as_node(node.get(WHEN)), **Condition.of({self._by: tags}).to_json()}
        defaults = [(self._tags(model), field["default"]) for model, field in having if "default" in field]
        if len(defaults) == len(having) and all(same(value, defaults[0][1]) for _, value in defaults):
            node["default"] = defaults[0][1]
        elif self._by and defaults:
            node[DEFAULTS] = [
                {"when": Condition.of({self._by: tags}).to_json(), "value": value} for tags, value in defaults
            ]
        return node

    def _any_of(self, kinds: Sequence[Node]) -> dict[str, Any]:
        """A node of several: what they say of themselves is that of the first which does."""
        beside = [key for kind in kinds for key in kind if key == "description" or key.startswith("x-pfd-")]
        said = {key: next(kind[key] for kind in kinds if key in kind) for key in beside}
        return {"anyOf": [{key: value for key, value in kind.items() if key not in said} for kind in kinds], **said}
