"""A hint is written once, and reads in each place as one would write it there."""

from __future__ import annotations

import ast
import json
import shlex
import tomllib
import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pfd import DataError, Hint, Params, Result, Task
from pfd.cli.parameters import Assignments
from pfd.hints import Hint as Same

SURFACES = ("in_shell", "in_options", "in_python", "in_pipeline")


class Group(Params):
    leave_out: tuple[str, ...] = ()
    name: str | None = None
    seed: int | None = None
    share: float | None = None
    strict: bool | None = None


class GroupedParams(Params):
    split: Group = Group()
    anything: Any = None


class Nothing(Result):
    pass


TASK = Task("hinted", run="json:loads", params=GroupedParams, result=Nothing)

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
values = st.one_of(
    st.tuples(st.just("leave_out"), st.lists(texts, min_size=1, max_size=3)),
    st.tuples(st.just("seed"), st.integers(0, 2**40)),
    st.tuples(st.just("share"), st.floats(allow_nan=False, allow_infinity=False)),
    st.tuples(st.just("strict"), st.booleans()),
)


def _named(values: dict[str, Any]) -> dict[str, Any]:
    return json.loads(TASK.params.model_validate(values).model_dump_json(exclude_unset=True))  # type: ignore[no-any-return]


def test_each_surface_has_its_own_words() -> None:
    hint = Hint(f"leave {Hint.parameter('leave_out', ['normal'])} out, or 'pfd data split'").under("split")
    assert hint.in_shell() == "leave split.leave_out=normal out, or 'pfd data split'"
    assert hint.in_python() == "leave {'split': {'leave_out': ['normal']}} out, or 'pfd data split'"
    assert hint.in_pipeline() == """leave split.leave_out = ["normal"] out, or 'pfd data split'"""
    assert hint.in_options() == "leave --leave-out normal out, or 'pfd data split'"


@given(values)
def test_what_a_shell_is_told_gives_the_value_back(pair: tuple[str, Any]) -> None:
    name, value = pair
    said = Hint(Hint.parameter(f"split.{name}", value)).in_shell()
    assert _named(Assignments(TASK).read(shlex.split(said))) == _named({"split": {name: value}})


@given(values)
def test_what_python_and_a_pipeline_are_told_gives_the_value_back(pair: tuple[str, Any]) -> None:
    name, value = pair
    hint = Hint(Hint.parameter(f"split.{name}", value))
    wanted = _named({"split": {name: value}})
    assert _named(ast.literal_eval(hint.in_python())) == wanted
    assert _named(tomllib.loads(hint.in_pipeline())) == wanted


@given(st.text())
def test_a_foreign_text_is_shown_as_it_is_or_with_its_value(text: str) -> None:
    for surface in SURFACES:
        shown = getattr(Hint(text), surface)()
        assert "`" in text or shown == text


def test_what_only_looks_like_a_parameter_is_left_alone() -> None:
    for text in ("`a=`", "`a=b`", "`=1`", "`a.b`", "a=1", "`" * 7, "`a=" + "[" * 100_000 + "`"):
        assert Hint(text).in_shell() == text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (False, ("strict=false", "no --strict", "{'strict': False}", "strict = false")),
        (True, ("strict=true", "--strict", "{'strict': True}", "strict = true")),
        (None, ("strict=null", "no --strict", "{'strict': None}", "no strict")),
    ],
)
def test_yes_no_and_nothing_are_said_as_each_surface_says_them(value: bool | None, shown: tuple[str, ...]) -> None:
    hint = Hint(Hint.parameter("strict", value))
    assert tuple(getattr(hint, surface)() for surface in SURFACES) == shown


def test_a_traceback_in_python_shows_the_hint_and_only_the_last() -> None:
    error = DataError("no", hint="first")
    error.hint = f"say {Hint.parameter('seed', 1)}"
    assert "".join(traceback.format_exception(error)).endswith("DataError: no\nhint: say {'seed': 1}\n")
    error.hint = None
    assert "hint" not in "".join(traceback.format_exception(error))
    assert error.hint is None


@pytest.mark.parametrize("given_hint", ["plain", Hint("plain"), None])
def test_a_hint_of_an_error_is_a_hint(given_hint: str | None) -> None:
    error = DataError("no", hint=given_hint)
    assert error.hint is None if given_hint is None else isinstance(error.hint, Same)


def test_the_names_that_are_most_like_one_are_asked_after() -> None:
    assert Hint.did_you_mean("honset", ["honest", "cv", "honesty"]) == "did you mean honest, honesty?"
    assert Hint.did_you_mean("x", {"honest": 1}, "'pfd data splits' lists them") == "'pfd data splits' lists them"
    assert Hint.did_you_mean("x", ()) == ""
