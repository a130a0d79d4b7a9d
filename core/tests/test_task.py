"""Declaring tasks, and handing them parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pytest
from annotated_types import MaxLen, MinLen
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, RootModel, model_validator

from pfd import ParameterError, Params, PluginError, Ref, Result, Task, UserPath
from pfd.patterns import in_words
from pfd.plugins import Registry
from pfd.task import PathPolicy


class Empty(Params):
    pass


class Choosy(Params):
    device: Literal["cpu", "cuda"] = "cpu"
    model: str = "small"


class Fine(Result):
    text: str = ""


def declare(**changes: Any) -> Task:
    declared: dict[str, Any] = {"name": "good", "run": "package.module:function", "params": Empty, "result": Fine}
    return Task(**{**declared, **changes})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "Bad-Name"}, "lower-case"),
        ({"name": "good\n"}, "lower-case"),
        ({"name": ""}, "lower-case"),
        ({"run": "package.module"}, "package.module:function"),
        ({"run": "package.module:"}, "package.module:function"),
        ({"queue": "Not A Queue"}, "queue="),
        ({"isolation": "thread"}, "'process' or 'inline'"),
        ({"params": dict}, "not a pydantic model"),
        ({"result": int}, "not a pydantic model"),
        ({"result": RootModel[list[int]]}, "RootModel"),
        ({"max_attempts": 0}, "less than 1"),
        ({"max_attempts": 2}, "retry_on"),
        ({"backoff": -1.0}, "backoff=-1.0 is not a number of seconds"),
        ({"backoff_max": float("nan")}, "backoff_max=nan is not a number of seconds"),
        ({"time_limit": float("nan")}, "time_limit=nan is not a positive number"),
        ({"preload": "torch"}, "preload='torch' is not a tuple of names"),
        ({"retry_on": OSError}, "is not a tuple of exceptions or names"),
        ({"retry_on": (int,)}, "retry_on: int is not an exception"),
        ({"retry_on": ("OSError",)}, "retry_on: 'OSError' is not of the form"),
        ({"isolation": "inline", "time_limit": 1.0, "coordinator": True}, "coordinator need isolation='process'"),
        ({"time_limit": 0.0}, "not a positive number"),
        ({"soft_time_limit": -1.0}, "not a positive number"),
        ({"memory_limit": 0}, "not a positive number"),
        ({"soft_time_limit": 2.0, "time_limit": 1.0}, "larger than time_limit"),
        ({"isolation": "inline"}, "time_limit of at most 15"),
        ({"isolation": "inline", "time_limit": 60.0}, "time_limit of at most 15"),
        ({"isolation": "inline", "time_limit": 5.0, "memory_limit": 1}, "need isolation='process'"),
        ({"isolation": "inline", "time_limit": 5.0, "gpu": True}, "need isolation='process'"),
        ({"gpu": True, "coordinator": True}, "a coordinator holds no slot, and so no gpu"),
        ({"gpu": "cuda"}, "gpu='cuda' is neither True nor False"),
        ({"gpu": {}}, "gpu={} is neither True nor False"),
        ({"params": Choosy, "gpu": {"devise": "cuda"}}, "there is no parameter 'devise'"),
        ({"params": Choosy, "gpu": {"device": "gpu"}}, "the parameter 'device' never has this value"),
        ({"isolation": "inline", "time_limit": 5.0, "preload": ("json",)}, "need isolation='process'"),
    ],
)
def test_a_bad_declaration_is_refused_and_says_why(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(PluginError) as caught:
        declare(**changes)
    assert said in str(caught.value)
    assert repr(changes.get("name", "good")) in str(caught.value)


@pytest.mark.parametrize(
    ("gpu", "params", "wants"),
    [
        (False, {"device": "cuda"}, False),
        (True, {"device": "cpu"}, True),
        ({"device": "cuda"}, {"device": "cpu"}, False),
        ({"device": "cuda"}, {"device": "cuda"}, True),
        ({"device": "cuda"}, {}, False),
        ({"device": "cuda", "model": "large"}, {"device": "cuda"}, False),
        ({"device": "cuda", "model": "large"}, {"device": "cuda", "model": "large"}, True),
    ],
)
def test_a_job_wants_a_gpu_slot_where_its_task_or_all_of_the_named_parameters_say_so(
    gpu: bool | dict[str, str], params: dict[str, str], wants: bool
) -> None:
    assert declare(params=Choosy, gpu=gpu).wants_gpu(params) is wants


class _Inner(BaseModel):
    value: float


@pytest.mark.parametrize(
    "kind",
    [
        float,
        list[float],
        dict[str, float],
        tuple[int, float],
        list[dict[str, list[float]]],
        _Inner,
        list[_Inner],
        _Inner | None,
        bytes,
        bytearray,
        complex,
        Annotated[float, Field(ge=0)],
        Literal["a"] | bytes,
    ],
)
def test_a_result_field_that_json_cannot_hold_is_refused(kind: Any) -> None:
    model = type("Refused", (Result,), {"__annotations__": {"field": kind}, "__module__": __name__})
    with pytest.raises(PluginError, match="result field field"):
        declare(result=model)


@pytest.mark.parametrize(
    "kind",
    [
        int,
        str,
        bool,
        float | None,
        list[float | None],
        FiniteFloat,
        dict[str, FiniteFloat],
        Annotated[float, Field(allow_inf_nan=False)],
        Annotated[float | None, Field(ge=0)],
        Literal["a", "b"],
        list[tuple[str, int]],
        Any,
    ],
)
def test_a_result_field_that_json_can_hold_is_accepted(kind: Any) -> None:
    model = type("Accepted", (Result,), {"__annotations__": {"field": kind}, "__module__": __name__})
    assert declare(result=model).result is model


class _Node(Result):
    name: str
    children: tuple[_Node, ...] = ()


def test_a_result_that_refers_to_itself_is_accepted() -> None:
    assert declare(result=_Node).result is _Node


def test_a_function_that_does_not_exist_is_named_when_it_is_loaded() -> None:
    for run in ("no_such_package.tasks:work", "pfd_sample.tasks:no_such_function", "pfd_sample.plugin:TASKS"):
        with pytest.raises(PluginError, match=run):
            declare(run=run).load()


def test_a_task_is_loaded_where_it_runs_and_not_where_it_is_declared() -> None:
    task = declare(run="no_such_package_anywhere.tasks:work")
    assert task.run.startswith("no_such_package_anywhere")


class Bounded(Params):
    rpm: Annotated[tuple[Annotated[float, Field(le=30000)], ...], MinLen(1)] = (1.0,)
    name: str = Field(default="a", pattern="^[A-Za-z][A-Za-z0-9_.-]{0,63}$")
    odd: str = Field(default="a", pattern="a|b")
    pair: Annotated[list[int], MaxLen(2)] = Field(default_factory=list)
    inner: Choosy | None = None

    @model_validator(mode="after")
    def _together(self) -> Self:
        if self.name == self.odd == "b":
            raise ValueError("name=b and odd=b say the same")
        return self


@pytest.mark.parametrize(
    ("given", "problems"),
    [
        ({"rpm": [90000]}, ["rpm.0=90000: input should be less than or equal to 30000"]),
        ({"rpm": []}, ["rpm=[]: should have 1 or more items, has 0"]),
        ({"rpm": 5}, ["rpm=5: should be a list"]),
        (
            {"name": "1/2", "odd": "c"},
            [
                "name='1/2': should be a letter, then at most 63 of letters, digits, '_', '.', '-'",
                "odd='c': should match a|b",
            ],
        ),
        ({"pair": [1, 2, 3]}, ["pair=[1, 2, 3]: should have at most 2 items, has 3"]),
        ({"inner": 3}, ["inner=3: should be an object of names and values"]),
        ({"name": "b", "odd": "b"}, ["name=b and odd=b say the same"]),
    ],
)
def test_a_refusal_is_said_without_the_words_of_pydantic(given: dict[str, Any], problems: list[str]) -> None:
    with pytest.raises(ParameterError) as caught:
        declare(params=Bounded).validate(given)
    assert list(caught.value.problems) == problems


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("^[a-z]+$", "one or more of small letters"),
        ("^[0-9]{4}$", "4 of digits"),
        ("^[A-Z]{2,}[x-z]{1,3}$", "2 or more of capital letters, then 1 to 3 of 'x' to 'z'"),
        (r"^[.\-]?[0-9]*$", "at most one of '.', '-', then any number of digits"),
        ("[a-z]", None),
        ("^[^a]$", None),
        (r"^[\w.]+$", None),
        ("^(a|b)$", None),
        ("^$", None),
    ],
)
def test_a_plain_pattern_is_put_into_words(pattern: str, words: str | None) -> None:
    assert in_words(pattern) == words


def test_each_wrong_parameter_is_named_with_its_value_and_what_is_allowed(registry: Registry) -> None:
    with pytest.raises(ParameterError) as caught:
        registry.task("add").validate({"a": 1001, "b": "x", "c": 3})
    assert caught.value.problems == (
        "a=1001: input should be less than or equal to 1000",
        "b='x': input should be a valid integer, unable to parse string as an integer",
        "c: is not a parameter of this task",
    )
    with pytest.raises(ParameterError) as caught:
        registry.task("add").validate({})
    assert caught.value.problems == ("a: is required",)
    assert "pfd tasks show add" in (caught.value.hint or "")


def test_a_long_value_is_cut_in_the_error(registry: Registry) -> None:
    with pytest.raises(ParameterError) as caught:
        registry.task("add").validate({"a": "x" * 10_000})
    assert len(str(caught.value)) < 300


def test_not_a_number_is_no_parameter(registry: Registry) -> None:
    for value in (float("nan"), float("inf")):
        with pytest.raises(ParameterError, match="seconds"):
            registry.task("nap").validate({"seconds": value})


def test_delay_takes_a_mapping_or_values_in_declared_order_or_by_name(registry: Registry) -> None:
    add = registry.task("add")
    assert add.bind({"a": 1, "b": 2}) == {"a": 1, "b": 2}
    assert add.bind(add.params(a=1, b=2)) == {"a": 1, "b": 2}
    assert add.bind(1, 2) == {"a": 1, "b": 2}
    assert add.bind(1, b=2) == {"a": 1, "b": 2}
    assert add.bind(b=2) == {"b": 2}
    assert add.bind() == {}


def test_delay_refuses_too_many_values_and_values_given_twice(registry: Registry) -> None:
    with pytest.raises(ParameterError, match="at most 2 parameters, was given 3"):
        registry.task("add").bind(1, 2, 3)
    with pytest.raises(ParameterError, match="a given twice"):
        registry.task("add").bind(1, a=2)


def test_delay_and_apply_async_submit_through_the_default_dispatcher(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PFD_RUNTIME", "eager")
    add = registry.task("add")
    assert add.delay(1, 2).get() == {"value": 3}
    assert add.delay({"a": 4}).get() == {"value": 5}
    assert add.apply_async((1,), {"b": 5}, tags=["sum"]).job.tags == ("sum",)


def test_parameters_are_frozen() -> None:
    class Frozen(Params):
        value: int = 1

    with pytest.raises(ValueError, match="frozen"):
        Frozen().value = 2  # type: ignore[misc]


class WithPath(Params):
    path: UserPath
    more: tuple[UserPath, ...] = ()


class Unconfined(BaseModel):
    model_config = ConfigDict(extra="forbid")


def check(path: object, *roots: Path, trusted: bool = False) -> tuple[BaseModel, PathPolicy]:
    policy = PathPolicy(roots, trusted=trusted)
    return declare(params=WithPath).validate({"path": path}, policy), policy


def test_a_user_path_is_made_absolute_and_may_lie_in_an_allowed_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    for given in ("data/file", tmp_path / "data" / "file", "data/../data/./file"):
        checked, policy = check(given, tmp_path / "data")
        assert checked.model_dump()["path"] == tmp_path.resolve() / "data" / "file"
        assert policy.used == [tmp_path.resolve() / "data"]


def test_a_user_path_outside_the_allowed_roots_is_refused(tmp_path: Path) -> None:
    inside = tmp_path / "in"
    inside.mkdir()
    (inside / "link").symlink_to(tmp_path / "out")
    for given in (tmp_path / "out", inside / ".." / "out", inside / "link", tmp_path / "inside", "/etc/passwd"):
        with pytest.raises(ParameterError, match="outside the allowed folders"):
            check(given, inside)


def test_a_user_path_that_leads_nowhere_is_a_parameter_error(tmp_path: Path) -> None:
    (tmp_path / "round").symlink_to(tmp_path / "about")
    (tmp_path / "about").symlink_to(tmp_path / "round")
    for given in ("~no_such_user_here/file", tmp_path / "round" / "file", "a\x00b"):
        with pytest.raises(ParameterError, match="path"):
            check(given, tmp_path)


def test_paths_in_a_list_are_confined_as_well(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"more\.1"):
        declare(params=WithPath).validate({"path": tmp_path, "more": [tmp_path, "/etc"]}, PathPolicy((tmp_path,)))


def test_a_path_typed_at_the_command_line_is_added_for_that_job(tmp_path: Path) -> None:
    (tmp_path / "allowed").mkdir()
    _, policy = check(tmp_path / "elsewhere", tmp_path / "allowed", trusted=True)
    assert policy.added == [tmp_path.resolve() / "elsewhere"]


def test_a_reference_is_read_back_from_its_json_and_nothing_else_is_taken_for_one() -> None:
    ref = Ref("an-id", "dataset_id")
    assert Ref.from_json(ref.to_json()) == ref
    for other in ({}, {"$result": 1}, {"$result": {"job": "x"}}, {"$result": {"job": "x", "field": "y"}, "z": 1}, "x"):
        assert Ref.from_json(other) is None
