"""What a model of parameters says of one beside its type: in `Annotated[float, Unit("Hz"), When(model="cnn1d")]`.

Each is written into the JSON schema of the model, where whoever makes a form of it finds it, in whatever language.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema

from pfd.schema.condition import Condition, plain

UNIT, GROUP, WHEN, NEEDED, DEFAULTS = "x-pfd-unit", "x-pfd-group", "x-pfd-when", "x-pfd-needed", "x-pfd-defaults"


RESPELT = "x-pfd-respelt"
"""The key of an alternative whose choices are others' in another writing, and that no form offers."""


class Mark:
    """Metadata of a field that is written into its JSON schema."""

    def written(self) -> dict[str, Any]:
        """The keys that are added to the schema of the field; what marks before it have written there stays."""
        raise NotImplementedError

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema: dict[str, Any] = handler(core_schema)
        own = self.written()
        for key, before in schema.items():
            if isinstance(before, dict) and isinstance(own.get(key), dict):
                own[key] = {**before, **own[key]}
            elif isinstance(before, list) and isinstance(own.get(key), list):
                own[key] = [*before, *own[key]]
        return {**schema, **own}


class Unit(Mark):
    """The unit of a number, or of the numbers in a list: `Unit("Hz")`, `Unit("rev/min")`."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol

    def written(self) -> dict[str, Any]:
        return {UNIT: self.symbol}


class Group(Mark):
    """What a parameter stands under in a form: `Group("signal")`.  Values are given as without it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def written(self) -> dict[str, Any]:
        return {GROUP: self.name}


class When(Mark):
    """A parameter applies only where others of the same model have certain values.

    As in `When(simulator="rotor")`, `When(kind=("pulses", "pulse_times"))` for either, `When(noise_layers="mains")` for
    a list that holds it, `When(name=None)` where it is left out.  All that is named has to hold; of several marks that
    name one parameter the last counts.
    """

    def __init__(self, /, **values: Any) -> None:
        self.condition = Condition.of(values)

    def written(self) -> dict[str, Any]:
        return {WHEN: self.condition.to_json()}


class Unless(When):
    """A parameter applies only where others of the same model have other values: `Unless(name=None)`, once it is given.

    Of several parameters none may have such a value.
    """

    def __init__(self, /, **values: Any) -> None:
        self.condition = Condition.of(values, negated=True)


class Needed(Mark):
    """A parameter that may be left out is required where others have certain values: `Needed(model="cnn1d")`."""

    def __init__(self, /, **values: Any) -> None:
        self.condition = Condition.of(values)

    def written(self) -> dict[str, Any]:
        return {NEEDED: self.condition.to_json()}


class DefaultWhen(Mark):
    """The default where others have certain values: `DefaultWhen(5.0, simulator="rotor")`.

    It stands in place of that of the field, and `with_defaults` fills it in.  Of several the first that applies counts.
    """

    def __init__(self, value: Any, /, **values: Any) -> None:
        self.value = value
        self.condition = Condition.of(values)

    def written(self) -> dict[str, Any]:
        return {DEFAULTS: [{"when": self.condition.to_json(), "value": plain(self.value)}]}


class OrNamed(Mark):
    """A parameter may also be given by one of certain names, which a validator of mode `before` turns into its value.

    As in `Annotated[Geometry | None, BeforeValidator(by_designation), OrNamed("6205", "NICE")]`.  `numbers` are
    integers that the validator takes for names as well, as 6205: the schema accepts them, a form offers names alone.
    """

    def __init__(self, *names: str, numbers: Collection[int] = ()) -> None:
        self.names, self.numbers = names, tuple(numbers)

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema: dict[str, Any] = handler(core_schema)
        named: list[dict[str, Any]] = [{"type": "string", "enum": list(self.names)}]
        if self.numbers:
            named.append({"type": "integer", "enum": list(self.numbers), RESPELT: True})
        if isinstance(arms := schema.get("anyOf"), list):
            return {**schema, "anyOf": [*arms[:1], *named, *arms[1:]]}
        marks = {key: value for key, value in schema.items() if key.startswith("x-pfd-")}
        return {"anyOf": [{key: value for key, value in schema.items() if key not in marks}, *named], **marks}
