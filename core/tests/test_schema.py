"""`pfd.schema`: what a model says of its parameters, as a form or a table reads it."""

from __future__ import annotations

import enum
import json
import math
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, WithJsonSchema, model_validator

from pfd import Params, Refers, Result
from pfd.schema import (
    Bounds,
    Choice,
    Choices,
    DefaultWhen,
    Group,
    Kind,
    Needed,
    OrNamed,
    Unit,
    Unless,
    When,
    allowed_in_words,
    cases,
    choices_of,
    condition_in_words,
    default_in_words,
    example,
    fields_of,
    json_schema,
    listed,
    mark_faults,
    misplaced,
    missing,
    samples,
    shape_of,
    text_of,
    type_in_words,
    value_of,
    with_defaults,
)
from pfd.schema import Field as SchemaField


def named(model: type[BaseModel], given: dict[str, Any] | None = None) -> dict[str, SchemaField]:
    return {field.path: field for field in listed(fields_of(model, given))}


# -- fields -----------------------------------------------------------------------------------------------------------


class Colour(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


class Inner(Params):
    hz: Annotated[float, Unit("Hz")] = Field(50.0, gt=0, le=100, description="its frequency")
    names: tuple[Annotated[str, Field(min_length=2)], ...] = ()


class Everything(Params):
    count: int = Field(ge=1, lt=10)
    mains: Annotated[Literal[50, 60], Unit("Hz"), Group("signal")] = 50
    colour: Colour = Colour.RED
    switch: bool = False
    path: Path | None = None
    nothing: int | None = None
    table: dict[str, int] = Field(default_factory=dict)
    inner: Inner = Inner()
    maybe: Inner | None = None
    several: tuple[Inner, ...] = ()
    pair: tuple[int, str] = (1, "a")
    dataset: Annotated[int | str, Refers("dataset")] = 1
    experiments: tuple[Annotated[int, Refers("experiment")], ...] = ()
    any: Any = None


def test_a_field_holds_all_that_its_model_says() -> None:
    found = named(Everything)
    count = found["count"]
    assert (count.name, count.kind, count.required, count.has_default) == ("count", Kind.INTEGER, True, False)
    assert count.bounds == Bounds(minimum=1, exclusive_maximum=10)
    mains = found["mains"]
    assert (mains.kind, mains.choices, mains.unit, mains.group, mains.default) == (
        Kind.CHOICE,
        (50, 60),
        "Hz",
        "signal",
        50,
    )
    assert (found["colour"].choices, found["colour"].default) == (("red", "blue"), "red")
    assert found["switch"].kind is Kind.BOOLEAN
    assert (found["path"].kind, found["path"].nullable, found["path"].has_default) == (Kind.PATH, True, True)
    assert (found["nothing"].required, found["nothing"].has_default, found["nothing"].default) == (False, True, None)
    assert (found["table"].kind, found["table"].has_default, found["table"].required) == (Kind.BY_NAME, False, False)
    assert (found["inner.hz"].unit, found["inner.hz"].description) == ("Hz", "its frequency")
    assert found["dataset"].reference == "dataset"
    assert (found["dataset"].kind, found["dataset"].shape.kinds) == (Kind.UNION, (Kind.INTEGER, Kind.TEXT))
    assert found["experiments"].reference == "experiment"
    assert found["any"].kind is Kind.ANYTHING


def test_groups_and_items_of_lists_are_fields_within_a_field() -> None:
    found = {field.name: field for field in fields_of(Everything)}
    assert [field.path for field in found["inner"].fields] == ["inner.hz", "inner.names"]
    assert (found["inner"].kind, found["maybe"].kind, found["maybe"].nullable) == (Kind.GROUP, Kind.GROUP, True)
    items = found["several"].items
    assert items is not None
    assert (items.path, items.kind) == ("several[]", Kind.GROUP)
    assert [field.path for field in items.fields] == ["several[].hz", "several[].names"]
    assert found["count"].fields == ()
    assert found["count"].items is None
    assert [shape.kind for shape in found["pair"].shape.places] == [Kind.INTEGER, Kind.TEXT]


def test_a_field_as_json_is_what_a_form_needs() -> None:
    found = json.loads(json.dumps([field.to_json() for field in listed(fields_of(Everything))]))
    assert found[1] == {
        "name": "mains",
        "path": "mains",
        "kind": "choice",
        "kinds": ["choice"],
        "required": False,
        "nullable": False,
        "default": 50,
        "choices": [50, 60],
        "unit": "Hz",
        "group": "signal",
    }


# -- what depends on values -------------------------------------------------------------------------------------------


def test_defaults_and_bounds_that_are_no_json_are_left_out() -> None:
    class Endless(Params):
        up: Annotated[float, DefaultWhen(-math.inf, kind="b")] = Field(math.inf, gt=-math.inf, le=math.inf)
        nothing: float = Field(math.nan, gt=0)
        kind: Literal["a", "b"] = "a"

    up, nothing, kind = told = [field.to_json() for field in fields_of(Endless)]
    json.dumps([told, json_schema(Endless)], allow_nan=False)
    assert ("default" in up, "bounds" in up, up["defaults"][0]["value"]) == (False, False, "-Infinity")
    assert ("default" in nothing, nothing["bounds"], nothing["required"]) == (False, {"exclusive_minimum": 0}, False)
    assert kind["default"] == "a"
    assert json_schema(Endless)["properties"]["up"]["type"] == "number"


class Motor(Params):
    kind: Literal["small", "large"] = "small"
    layers: tuple[Literal["a", "b"], ...] = ("a",)
    speed: Annotated[float, Unit("rev/min"), DefaultWhen(900.0, kind="large")] = 3000.0
    cooling: Annotated[str | None, When(kind="large"), DefaultWhen("air", kind="large")] = None
    fan: Annotated[int | None, When(kind="large"), Unless(cooling="air")] = None
    depth: Annotated[int, When(layers="b")] = 1
    serial: Annotated[int | None, Needed(kind=("large",))] = None

    @model_validator(mode="before")
    @classmethod
    def _usual(cls, given: Any) -> Any:
        return with_defaults(cls, given)

    @model_validator(mode="after")
    def _fits(self) -> Motor:
        for problem in (*misplaced(self), *missing(self)):
            raise ValueError(str(problem))
        return self


def test_all_fields_are_told_with_what_they_depend_on() -> None:
    found = named(Motor)
    assert condition_in_words(found["cooling"]) == "kind=large"
    assert condition_in_words(found["fan"]) == "cooling other than air and kind=large"
    assert default_in_words(found["speed"]) == "3000, or 900 where kind=large"
    assert default_in_words(found["serial"]) == "null, or required where kind=large"
    assert not found["speed"].condition
    assert found["cooling"].condition.holds({"kind": "large"}) is True
    assert found["cooling"].condition.holds({"kind": "small"}) is False
    assert found["cooling"].condition.holds({}) is None


@pytest.mark.parametrize(
    ("given", "there", "defaults"),
    [
        ({}, ["kind", "layers", "speed", "serial"], {"speed": 3000.0}),
        ({"kind": "large"}, ["kind", "layers", "speed", "cooling", "serial"], {"speed": 900.0, "cooling": "air"}),
        (
            {"kind": "large", "cooling": "water", "layers": ["a", "b"]},
            ["kind", "layers", "speed", "cooling", "fan", "depth", "serial"],
            {"depth": 1},
        ),
        ({"kind": 3, "no such": 4, "layers": None}, ["kind", "layers", "speed", "serial"], {"speed": 3000.0}),
    ],
)
def test_beside_what_is_given_only_what_applies_is_there_with_its_default_then(
    given: dict[str, Any], there: list[str], defaults: dict[str, Any]
) -> None:
    found = named(Motor, given)
    assert list(found) == there
    assert {name: found[name].default for name in defaults} == defaults
    assert found["serial"].required is (given.get("kind") == "large")
    assert not any(field.defaults or field.needed for field in found.values())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"cooling": "air"}, "cooling belongs to kind=large, but kind=small; leave it out"),
        (
            {"kind": "large", "serial": 1, "fan": 2},
            "fan belongs to cooling other than air, but cooling=air; leave it out",
        ),
        ({"depth": 2}, 'depth belongs to layers=b, but layers=["a"]; leave it out'),
        ({"kind": "large"}, "kind=large needs serial"),
    ],
)
def test_validators_refuse_by_the_marks(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said.replace("[", r"\[")):
        Motor(**given)


def test_what_is_needed_has_to_be_given_whatever_its_default_is() -> None:
    class Sender(Params):
        kind: Literal["none", "mail"] = "none"
        server: Annotated[str, Needed(kind="mail")] = ""
        to: Annotated[tuple[str, ...], Needed(kind="mail")] = ()

        @model_validator(mode="after")
        def _whole(self) -> Sender:
            if problems := [str(one) for one in missing(self)]:
                raise ValueError("; ".join(problems))
            return self

    assert [field.name for field in fields_of(Sender, {"kind": "mail"}) if field.required] == ["server", "to"]
    with pytest.raises(ValidationError, match="kind=mail needs server; kind=mail needs to"):
        Sender(kind="mail")
    assert Sender().server == ""
    given = Sender(kind="mail", server="", to=())
    assert Sender.model_validate(given.model_dump()) == given


def test_validators_fill_in_by_the_marks_and_what_they_have_filled_in_is_accepted() -> None:
    made = Motor.model_validate({"kind": "large", "serial": 1, "cooling": None})
    assert (made.speed, made.cooling) == (900.0, "air")
    assert Motor.model_validate(made.model_dump(mode="json")) == made
    assert Motor.model_validate({"kind": "large", "serial": 1, "speed": 1}).speed == 1
    assert with_defaults(Motor, "no mapping") == "no mapping"
    with pytest.raises(ValidationError):
        Motor.model_validate({"kind": "large", "serial": 1, "speed": None})


def test_the_first_of_several_dependent_defaults_counts() -> None:
    class Several(Params):
        a: int = 1
        b: int = 1
        c: Annotated[int, DefaultWhen(10, a=2), DefaultWhen(20, b=2)] = 0

    assert [one.value for one in named(Several)["c"].defaults] == [10, 20]
    assert with_defaults(Several, {"a": 2, "b": 2})["c"] == 10
    assert named(Several, {"a": 2, "b": 2})["c"].default == 10
    assert named(Several, {"b": 2})["c"].default == 20


class Forest(Params):
    model: Literal["forest"] = "forest"
    seed: int = 0
    trees: int = 200
    depth: int = 3


class Network(Params):
    model: Literal["network"] = "network"
    seed: int = 0
    epochs: Annotated[int, DefaultWhen(5, size="small")] = 20
    depth: Annotated[int, Field(ge=1)] = 5
    size: Literal["small", "large"] = "large"
    source: str


class Chosen(Params):
    training: Annotated[Forest | Network, Field(discriminator="model")]
    other: Annotated[Forest | Network | None, Field(discriminator="model")] = None


def test_the_models_of_a_union_are_listed_as_one_with_what_each_field_belongs_to() -> None:
    found = named(Chosen)
    training = [path for path in found if path.startswith("training.")]
    assert training == [f"training.{name}" for name in ("model", "seed", "trees", "depth", "epochs", "size", "source")]
    assert (found["training.model"].choices, found["training.model"].required) == (("forest", "network"), True)
    assert condition_in_words(found["training.trees"]) == "training.model=forest"
    assert condition_in_words(found["training.seed"]) == ""
    assert default_in_words(found["training.depth"]) == (
        "3 where training.model=forest, or 5 where training.model=network"
    )
    assert (found["other"].nullable, found["other"].kind) == (True, Kind.GROUP)


def test_of_a_union_the_fields_of_the_chosen_model_are_read_with_its_defaults() -> None:
    forest = named(Chosen, {"training": {"model": "forest"}})
    assert [path for path in forest if path.startswith("training.")] == [
        f"training.{name}" for name in ("model", "seed", "trees", "depth")
    ]
    assert forest["training.depth"].default == 3
    assert forest["training.model"].choices == ("forest", "network")
    network = named(Chosen, {"training": {"model": "network", "size": "small"}})
    assert (network["training.depth"].default, network["training.epochs"].default) == (5, 5)
    assert network["training.source"].required
    assert "training.trees" not in network
    assert example(Chosen) == {"training": {"model": "forest"}}


def test_models_of_which_none_is_said_to_be_chosen_are_listed_as_one() -> None:
    class Either(Params):
        one: Inner | Motor | int = 3

    found = named(Either)
    assert list(found) == ["one", *(f"one.{name}" for name in ("hz", "names", *Motor.model_fields))]
    assert found["one"].kind is Kind.UNION


def test_plain_json_schema_says_what_the_marks_say() -> None:
    class Plain(Motor):
        model_config = ConfigDict(json_schema_extra=cases("kind", {"large": {"layers": {"items": {"enum": ["b"]}}}}))

    small, large = json_schema(Plain)["anyOf"]
    assert small == {"properties": {"kind": {"const": "small"}, "cooling": {"type": "null"}, "fan": {"type": "null"}}}
    assert large["required"] == ["kind", "serial"]
    assert large["properties"]["serial"] == {"anyOf": [{"type": "integer"}]}
    layers = named(Plain, {"kind": "large"})["layers"].items
    assert layers is not None
    assert layers.choices == ("b",)
    assert list(named(Plain, {"kind": "large"})) == list(named(Motor, {"kind": "large"}))


def test_what_may_be_given_by_a_name_offers_the_names() -> None:
    class Named(Params):
        part: Annotated[Inner, Group("parts"), OrNamed("fast", "slow")] = Inner()
        maybe: Annotated[Inner | None, OrNamed("fast")] = None

    found = named(Named)
    assert (found["part"].choices, found["part"].group, found["part"].kind) == (("fast", "slow"), "parts", Kind.UNION)
    assert [field.path for field in found["part"].fields] == ["part.hz", "part.names"]
    assert (found["maybe"].choices, found["maybe"].nullable) == (("fast",), True)


def test_numbers_that_stand_for_names_fit_the_schema_and_are_offered_once() -> None:
    class Numbered(Params):
        part: Annotated[Inner | None, OrNamed("6205", "NICE", numbers=[6205])] = None

    [field] = fields_of(Numbered)
    assert field.choices == ("6205", "NICE")
    assert allowed_in_words(field.shape) == "6205, NICE"
    arms = json_schema(Numbered)["properties"]["part"]["anyOf"]
    assert [arm["enum"] for arm in arms if "enum" in arm] == [["6205", "NICE"], [6205]]
    assert value_of(field.shape, "6205") == "6205"
    assert samples(field.shape)[-2:] == ["NICE", 6205]


# -- marks that are wrong ---------------------------------------------------------------------------------------------


def test_wrong_marks_are_found_wherever_they_stand() -> None:
    class Wrong(Params):
        kind: Literal["a", "b"] = "a"
        first: Annotated[int, When(kid="a")] = 1
        second: Annotated[int, Unless(kind="c")] = 1
        third: Annotated[int, DefaultWhen("x", kind="b")] = 1

    class Holder(Params):
        inner: Wrong = Wrong()
        many: tuple[Wrong, ...] = ()

    found = [(fault.path, fault.problem) for fault in mark_faults(Holder)]
    for group in ("inner.", "many[]."):
        assert (f"{group}first", "applies where kid=a: there is no parameter 'kid' beside it") in found
        assert (f"{group}second", "applies where kind other than c: kind is never c") in found
    assert len([problem for _, problem in found if "would be refused" in problem]) == 2
    assert list(mark_faults(Motor)) == list(mark_faults(Chosen)) == list(mark_faults(Everything)) == []


def test_a_condition_on_a_default_that_no_form_can_see_is_found() -> None:
    class Made(Params):
        modes: tuple[str, ...] = Field(default_factory=lambda: ("fast",))
        asked: str = Field()
        level: Annotated[int, When(modes="fast")] = 1
        speed: Annotated[int, DefaultWhen(9, modes="fast")] = 2
        depth: Annotated[int | None, Needed(asked="x")] = None

    class Other(Params):
        kind: Literal["other"]

    class Asking(Params):
        kind: Literal["asking"]
        asked: str
        level: Annotated[int, When(asked="x")] = 1

    class Whole(Params):
        made: Made
        one: Annotated[Asking | Other, Field(discriminator="kind")]  # where nothing says that 'asked' is required

    assert [fault.path for fault in mark_faults(Whole)] == ["made.level", "made.speed"]
    [fault, _] = mark_faults(Made)
    assert fault.problem == "what modes is where it was left out, no form can tell: code makes its default"
    assert fault.hint == "give modes a default that is a plain value"


# -- typed text -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("mains", "50", 50),
        ("mains", "60", 60),
        ("colour", "blue", "blue"),
        ("switch", "yes", True),
        ("pair", "4,x", [4, "x"]),
        ("pair", "4,5", [4, "5"]),
        ("experiments", "1,2", [1, 2]),
        ("any", "[1, null]", [1, None]),
        ("any", "x", "x"),
        ("nothing", "null", None),
        ("maybe", "null", None),
    ],
)
def test_a_typed_text_stands_for_a_value_and_back(name: str, typed: str, value: Any) -> None:
    shape = shape_of(Everything).member(name)
    assert shape is not None
    assert value_of(shape, typed) == value
    assert type(value_of(shape, typed)) is type(value)
    assert value_of(shape, text_of(shape, value)) == value


def test_the_choices_of_true_and_false_are_typed_as_json_has_them() -> None:
    class Odd(Params):
        odd: Literal[True, "true", 1] = 1

    shape = shape_of(Odd).member("odd")
    assert shape is not None
    assert value_of(shape, "1") == 1
    assert value_of(shape, "true") is True


# -- models that are unlike others ------------------------------------------------------------------------------------


class Tree(Params):
    name: Annotated[str, Unit("leaf")] = "x"
    kids: tuple[Tree, ...] = ()
    left: Tree | None = None


Json = dict[str, "Json"] | list["Json"] | str | int | None


class Unlike(Params):
    tree: Tree = Tree()
    by_name: dict[str, Tree] = Field(default_factory=dict)
    nested: tuple[tuple[tuple[int, ...], ...], ...] = ()
    union: int | Annotated[str | Annotated[bool | None, Field()], Field()] = 1
    odd: Annotated[int, WithJsonSchema({"type": 5, "enum": "x", "anyOf": 3, "properties": []})] = 1
    foreign: int = Field(1, description="\x1b[31m red \u202e and \n more $x$ <b>")


def test_models_that_hold_themselves_are_read_to_an_end() -> None:
    found = named(Unlike)
    assert [path for path in found if path.startswith("tree")] == ["tree.name", "tree.kids", "tree.left"]
    tree = next(field for field in fields_of(Unlike) if field.name == "tree")
    for _ in range(5):
        tree = next(field for field in tree.fields if field.name == "left")
    assert tree.path == "tree.left.left.left.left.left"
    assert type_in_words(found["tree.kids"].shape) == "list of object"
    assert type_in_words(found["nested"].shape) == "list of list of list of integer"
    assert type_in_words(found["by_name"].shape) == "object by name"
    assert found["union"].shape.kinds == (Kind.INTEGER, Kind.TEXT, Kind.BOOLEAN, Kind.NULL)
    assert found["foreign"].description.startswith("\x1b[31m")
    assert example(Unlike) == {}
    within = ("name", "kids", "left")
    assert list(named(Tree)) == [
        *("name", "kids", *(f"kids[].{name}" for name in within)),
        *("left", *(f"left.{name}" for name in within)),
    ]


@pytest.mark.parametrize(
    "node",
    [
        {"type": "array", "items": {"$ref": "#/$defs/A"}},
        {"type": "array", "prefixItems": [{"$ref": "#/$defs/A"}] * 20},
        {"anyOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/A"}]},
        {"allOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/A"}]},
        {"type": "object", "additionalProperties": {"$ref": "#/$defs/A"}},
        {"$ref": "#/$defs/A"},
        {"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}, "required": ["a"]},
    ],
    ids=str,
)
def test_a_schema_that_refers_to_itself_is_read_to_an_end(node: dict[str, Any]) -> None:
    class Odd(Params):
        odd: Any

        @classmethod
        def model_json_schema(cls, *_: object, **__: object) -> dict[str, Any]:
            return {"type": "object", "properties": {"odd": node}, "required": ["odd"], "$defs": {"A": node}}

    [field, *_] = fields_of(Odd)
    said = (type_in_words(field.shape), allowed_in_words(field.shape), samples(field.shape), field.to_json())
    assert len(said) == 4
    assert len(list(listed(fields_of(Odd)))) < 10
    assert isinstance(example(Odd, lambda values: None), dict)
    assert text_of(field.shape, "a,b")


def test_a_model_whose_schema_cannot_be_made_has_what_can_be_told() -> None:
    class Holder:
        pass

    class Arbitrary(BaseModel):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        thing: Holder | None = Holder()
        number: int = 3

    class Raising(BaseModel):
        number: int = 3

        @classmethod
        def __get_pydantic_json_schema__(cls, core_schema: Any, handler: Any) -> dict[str, Any]:
            raise ZeroDivisionError

    class Astray(BaseModel):
        number: Annotated[int, WithJsonSchema({"$ref": "#/$defs/NotThere"})] = 1

    class Unknown(BaseModel):
        number: NoSuchType  # type: ignore[name-defined]  # noqa: F821

    assert [(field.name, field.kind) for field in fields_of(Arbitrary)] == [
        ("thing", Kind.ANYTHING),
        ("number", Kind.INTEGER),
    ]
    for model in (Raising, Astray, Unknown):
        assert [(field.name, field.kind) for field in fields_of(model)] == [("number", Kind.ANYTHING)]
        assert [fault.path for fault in mark_faults(model)] == [""]
    assert fields_of(Unknown)[0].required


def test_the_fields_of_a_result_are_those_that_are_stored() -> None:
    class Found(Result):
        when: Path
        share: float | None = None

    assert [field.name for field in fields_of(Found, mode="serialization")] == ["when", "share"]


# -- choices ----------------------------------------------------------------------------------------------------------


class Keeper:
    """Knows datasets."""

    def choices(self, kind: str, limit: int) -> Choices:
        names = {"dataset": {"first": "12 recordings", "7": "old"}, "experiment": {"3": "a forest"}}.get(kind, {})
        return Choices(dict(list(names.items())[:limit]))


def test_choices_are_values_of_the_type_that_the_field_asks_for() -> None:
    found = named(Everything)
    assert choices_of(found["mains"]) == (Choice(50, "50"), Choice(60, "60"))
    assert choices_of(found["dataset"]) == ()
    assert choices_of(found["dataset"], Keeper()) == (Choice("first", "first", "12 recordings"), Choice(7, "7", "old"))
    assert choices_of(found["dataset"], Keeper(), 1) == (Choice("first", "first", "12 recordings"),)
    assert choices_of(found["experiments"], Keeper()) == (Choice(3, "3", "a forest"),)
    assert choices_of(found["count"], Keeper()) == ()
