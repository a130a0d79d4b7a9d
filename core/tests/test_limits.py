"""Whatever a client gives is either stored within limits, or refused at once with the field and what is allowed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.tests.support.stores import make_settings
from pfd import (
    Dispatcher,
    JobSubmission,
    ParameterError,
    Params,
    Ref,
    Result,
    Settings,
    State,
    Task,
    TaskContext,
    Worker,
    hookimpl,
)
from pfd.pipeline import Pipeline, Step
from pfd.plugins import Registry
from pfd.store.encoding import encode
from pfd.submission.limits import MAX_DEPTH, MAX_INTEGER, check_size

MOST = 256 * 1024


class Loose(Params):
    value: Any = None
    numbers: tuple[float, ...] = ()


class Nothing(Result):
    pass


def accept(params: Loose, ctx: TaskContext) -> Nothing:
    return Nothing()


LOOSE = Task("loose", f"{__name__}:accept", Loose, Nothing, isolation="inline", time_limit=5.0)


@pytest.fixture
def loose(registry: Registry) -> Registry:
    return replace(registry, tasks={**registry.tasks, "loose": LOOSE})


@pytest.fixture
def dispatcher(sqlite_settings: Settings, loose: Registry) -> Iterator[Dispatcher]:
    with Dispatcher(sqlite_settings, registry=loose) as found:
        found.counts()  # opens the store, which is none of what is timed
        yield found


def nested(depth: int, *, names: bool = False) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value} if names else [value]
    return value


def endless() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


REFUSED: dict[str, tuple[Callable[[], dict[str, Any]], str]] = {
    "a text of 50 MB": (
        lambda: {"value": "x" * 50_000_000},
        "loose: value: a text of 50000000 characters: more than the 262144 bytes of JSON that parameters may take",
    ),
    "a million wrong items": (
        lambda: {"numbers": ["x"] * 1_000_000},
        "loose: numbers: a list of 1000000 items: more than the 262144 bytes",
    ),
    "a million numbers": (lambda: {"numbers": [0.5] * 1_000_000}, "numbers: a list of 1000000 items: more than"),
    "a million names": (lambda: dict.fromkeys(map(str, range(1_000_000))), "1000000 parameters: more than"),
    "a million names further in": (
        lambda: {"value": [dict.fromkeys(range(1_000_000))]},
        "value: a list of 1 items: more than",
    ),
    "what is large as JSON alone": (lambda: {"value": "ä" * 60_000}, "value: 360002 bytes of JSON, all parameters"),
    "two that are too large together": (
        lambda: {"value": "x" * 200_000, "numbers": [1.0] * 50_000},
        "numbers: a list of 50000 items: more than the 262144 bytes of JSON that parameters may take, together with",
    ),
    "a long name": (lambda: {"x" * 300_000: 1}, "more than the 262144 bytes"),
    "what is nested too deep": (
        lambda: {"value": nested(MAX_DEPTH + 1)},
        "value: a list of 1 items: nested more than 64 deep",
    ),
    "objects without end in sight": (lambda: {"value": nested(100_000, names=True)}, "nested more than 64 deep"),
    "what holds itself": (lambda: {"value": endless()}, "value: a list of 1 items: nested more than 64 deep"),
    "an integer of thousands of digits": (
        lambda: {"numbers": [10**5000]},
        "numbers: a list of 1 items: beyond ±1.8e308",
    ),
    "what can be read but once": (
        lambda: {"numbers": iter(int, 1)},
        "numbers: a callable_iterator: can be read only once",
    ),
    "references to too many jobs": (
        lambda: {"value": [{"$result": {"job": f"{i}", "field": "x"}} for i in range(1001)]},
        "after: at most 1000, was given 1001",
    ),
    "a reference to what is not an id": (lambda: {"value": Ref("\ud800", "x")}, r"after '\ud800' holds a character"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_is_refused_at_once(dispatcher: Dispatcher, what: str) -> None:
    make, said = REFUSED[what]
    params = make()
    began = time.process_time()
    with pytest.raises(ParameterError) as caught:
        dispatcher.submit("loose", params)
    assert time.process_time() - began < 0.2
    assert said in str(caught.value)
    assert len(str(caught.value)) < 500
    assert dispatcher.jobs() == []


OPTIONS: dict[str, tuple[Callable[[], Any], str]] = {
    "tags": (lambda: list(range(1_000_000)), "tags: at most 32, was given 1000000"),
    "after": (lambda: ["x"] * 1001, "after: at most 1000, was given 1001"),
    "roots": (lambda: ["/tmp"] * 33, "roots: at most 32, was given 33"),
    "retry_of": (lambda: "x" * 65, "retry_of: 1 to 64 characters, was given 65"),
    "queue": (lambda: "q" * 101, "a name is up to 100 lower-case letters"),
    "key": (lambda: "k" * 201, "key: 1 to 200 characters, was given 201"),
    "priority": (lambda: 10**5000, "priority=<int> is beyond"),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_that_is_too_large_is_refused_with_what_is_allowed(dispatcher: Dispatcher, name: str) -> None:
    make, said = OPTIONS[name]
    with pytest.raises(ParameterError) as caught:
        dispatcher.submit("loose", {}, **{name: make()})
    assert said in str(caught.value)
    assert dispatcher.jobs() == []


def test_of_many_wrong_items_the_first_are_told(dispatcher: Dispatcher) -> None:
    with pytest.raises(ParameterError) as caught:
        dispatcher.submit("loose", {"numbers": ["x"] * 10_000})
    assert len(caught.value.problems) == 21
    assert caught.value.problems[0].startswith("numbers.0='x': ")
    assert caught.value.problems[-1] == "and 9980 more"


def test_what_is_just_within_the_limits_is_stored_and_read(dispatcher: Dispatcher) -> None:
    for value in (nested(MAX_DEPTH), nested(MAX_DEPTH, names=True), MAX_INTEGER, -(2**128), "x" * (MOST - 40)):
        job = dispatcher.submit("loose", {"value": value}).job
        assert job.params["value"] == value


def test_how_large_parameters_may_be_is_a_setting(tmp_path: Path, loose: Registry) -> None:
    with Dispatcher(make_settings(tmp_path / "home", max_params_bytes=2048), registry=loose) as dispatcher:
        assert dispatcher.submit("loose", {"value": "x" * 2000}).state is State.PENDING
        with pytest.raises(ParameterError, match="more than the 2048 bytes of JSON"):
            dispatcher.submit("loose", {"value": "x" * 2040})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=4))
@hypothesis_settings(max_examples=100, deadline=None)
def test_what_fits_as_json_is_never_refused_for_its_size(params: dict[str, Any]) -> None:
    check_size("loose", params, len(encode(params)))


def test_a_job_whose_parameters_become_too_large_by_a_result_fails_alone(tmp_path: Path, loose: Registry) -> None:
    settings = make_settings(tmp_path / "home", max_params_bytes=1024)
    with Dispatcher(settings, registry=loose) as dispatcher, Worker(settings, registry=loose):
        large = dispatcher.submit("large_result", {"size": 3000})
        fits = dispatcher.submit("loose", {"value": [Ref(large.id, "text")] * 4})
        too_large = dispatcher.submit("loose", {"value": [Ref(large.id, "text")] * 6})
        assert dispatcher.submit("add", {"a": 1}).get(30) == {"value": 2}
        assert fits.wait(30).state is State.SUCCESS
        failure = too_large.wait(30).failure
    assert failure is not None
    assert "more than the 16384 bytes of JSON that parameters may take" in failure.message


def test_the_steps_of_a_pipeline_have_the_same_limits(dispatcher: Dispatcher) -> None:
    large = {"big": Step("big", "loose", {"value": "x" * MOST}), "deep": Step("deep", "loose", {"value": endless()})}
    with pytest.raises(ParameterError) as caught:
        Pipeline("large", large).submit(dispatcher)
    assert [problem.partition(": ")[0] for problem in caught.value.problems] == ["big", "deep"]
    with pytest.raises(ParameterError, match="1001 steps, more than 1000"):
        Pipeline("long", {str(i): Step(str(i), "loose") for i in range(1001)}).submit(dispatcher)
    tagged = {"one": Step("one", "loose", options={"tags": [str(i) for i in range(33)], "queue": 5})}
    with pytest.raises(ParameterError) as caught:
        Pipeline("tagged", tagged).submit(dispatcher)
    assert len(caught.value.problems) == 2
    assert dispatcher.jobs() == []


def test_a_schedule_has_the_same_limits_and_room_for_its_own_tag(dispatcher: Dispatcher) -> None:
    with pytest.raises(ParameterError, match="a text of 300000 characters"):
        dispatcher.schedule("large", "0 0 * * *", "loose", {"value": "x" * 300_000})
    with pytest.raises(ParameterError, match="tags: at most 32, was given 33"):
        dispatcher.schedule("tagged", "0 0 * * *", "loose", tags=[str(i) for i in range(32)])
    assert dispatcher.schedules() == []
    dispatcher.schedule("tagged", "0 0 * * *", "loose", tags=[str(i) for i in range(31)])


class Overeager:
    def __init__(self, headers: dict[Any, Any]) -> None:
        self._headers = headers

    @hookimpl
    def pfd_before_submit(self, submission: JobSubmission) -> None:
        submission.headers.update(self._headers)


@pytest.mark.parametrize("headers", [{"baggage": "x" * 10_000}, {"baggage": b"\xff"}, {1: "x"}, {"deep": endless()}])
def test_what_a_hook_wants_carried_is_left_out_where_it_is_too_much(
    sqlite_settings: Settings, loose: Registry, caplog: pytest.LogCaptureFixture, headers: dict[Any, Any]
) -> None:
    listening = replace(loose, _listeners=[*loose._listeners, ("overeager", Overeager(headers))])
    with Dispatcher(sqlite_settings, registry=listening) as dispatcher, caplog.at_level(logging.WARNING):
        assert dispatcher.submit("loose", {}).job.options == {}
    assert "stored without what pfd_before_submit wants to be carried" in caplog.text
