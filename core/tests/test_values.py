"""Values of parameters, results and progress: NumPy's numbers are numbers, and nothing else is changed in silence."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel

from core.tests.support.stores import make_settings
from pfd import Dispatcher, ParameterError, Params, PluginError, Ref, Result, Task
from pfd.pipeline import Pipeline, Step
from pfd.plugins import Registry
from pfd.reporter import Reporter
from pfd.store.values import as_number, dump

NOT_UTF8 = os.fsdecode(b"a\xff")


class Loose(Params):
    value: Any = None
    raw: bytes = b""
    path: Path | None = None


class Anything(Result):
    value: Any = None


LOOSE = Task("loose", "pfd_sample.tasks:add", Loose, Anything)


@pytest.fixture
def dispatcher(tmp_path: Path, registry: Registry) -> Iterator[Dispatcher]:
    loose = replace(registry, tasks={**registry.tasks, "loose": LOOSE})
    with Dispatcher(make_settings(tmp_path / "home"), registry=loose) as found:
        yield found


def submit(dispatcher: Dispatcher, given: dict[str, Any]) -> dict[str, Any]:
    return dispatcher.submit("loose", given).job.params


def beside_a_reference(dispatcher: Dispatcher, given: dict[str, Any]) -> dict[str, Any]:
    first = dispatcher.submit("add", {"a": 1})
    return dispatcher.submit("loose", {**given, "raw": Ref(first.id, "value")}).job.params


def schedule(dispatcher: Dispatcher, given: dict[str, Any]) -> dict[str, Any]:
    return dispatcher.schedule("one", "0 0 * * *", "loose", given).params


def pipeline(dispatcher: Dispatcher, given: dict[str, Any]) -> dict[str, Any]:
    return Pipeline("p", {"one": Step("one", "loose", given)}).submit(dispatcher)["one"].job.params


WAYS = [submit, beside_a_reference, schedule, pipeline]

NUMBERS: dict[str, tuple[Any, Any]] = {
    "an integer": (np.int64(3), 3),
    "a float": (np.float32(1.5), 1.5),
    "yes": (np.bool_(True), True),
    "a long float": (np.longdouble(1.5), 1.5),
    "no dimensions": (np.array(3), 3),
    "far within": ({"a": [np.uint8(3), (np.float16(0.5),)]}, {"a": [3, [0.5]]}),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("what", NUMBERS)
def test_a_scalar_of_numpy_is_a_number(
    dispatcher: Dispatcher, way: Callable[[Dispatcher, dict[str, Any]], dict[str, Any]], what: str
) -> None:
    given, kept = NUMBERS[what]
    assert way(dispatcher, {"value": given})["value"] == kept


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an array": ({"value": {"a": [1, np.zeros(3)]}}, "value.a.1=array([0., 0., 0.]): is not JSON"),
    "a time of numpy": ({"value": np.datetime64(5, "ns")}, "is not JSON"),
    "a span of numpy": ({"value": np.timedelta64(5, "ns")}, "is not JSON"),
    "a long float that no float holds": ({"value": np.longdouble("0.1")}, "is not JSON"),
    "bytes": ({"value": [b"abc"]}, "value.0=b'abc': bytes are not JSON"),
    "bytes that are not a text": ({"raw": b"\xff"}, r"raw=b'\xff': bytes are not JSON"),
    "a foreign object": ({"value": {"a": object}}, "value.a=<class 'object'>: is not JSON"),
    "no number": ({"value": [1.0, float("nan")]}, "value.1=nan: JSON has no such number"),
    "no number of numpy": ({"value": np.float32("nan")}, "JSON has no such number"),
    "infinity": ({"value": float("inf")}, "value=inf: JSON has no such number"),
    "a NUL": ({"value": "a\0b"}, r"value='a\x00b': holds a NUL character"),
    "a name with a NUL": ({"value": {"a\0": 1}}, "holds a NUL character"),
    "a file name that is not UTF-8": ({"path": Path(NOT_UTF8)}, "is not a text in UTF-8"),
    "two names that are one": ({"value": {1: 3, "1": 4}}, "two of its names are one"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_would_be_another_value_is_refused_and_named(dispatcher: Dispatcher, what: str) -> None:
    given, said = REFUSED[what]
    for way in WAYS:
        if way is beside_a_reference and "raw" in given:
            continue
        with pytest.raises(ParameterError) as caught:
            way(dispatcher, given)
        assert said in str(caught.value), way
    assert (dispatcher.jobs(task="loose"), dispatcher.schedules()) == ([], [])


def test_what_is_declared_comes_back_as_it_was(dispatcher: Dispatcher) -> None:
    assert submit(dispatcher, {"raw": b"abc", "path": Path("a b/ä")}) == {"value": None, "raw": "abc", "path": "a b/ä"}


def test_the_ways_of_a_task_are_those_of_a_dispatcher(tmp_path: Path) -> None:
    """`delay` and `apply_async` of a plugin's own task, in the environment of a user."""
    from pfd_sample.plugin import TASKS

    add = next(task for task in TASKS if task.name == "add")
    for handle in (add.delay(np.int64(3), np.int32(4)), add.apply_async(kwargs={"a": np.int64(3), "b": np.int32(4)})):
        assert handle.job.params == {"a": 3, "b": 4}


def test_a_result_has_numbers_of_numpy_as_numbers_and_names_what_is_not_json() -> None:
    value = {"scores": [np.float32(0.5), np.float32("nan")], "good": np.bool_(True)}
    assert dump(Anything(value=value), exactly=False)["value"]["scores"][0] == 0.5
    for odd, said in ((np.zeros(2), "value.a.0=array([0., 0.]): is not JSON"), (b"x", "value.a.0=b'x': bytes")):
        with pytest.raises(ParameterError) as caught:
            dump(Anything(value={"a": [odd]}), exactly=False)
        assert said in str(caught.value)


def test_a_result_that_is_declared_to_be_an_array_is_refused_when_the_plugin_is_loaded() -> None:
    class Arrays(Result, arbitrary_types_allowed=True):
        scores: list[np.ndarray]

    with pytest.raises(PluginError, match=r"result field scores: .*ndarray.* is not JSON"):
        Task("odd", "a:b", Loose, Arrays)


def test_numbers_of_numpy_stay_numbers_in_what_is_reported() -> None:
    reporter = Reporter(lambda *_: None)
    reporter.report(0.5, "half", {"loss": {"now": np.float32(0.5), "all": [np.int64(1)]}, "thing": {"a": object}})
    assert reporter.close() == (0.5, "half", {"loss": {"now": 0.5, "all": [1]}, "thing": {"a": "<class 'object'>"}})


@pytest.mark.parametrize("value", [np.zeros(1), np.complex64(1j), np.array("5"), np.array(None), "5", None, object()])
def test_nothing_else_is_taken_for_a_number(value: object) -> None:
    with pytest.raises(ValueError, match="is not JSON"):
        as_number(value)


def test_a_default_that_json_has_no_number_for_is_made_anew() -> None:
    class Bounded(BaseModel):  # which, unlike Params, allows it
        limit: float = math.inf
        given: float = 1.0

    assert dump(Bounded(given=2.0), exactly=True) == {"given": 2.0}
    with pytest.raises(ParameterError, match="limit=inf"):
        dump(Bounded(limit=math.inf), exactly=True)
