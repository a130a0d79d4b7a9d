"""One parameter of a task, or one field of its result, as a table or a form shows it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from pfd.references import KEY
from pfd.schema.bounds import Bounds
from pfd.schema.condition import Condition
from pfd.schema.dependence import DependentDefault, beside, condition_of, defaults_of, need_of
from pfd.schema.document import Mode
from pfd.schema.marks import GROUP, UNIT
from pfd.schema.node import Node, named_nodes, names, text
from pfd.schema.shape import Kind, Shape, shape_of

LEVELS = 3
"""Groups within groups are listed so deep."""


@dataclass(frozen=True)
class Field:
    """A field, with all that its model says of it.

    Parameters
    ----------
    name, path : its name; and with those of the groups that it stands in, as `split.name`, of objects in a list as
        `channels[].sensor`.
    kind : what its value is, where it is not null (`nullable`).
    required : whether it has to be given.
    default : its default as JSON, where it `has_default`; otherwise None, as where code makes a new one each time.
    choices : the values that may be chosen, as JSON has them: integers stay integers.  Where `kind` is CHOICE there are
        no others.
    bounds : limits of a number or a length; of several kinds (UNION), those of each are in `shape`.
    unit, group, description : what it is measured in, what it stands under in a form, what it means.
    reference : what kind of things it names, such as datasets: `Dispatcher.choices` gives those that are there.
    condition : beside which values of other fields of its group it applies; false where it always does.
    needed : beside which it is required, although it has a default.
    defaults : defaults that it has beside certain values, in place of `default`: the first whose condition holds.
    shape : what may stand there, as deep as it is asked for.
    """

    name: str
    path: str
    kind: Kind
    required: bool = False
    has_default: bool = False
    default: Any = None
    nullable: bool = False
    choices: tuple[Any, ...] = ()
    bounds: Bounds = dataclasses.field(default_factory=Bounds)
    unit: str = ""
    group: str = ""
    description: str = ""
    reference: str = ""
    condition: Condition = dataclasses.field(default_factory=Condition)
    needed: Condition = dataclasses.field(default_factory=Condition)
    defaults: tuple[DependentDefault, ...] = ()
    shape: Shape = dataclasses.field(kw_only=True, repr=False, compare=False)
    given: Mapping[str, Any] | None = dataclasses.field(default=None, kw_only=True, repr=False, compare=False)

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields of the group that it is; none where it is none."""
        return fields_within(self.shape, self.given, f"{self.path}.")

    @property
    def items(self) -> Field | None:
        """What stands in the list that it is, as a field without a name; None where it is none."""
        shape = self.shape.items
        given = None if self.given is None else dict[str, Any]()
        return None if shape is None else _field(shape, "", f"{self.path}[]", True, given)

    def to_json(self) -> dict[str, Any]:
        """All that is said of it, for a form in whatever language; conditions as in the schema."""
        said_bounds = vars(self.bounds).items()
        bounds = {key: value for key, value in said_bounds if value or (value == 0 and value is not False)}
        said = {
            "bounds": bounds,
            "choices": list(self.choices),
            "unit": self.unit,
            "group": self.group,
            "description": self.description,
            "reference": self.reference,
            "when": self.condition.to_json(),
            "needed": self.needed.to_json(),
            "defaults": [{"when": one.condition.to_json(), "value": one.value} for one in self.defaults],
        }
        kinds = [str(kind) for kind in self.shape.kinds]
        first = {"name": self.name, "path": self.path, "kind": str(self.kind), "kinds": kinds}
        default = {"default": self.default} if self.has_default else {}
        told = {key: value for key, value in said.items() if value}
        return {**first, "required": self.required, "nullable": self.nullable, **default, **told}


def fields_of(
    model: type[BaseModel], given: Mapping[str, Any] | None = None, *, mode: Mode = "validation"
) -> tuple[Field, ...]:
    """The parameters that a model declares; with `given`, those that apply beside these values.

    `fields_of(TrainModelParams, {"model": "cnn1d"})` are those of `cnn1d`, each with the default that it has then.
    What is left out of `given` counts as its default.  A group is one field, which has `fields`.
    """
    return fields_within(shape_of(model, mode), given)


def fields_within(shape: Shape, given: Mapping[str, Any] | None = None, prefix: str = "") -> tuple[Field, ...]:
    """The fields of the model that stands at one place; none where there is none.

    Parameters
    ----------
    given : values by name, nested as parameters are.
    prefix : what stands before their names in their paths.
    """
    model = shape.group(given)
    if model is None:
        return ()
    values: Mapping[str, Any] = {}
    if given is not None:
        model, values = beside(shape.document, model, given)
    required = {*names(model, "required")}
    found = []
    for name, node in named_nodes(model, "properties").items():
        inner = values.get(name)
        own = None if given is None else inner if isinstance(inner, Mapping) else {}
        found.append(_field(Shape(shape.document, node), name, prefix + name, name in required, own))
    return tuple(found)


def listed(found: Iterable[Field], above: tuple[Node, ...] = ()) -> Iterator[Field]:
    """Fields in a row, each once: those of a group in its place, those of objects in a list behind it.

    A group that can be left out, or be given otherwise, is listed itself as well.  Groups within groups are listed
    `LEVELS` deep, and none within itself.
    """
    for field in found:
        items = field.items
        inner = field if items is None else items
        model = inner.shape.group(inner.given)
        is_open = model is not None and len(above) < LEVELS and model["properties"] not in above
        if not is_open or items is not None or field.nullable or field.kind is Kind.UNION:
            yield field
        if is_open and model is not None:
            yield from listed(inner.fields, (*above, model["properties"]))


def _field(shape: Shape, name: str, path: str, required: bool, given: Mapping[str, Any] | None) -> Field:
    node = shape.node
    return Field(
        name=name,
        path=path,
        kind=shape.kind,
        required=required,
        has_default="default" in node and not required,
        default=None if required else node.get("default"),
        nullable=shape.nullable,
        choices=tuple(choice for choice in shape.choices if choice is not None),
        bounds=shape.bounds,
        unit=_mark(shape, UNIT),
        group=text(node, GROUP),
        description=text(node, "description"),
        reference=_mark(shape, KEY),
        condition=condition_of(node),
        needed=need_of(node),
        defaults=defaults_of(node),
        shape=shape,
        given=given,
    )


def _mark(shape: Shape, key: str) -> str:
    """A mark of a field, or of what may stand in it, or in the list that it is."""
    inner = [shape, *shape.alternatives]
    inner += [one for each in (shape.items, *shape.places) if each is not None for one in (each, *each.alternatives)]
    return next(filter(None, (text(one.node, key) for one in inner)), "")
