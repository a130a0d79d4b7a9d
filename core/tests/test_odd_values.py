"""Any value in any argument of a dispatcher is taken, or refused with an error of PFD; then nothing is stored."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.tests.support.stores import make_settings
from pfd import Dispatcher, JobHandle, ParameterError, Params, PfdError, Ref, Result, Task, UnknownJob
from pfd.client.celery_words import OF_GET, OF_REVOKE
from pfd.pipeline import Pipeline, Step
from pfd.plugins import Registry
from pfd.schedules.define import OPTIONS
from pfd.submission.options import Options


class Loose(Params):
    value: Any = None
    number: float = 0.0
    words: tuple[str, ...] = ()
    when: datetime | None = None


class Nothing(Result):
    pass


LOOSE = Task("loose", "pfd_sample.tasks:add", Loose, Nothing)


class Broken:
    """Whatever is asked of it goes wrong."""

    def __repr__(self) -> str:
        raise ZeroDivisionError

    def __bool__(self) -> bool:
        raise ZeroDivisionError

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return 1


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def endless() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["value"] = value
    return value


ODD: dict[str, Callable[[], Any]] = {
    "a surrogate": lambda: "\ud800",
    "a NUL": lambda: "a\0b",
    "a long text": lambda: "x" * 300_000,
    "bytes": lambda: b"\xff",
    "many digits": lambda: 10**5000,
    "more than 64 bits": lambda: -(2**70),
    "more than a float": lambda: 10**400,
    "no number": lambda: float("nan"),
    "infinity": lambda: float("-inf"),
    "a decimal": lambda: Decimal("sNaN"),
    "an object": object,
    "a broken object": Broken,
    "a class": lambda: Loose,
    "a function": lambda: nested,
    "a model": lambda: Loose(value=object()),
    "a model that holds itself": lambda: Loose.model_construct(value=endless()),
    "a reference": lambda: Ref("\ud800", "x"),
    "a path": lambda: Path("a\0b"),
    "a deep list": lambda: nested(5000),
    "an endless object": endless,
    "a generator": lambda: (i for i in range(3)),
    "a generator without end": lambda: itertools.repeat("x"),
    "numbers by number": lambda: {1: 2},
    "odd names": lambda: {"\ud800": 1, "self": 2},
    "a set": lambda: {1, "x"},
    "broken objects": lambda: [Broken()],
    "integers": lambda: [1, 2],
}
VALUES: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(sorted(ODD)).map(lambda name: ODD[name]()),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.binary(max_size=4) | st.text(st.characters()),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(), max_size=3), inner),
        max_leaves=5,
    ),
)

USUAL: dict[str, dict[str, Any]] = {
    "submit": {"name": "loose"},
    "schedule": {"name": "usual", "cron": "0 0 * * *", "task": "loose"},
    "schedule_slots": {"name": "usual"},
    "resume_schedule": {"name": "usual"},
    "tell_unserved": {"queue": "default"},
    "series": {"name": "training"},
    "choices": {"kind": "dataset"},
    "prune": {"older_than": 1, "dry_run": True},
}
"""What is given besides; where a job is meant, it is the last one."""


def places() -> Iterator[tuple[str, str]]:
    """Each argument of each public method of a dispatcher and of a handle; new ones by themselves."""
    named = {
        "submit": [item.name for item in fields(Options)],
        "schedule": OPTIONS,
        "get": OF_GET,
        "maybe_throw": OF_GET,
        "maybe_reraise": OF_GET,
        "revoke": OF_REVOKE,
    }
    for kind in (Dispatcher, JobHandle):
        for method, function in inspect.getmembers(kind, inspect.isfunction):
            if not method.startswith("_"):
                for argument in list(inspect.signature(function).parameters.values())[1:]:
                    several = argument.kind is argument.VAR_KEYWORD
                    yield from ((method, name) for name in (named[method] if several else [argument.name]))


@pytest.fixture
def dispatcher(tmp_path: Path, registry: Registry) -> Iterator[Dispatcher]:
    loose = replace(registry, tasks={**registry.tasks, "loose": LOOSE})
    with Dispatcher(make_settings(tmp_path / "home"), registry=loose) as found:
        found.cancel(found.submit("loose").id)
        found.schedule("usual", "0 0 * * *", "loose")
        yield found


def stored(dispatcher: Dispatcher) -> tuple[int, int]:
    return sum(dispatcher.counts().values()), len(dispatcher.schedules())


def try_to(dispatcher: Dispatcher, ask: Callable[[], Any]) -> None:
    """Ask for something; where it is refused nothing is stored, and what is stored can be read."""
    before = stored(dispatcher)
    refused: PfdError | None = None
    try:
        done = ask()
        if inspect.isgenerator(done):
            list(done)
    except TimeoutError:
        pass  # so much was waited as was asked for
    except PfdError as error:
        refused = error
    if refused is None:
        assert all(job.damage == {} for job in dispatcher.jobs())
    else:
        assert len(str(refused)) < 5_000
        assert stored(dispatcher) == before


def call(dispatcher: Dispatcher, method: str, arguments: dict[str, Any]) -> None:
    target: Any = getattr(dispatcher, method, None) or getattr(dispatcher.handle("@last"), method)
    given = USUAL.get(method, {}) | ({"ref": "@last"} if "ref" in inspect.signature(target).parameters else {})
    try_to(dispatcher, lambda: target(**{**given, **arguments}))


fuzzed = hypothesis_settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.parametrize("method", sorted({method for method, _ in places()}))
def test_any_value_may_stand_in_any_argument(dispatcher: Dispatcher, method: str) -> None:
    for argument in (argument for found, argument in places() if found == method):
        for make in ODD.values():
            call(dispatcher, method, {argument: make()})


@given(place=st.sampled_from(list(places())), value=VALUES)
@fuzzed
def test_whatever_else_there_is_may_stand_there(dispatcher: Dispatcher, place: tuple[str, str], value: Any) -> None:
    method, argument = place
    call(dispatcher, method, {argument: value})


@given(params=st.dictionaries(st.sampled_from([*Loose.model_fields, "other"]), VALUES))
@fuzzed
def test_any_value_may_stand_in_any_parameter(dispatcher: Dispatcher, params: dict[str, Any]) -> None:
    call(dispatcher, "submit", {"params": params})
    call(dispatcher, "schedule", {"params": params})


@pytest.mark.parametrize("what", ODD)
def test_any_value_may_stand_in_a_pipeline(dispatcher: Dispatcher, what: str) -> None:
    make = ODD[what]
    steps = [{name: make()} for name in ("params", "options", "after", "task")]
    steps += [{"params": {"value": make()}}, *({"options": {name: make()}} for name in ("tags", "queue", "priority"))]
    for step in steps:
        odd = Pipeline("odd", {"one": Step("one", **{"task": "loose", **step})})
        try_to(dispatcher, lambda odd=odd: odd.submit(dispatcher))  # type: ignore[misc]
    good = Pipeline("odd", {"one": Step("one", "loose")})
    for option in ("tags", "roots", "priority"):
        value = make()
        try_to(dispatcher, lambda option=option, value=value: good.submit(dispatcher, **{option: value}))  # type: ignore[misc]
    try_to(dispatcher, lambda: Pipeline(make(), good.steps).submit(dispatcher))
    try_to(dispatcher, lambda: Pipeline("odd", {"one": make()}).submit(dispatcher))
    try_to(dispatcher, lambda: good.resume(dispatcher, make()))
    try_to(dispatcher, lambda: Pipeline.load(make()))


REFUSED: dict[str, tuple[Callable[[Dispatcher], object], type[PfdError], str]] = {
    "a tag that is an integer": (lambda d: d.jobs(tag=5), ParameterError, "tag=5: is not a text"),  # type: ignore[arg-type]
    "a tag that is not a text": (lambda d: d.jobs(tag="\ud800"), ParameterError, r"tag='\ud800': is not a text"),
    "a state that there is not": (
        lambda d: d.jobs(state="DONE"),
        ParameterError,
        "state='DONE': choose one of PENDING",
    ),
    "a page of less than none": (lambda d: d.jobs(limit=-1), ParameterError, "limit=-1: is not an integer from 0"),
    "an id with a NUL": (lambda d: d.job("a\0"), UnknownJob, r"'a\x00' is not a job id"),
    "an id that is a number": (lambda d: d.cancel(5), UnknownJob, "5 is not a job id"),  # type: ignore[arg-type]
    "a time that is a text": (
        lambda d: d.handle("@last").wait("soon"),  # type: ignore[arg-type]
        ParameterError,
        "timeout='soon': is not a number",
    ),
    "an age that is a text": (lambda d: d.prune("old"), ParameterError, "older_than='old'"),  # type: ignore[arg-type]
    "what no JSON is made of": (
        lambda d: d.submit("loose", {"value": object(), "number": 1}),
        ParameterError,
        "loose: value=<object object at",
    ),
    "a task that is none": (lambda d: d.submit(None), ParameterError, "unknown task None"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("what", REFUSED)
def test_is_refused_and_named(dispatcher: Dispatcher, what: str) -> None:
    ask, kind, said = REFUSED[what]
    with pytest.raises(kind) as caught:
        ask(dispatcher)
    assert said in str(caught.value)
