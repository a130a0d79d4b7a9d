"""What is refused where a job is submitted, and what becomes of parameters that refer to results yet to come."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field, model_validator

from core.tests.support.stores import make_settings
from pfd import Dispatcher, ParameterError, Params, Ref, Result, Task, UnknownJob, UserPath
from pfd.plugins import Registry
from pfd.submission.options import Options, make_options
from pfd.submission.params import validated_params
from pfd.submission.submit import Origin, prepare
from pfd.task import PathPolicy


@pytest.fixture
def dispatcher(tmp_path: Path, registry: Registry) -> Iterator[Dispatcher]:
    with Dispatcher(make_settings(tmp_path / "home"), registry=registry) as found:
        yield found


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "limits the wrong way round": (
        "nap",
        {"soft_time_limit": 9, "time_limit": 3},
        "soft_time_limit=9 is larger than time_limit=3",
    ),
    "a soft limit beyond the task's hard one": (
        "limited_softly",
        {"soft_time_limit": 31},
        "soft_time_limit=31 is larger than the time_limit of limited_softly, 30",
    ),
    "a hard limit within the task's soft one": (
        "limited_softly",
        {"time_limit": 0.4},
        "time_limit=0.4 is smaller than the soft_time_limit of limited_softly, 0.5; give a soft_time_limit as well",
    ),
    "an inline task beyond its limit": ("add", {"time_limit": 6}, "may not run longer than it declares, 5"),
    "no time at all": ("add", {"time_limit": 0}, "time_limit=0.0 is not positive"),
    "a limit that is not a number": (
        "add",
        {"soft_time_limit": math.nan},
        "soft_time_limit=nan is not a finite number",
    ),
    "the beginning of time": ("add", {"not_before": 0}, "not_before=0 is no time between 1970 and 9999"),
    "a time before it": ("add", {"not_before": -5}, "not_before=-5 is no time between 1970 and 9999"),
    "a time in milliseconds": ("add", {"not_before": 1.8e15}, "not_before=1.8e+15 is no time between 1970 and 9999"),
    "a time without end": ("add", {"not_before": math.inf}, "not_before=inf is not a finite number"),
    "a wait into the past": ("add", {"countdown": -1}, "countdown=-1.0 is negative"),
    "a wait of ages": ("add", {"countdown": 1e12}, "countdown=1e+12 leads beyond the year 9999"),
    "two times": ("add", {"countdown": 1, "not_before": 2e9}, "say the same thing"),
    "a priority beyond all": ("add", {"priority": 2**31}, "priority=2147483648 is beyond"),
    "a queue that is not a name": ("add", {"queue": "A b"}, "queue='A b'"),
    "an empty key": ("add", {"key": ""}, "key: 1 to 200 characters, was given 0"),
    "a tag of one character that cannot be stored": ("add", {"tags": "\x00"}, "tag '\\x00' holds a character"),
    "an id with a character that cannot be stored": ("add", {"after": "a\x00"}, "after 'a\\x00' holds a character"),
    "tags that are numbers": ("add", {"tags": [1, 2]}, "tags.0=1: input should be a valid string"),
    "an option that is not there": ("add", {"prioirty": 1}, "no such option: prioirty"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_of_the_options_of_a_job_is_refused(dispatcher: Dispatcher, what: str) -> None:
    task, options, said = REFUSED[what]
    with pytest.raises(ParameterError) as caught:
        dispatcher.submit(task, {"a": 1} if task == "add" else {}, **options)
    assert said in str(caught.value)
    assert dispatcher.jobs() == []


def test_an_option_is_told_in_a_line_however_long_it_is(dispatcher: Dispatcher) -> None:
    with pytest.raises(ParameterError) as caught:
        dispatcher.submit("add", {"a": 1}, priority="x" * 100_000)
    assert len(str(caught.value)) < 300


def test_limits_that_fit_those_of_the_task_are_accepted(dispatcher: Dispatcher) -> None:
    for limits in ({"soft_time_limit": 30}, {"time_limit": 0.5}, {"soft_time_limit": 0.1, "time_limit": 0.2}):
        assert dispatcher.submit("limited_softly", **limits).job.options == limits


def test_all_that_is_wrong_with_options_and_parameters_is_told_at_once(dispatcher: Dispatcher) -> None:
    with pytest.raises(ParameterError) as caught:
        dispatcher.submit("add", {"a": -1, "c": 1}, countdown=-1, tags=("", "x" * 101))
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "tag",
        "tag",
        "countdown=-1.0 is negative",
        "a=-1",
        "c",
    ]


def test_one_tag_is_a_tag_and_not_its_letters_and_a_child_says_them_as_a_list(
    dispatcher: Dispatcher, registry: Registry
) -> None:
    assert dispatcher.submit("add", {"a": 1}, tags="mine").job.tags == ("mine",)
    assert make_options(registry.task("add"), {"tags": ["a", "b"]}).tags == ("a", "b")
    with pytest.raises(ParameterError, match="tags='mine'"):
        make_options(registry.task("add"), {"tags": "mine"})


def test_a_time_that_has_passed_is_now(dispatcher: Dispatcher) -> None:
    assert dispatcher.submit("add", {"a": 1}, not_before=1.0).job.due_at == 1.0
    assert dispatcher.submit("add", {"a": 1}, countdown=0).job.due_at == 0.0
    assert dispatcher.submit("add", {"a": 1}, countdown=100).job.due_at > time.time()


def test_a_job_behind_one_that_is_not_there_is_refused(dispatcher: Dispatcher) -> None:
    with pytest.raises(UnknownJob, match="after=nobody: no such job"):
        dispatcher.submit("add", {"a": 1}, after="nobody")
    assert dispatcher.jobs() == []


# -- parameters that refer to results -----------------------------------------------------------------------------


class Inner(BaseModel):
    seed: int = Field(ge=0)
    names: list[str] = Field([])


class Many(Params):
    dataset: int
    source: UserPath
    day: date = date(2024, 2, 29)
    inner: Inner | None = None
    numbers: list[int] = Field([], max_length=2)
    some: tuple[int, ...] = Field((1,), min_length=1)
    either: list[int] | list[str] = Field([])
    anything: Any = None

    @model_validator(mode="after")
    def _even(self) -> Many:
        if self.dataset % 2:
            raise ValueError("an odd dataset")
        return self


class Nothing(Result):
    pass


MANY = Task("many", run="m:f", params=Many, result=Nothing)
REF = Ref("1234", "dataset_id")
LATER = REF.to_json()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PathPolicy:
    monkeypatch.chdir(tmp_path)
    return PathPolicy([tmp_path])


@pytest.mark.parametrize("ref", [REF, LATER])
def test_beside_a_reference_paths_are_made_absolute_and_defaults_filled_in(
    here: PathPolicy, tmp_path: Path, ref: Any
) -> None:
    found = validated_params(MANY, {"source": "files", "dataset": ref, "anything": {"deep": [ref]}}, here, 4096)
    assert found == {
        "source": str(tmp_path / "files"),
        "dataset": LATER,
        "anything": {"deep": [LATER]},
        "day": "2024-02-29",
        "inner": None,
        "numbers": [],
        "some": [1],
        "either": [],
    }


WRONG_BESIDE: dict[str, tuple[dict[str, Any], str]] = {
    "a field beside it": ({"day": "never"}, "day='never'"),
    "a path outside": ({"source": "/etc"}, "outside the allowed folders"),
    "a field beside it in a group": ({"inner": {"seed": REF, "names": [1]}}, "inner.names.0=1"),
    "a field that is missing in a group": ({"inner": {"names": [REF]}}, "inner.seed: is required"),
    "an item beside it": ({"numbers": [REF, "x"]}, "numbers.1='x'"),
    "a list that is too long": ({"numbers": [REF, REF, REF]}, "numbers="),
    "a name that is unknown": ({"nubmers": [REF]}, "nubmers: is not a parameter"),
    "a list where there is to be none": ({"day": [REF]}, "day="),
}


@pytest.mark.parametrize("what", WRONG_BESIDE)
def test_with_a_reference_among_the_parameters_is_refused(here: PathPolicy, what: str) -> None:
    params, said = WRONG_BESIDE[what]
    with pytest.raises(ParameterError) as caught:
        validated_params(MANY, {"source": "files", "dataset": REF, **params}, here, 4096)
    assert said in str(caught.value)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(
    "params",
    [
        {"either": [REF, "x"]},
        {"either": [REF, 3]},
        {"inner": REF},
        {"inner": {"seed": REF}},
        {"numbers": [REF, 1]},
        {"some": [REF]},
        {"anything": REF},
    ],
)
def test_what_a_reference_may_turn_out_to_be_is_accepted(here: PathPolicy, params: dict[str, Any]) -> None:
    assert validated_params(MANY, {"source": "files", "dataset": REF, **params}, here, 4096)["dataset"] == LATER


def test_a_value_that_is_no_json_beside_a_reference_is_named(here: PathPolicy) -> None:
    with pytest.raises(ParameterError, match=r"anything\.0=.*: is not JSON"):
        validated_params(MANY, {"source": "files", "dataset": 2, "anything": [object(), REF]}, here, 4096)


def test_a_job_that_is_prepared_knows_whom_it_waits_for(registry: Registry, tmp_path: Path) -> None:
    params = {"a": Ref("one", "value"), "b": Ref("two", "value")}
    new = prepare(registry.task("add"), params, Options(after=("zero", "one")), Origin(), make_settings(tmp_path))
    assert new.after == ("zero", "one", "two")


def test_a_job_needs_a_gpu_slot_where_its_parameters_say_so(registry: Registry, tmp_path: Path) -> None:
    def new(**params: Any) -> bool:
        task, settings = registry.task("see_devices"), make_settings(tmp_path)
        return prepare(task, params, Options(), Origin(), settings).gpu

    assert not new()
    assert not new(device="cpu")
    assert new(device="cuda")
    with pytest.raises(ParameterError, match="device: says whether the job needs a gpu slot, and so cannot refer"):
        new(device=REF)
