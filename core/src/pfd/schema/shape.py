"""What may stand at one place of parameters or of a result."""

from __future__ import annotations

import enum
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from pfd.schema.bounds import Bounds
from pfd.schema.document import Document, Mode, document_of
from pfd.schema.marks import RESPELT
from pfd.schema.node import (
    ANYTHING,
    Node,
    choices,
    element,
    member,
    named_nodes,
    nodes,
    others,
    rest,
    text,
    types,
)
from pfd.schema.union import discriminator, group


class Kind(enum.StrEnum):
    """What a value is.  BY_NAME is an object of any names; UNION is one of several kinds."""

    TEXT = "text"
    PATH = "path"
    TIME = "time"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    LIST = "list"
    GROUP = "group"
    BY_NAME = "by_name"
    NULL = "null"
    UNION = "union"
    ANYTHING = "anything"


_KINDS = {
    "string": Kind.TEXT,
    "integer": Kind.INTEGER,
    "number": Kind.NUMBER,
    "boolean": Kind.BOOLEAN,
    "array": Kind.LIST,
    "null": Kind.NULL,
}
_FORMATS = {"path": Kind.PATH, "date-time": Kind.TIME}


MOST_DIGITS = 10
"""Of the number of a place in a list."""


class Shape:
    """What may stand at one place: read when it is asked for, so that a model may hold itself."""

    def __init__(self, document: Document, node: object) -> None:
        self.document, self._node = document, node

    @functools.cached_property
    def node(self) -> Node:
        """Its JSON schema, with what this refers to in its place."""
        return self.document.resolved(self._node)

    @functools.cached_property
    def alternatives(self) -> tuple[Shape, ...]:
        """Of what one has to fit, null included; itself where there is but one."""
        found = self.document.arms(self._node)
        return tuple(Shape(self.document, arm) for arm in found) if len(found) > 1 else (self._only(found),)

    def _only(self, found: Sequence[Node]) -> Shape:
        return self if found and found[0] == self.node else Shape(self.document, found[0] if found else ANYTHING)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of its alternatives, without repetitions."""
        return tuple(dict.fromkeys(kind for one in self.alternatives for kind in _kinds(one.node)))

    @property
    def kind(self) -> Kind:
        """What a value is, where it is not null."""
        found = [kind for kind in self.kinds if kind is not Kind.NULL]
        return Kind.UNION if len(found) > 1 else found[0] if found else Kind.NULL

    @property
    def nullable(self) -> bool:
        """Whether null may stand there."""
        return not {Kind.NULL, Kind.ANYTHING}.isdisjoint(self.kinds) or None in self.choices

    @property
    def types(self) -> frozenset[str]:
        """The JSON types of values that may stand there; none where any may."""
        return types(self.node)

    @property
    def format(self) -> str:
        """How a text is written: `path`, `date-time`, `uuid` …; empty where that is not said."""
        return text(self.node, "format")

    @functools.cached_property
    def choices(self) -> tuple[Any, ...]:
        """The values that may be chosen, as JSON has them, each in one writing."""
        nodes_of = [one.node for one in self.alternatives]
        offered = [node for node in nodes_of if RESPELT not in node] or nodes_of
        return tuple(choice for node in offered for choice in choices(node))

    @functools.cached_property
    def bounds(self) -> Bounds:
        """Those of its only kind beside null; of several kinds, those of each are with the alternative."""
        found = [one for one in self.alternatives if one.types != {"null"}]
        return Bounds.of(found[0].node) if len(found) == 1 else Bounds()

    @property
    def places(self) -> tuple[Shape, ...]:
        """What stands at the first places of a list, each of its kind."""
        return tuple(self._at(one) for arm in self.alternatives for one in nodes(arm.node, "prefixItems"))

    @property
    def items(self) -> Shape | None:
        """What stands in a list, behind its first places; None where it is no list, or has no more."""
        for one in self.alternatives:
            if "array" in one.types and (found := rest(one.node, "items", otherwise=not one.places)) is not None:
                return self._at(found)
        return None

    @property
    def values(self) -> Shape | None:
        """What stands under each name of an object of any names; None where it is none."""
        for one in self.alternatives:
            if "object" in one.types and (found := others(one.node)) is not None:
                return self._at(found)
        return None

    def group(self, given: Mapping[str, Any] | None = None) -> Node | None:
        """The schema of the model that stands there, as one; None where there is none."""
        return group(self.document, self._node, given)

    def member(self, name: str) -> Shape | None:
        """What stands under a name of an object; None where nothing can."""
        return self._any(member(arm.node, name) for arm in self.alternatives)

    def element(self, place: int) -> Shape | None:
        """What stands at a place of a list; None where nothing can."""
        return self._any(element(arm.node, place) for arm in self.alternatives)

    def inside(self, part: str) -> Shape | None:
        """What stands under a name, or at the place in a list that a number names; None where nothing can."""
        found = [member(arm.node, part) for arm in self.alternatives]
        if part.isdecimal() and len(part) < MOST_DIGITS:
            found += [element(arm.node, int(part)) for arm in self.alternatives]
        return self._any(found)

    def _any(self, inner: Iterable[Node | None]) -> Shape | None:
        found = [node for node in inner if node is not None]
        if not found:
            return None
        return self._at(found[0]) if len(found) == 1 else self._at({"anyOf": found})

    def _at(self, node: Node) -> Shape:
        return Shape(self.document, node)

    @staticmethod
    def anything() -> Shape:
        """The shape of what nothing is said of."""
        return Shape(Document(ANYTHING), ANYTHING)

    @property
    def is_said(self) -> bool:
        """Whether anything is said of what may stand there, whichever alternative it is."""
        return Kind.ANYTHING not in self.kinds

    @property
    def discriminator(self) -> str:
        """The field that says which of several models is given; empty where none does."""
        return discriminator(self.document, self._node)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the fields of all models that may stand there."""
        return tuple(dict.fromkeys(name for one in self.alternatives for name in named_nodes(one.node, "properties")))

    def __repr__(self) -> str:
        return f"<Shape of {' or '.join(self.kinds)}>"


def _kinds(node: Node) -> Iterator[Kind]:
    """The kinds of a node without alternatives."""
    if choices(node):
        yield Kind.NULL if choices(node) == (None,) else Kind.CHOICE
        return
    for kind in sorted(types(node)) or [""]:
        if kind == "object":
            yield Kind.GROUP if named_nodes(node, "properties") else Kind.BY_NAME
        elif kind == "string":
            yield _FORMATS.get(text(node, "format"), Kind.TEXT)
        else:
            yield _KINDS.get(kind, Kind.ANYTHING)


def shape_of(model: type[BaseModel], mode: Mode = "validation") -> Shape:
    """What a model accepts, or (`mode="serialization"`) what becomes of it as JSON."""
    document = document_of(model, mode)
    return Shape(document, document.root)
