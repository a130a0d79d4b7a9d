"""Pipeline files: several jobs, each given what earlier ones found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.tests.support.stores import make_settings
from pfd import Dispatcher, JobCancelled, ParameterError, State
from pfd.pipeline import Pipeline
from pfd.plugins import Registry
from pfd.runtimes.local import Worker


@pytest.fixture
def dispatcher(tmp_path: Path, registry: Registry) -> Iterator[Dispatcher]:
    with Dispatcher(make_settings(tmp_path / "home"), registry=registry) as found:
        yield found


def load(folder: Path, text: str) -> Pipeline:
    path = folder / "line.toml"
    path.write_text(text, encoding="utf-8")
    return Pipeline.load(path)


CHAIN = """
name = "a chain"

[steps.last]
task = "add"
params = { a = "${middle.value}", b = "${first.value}" }
tags = ["end"]

[steps.middle]
task = "add"
params = { a = "${first.value}", b = 10 }
priority = 3

[steps.first]
task = "add"
params = { a = 1, b = 2 }

[steps.aside]
task = "add"
params = { a = 0 }
after = ["last"]
"""


def test_each_step_is_given_what_earlier_ones_found(tmp_path: Path, dispatcher: Dispatcher, registry: Registry) -> None:
    handles = load(tmp_path, CHAIN).submit(dispatcher, tags=("mine",))
    assert list(handles) == ["first", "middle", "last", "aside"]
    with Worker(dispatcher.settings, slots=2, registry=registry):
        results = {name: handle.get(60) for name, handle in handles.items()}
    assert results == {
        "first": {"value": 3},
        "middle": {"value": 13},
        "last": {"value": 16},
        "aside": {"value": 1},
    }
    assert handles["last"].job.tags == ("end", "mine", "pipeline:a chain")
    assert handles["middle"].job.priority == 3
    started = [handles[name].job.started_at for name in ("first", "middle", "last", "aside")]
    assert started == sorted(started, key=lambda at: at or 0.0)


def test_what_waits_for_a_step_that_fails_is_revoked_and_says_so(
    tmp_path: Path, dispatcher: Dispatcher, registry: Registry
) -> None:
    text = """
    [steps.bad]
    task = "fail_inline"
    [steps.next]
    task = "add"
    params = { a = 1 }
    after = ["bad"]
    [steps.after_next]
    task = "add"
    params = { a = "${next.value}" }
    """
    handles = load(tmp_path, text).submit(dispatcher)
    with Worker(dispatcher.settings, slots=1, registry=registry):
        with pytest.raises(JobCancelled, match=f"{handles['next'].id}, which this one depends on, ended as REVOKED"):
            handles["after_next"].get(60)
        with pytest.raises(JobCancelled, match=f"{handles['bad'].id}, which this one depends on, ended as FAILURE"):
            handles["next"].get(60)


def test_a_result_that_does_not_fit_the_parameter_fails_that_step(
    tmp_path: Path, dispatcher: Dispatcher, registry: Registry
) -> None:
    text = """
    [steps.big]
    task = "add"
    params = { a = 1000, b = 1000 }
    [steps.next]
    task = "add"
    params = { a = "${big.value}" }
    """
    handles = load(tmp_path, text).submit(dispatcher)
    with Worker(dispatcher.settings, slots=1, registry=registry):
        job = handles["next"].wait(60)
    assert job.state is State.FAILURE
    assert job.failure is not None
    assert "a=2000" in job.failure.message


BAD_FILES = {
    "it is no TOML": ("[steps", "line.toml"),
    "it has no steps": ("name = 'x'", "at least one table [steps.NAME]"),
    "it has an unknown key": ("nmae = 'x'\n[steps.a]\ntask='add'\nparams={a=1}", "nmae: is no key"),
    "a step has an unknown key": ("[steps.a]\ntask='add'\nparam={a=1}", "steps.a.param: is no key of a step"),
    "a step has no task": ("[steps.a]\nparams={a=1}", "steps.a.task"),
    "a step is no table": ("[steps]\na = 3", "steps.a: is not a table"),
    "after is no list": ("[steps.a]\ntask='add'\nafter='b'", "steps.a.after"),
    "params is no table": ("[steps.a]\ntask='add'\nparams=[1]", "steps.a.params"),
}


@pytest.mark.parametrize("what", BAD_FILES)
def test_a_file_that_is_not_of_the_form_is_refused_because(tmp_path: Path, what: str) -> None:
    text, said = BAD_FILES[what]
    with pytest.raises(ParameterError) as caught:
        load(tmp_path, text)
    assert said in str(caught.value)
    assert "line.toml" in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"none\.toml"):
        Pipeline.load(tmp_path / "none.toml")


BAD_STEPS = {
    "a task is unknown": ("task='ad'\nparams={a=1}", "unknown task 'ad' (did you mean add"),
    "a parameter is wrong": ("task='add'\nparams={a=-1}", "a=-1"),
    "a parameter is missing": ("task='add'", "a: is required"),
    "a step is unknown": ("task='add'\nparams={a='${frist.value}'}", "no step 'frist'; did you mean 'first'?"),
    "a result has no such field": ("task='add'\nparams={a='${first.vaule}'}", "no result field 'vaule'; it has value"),
    "a parameter of a reference is unknown": ("task='add'\nparams={a=1, z='${first.value}'}", "z"),
    "a reference stands inside a text": ("task='nap'\nparams={witness='x/${first.value}'}", "${first.value}"),
    "an option is wrong": ("task='add'\nparams={a=1}\npriority='high'", "priority='high'"),
    "a queue is no name": ("task='add'\nparams={a=1}\nqueue='No Queue'", "queue='No Queue'"),
    "steps wait for each other": ("task='add'\nparams={a=1}\nafter=['step']", "step → step"),
}


@pytest.mark.parametrize("what", BAD_STEPS)
def test_nothing_is_submitted_of_a_pipeline_where(tmp_path: Path, dispatcher: Dispatcher, what: str) -> None:
    text, said = BAD_STEPS[what]
    pipeline = load(tmp_path, f"[steps.first]\ntask='add'\nparams={{a=1}}\n[steps.step]\n{text}\n")
    with pytest.raises(ParameterError) as caught:
        pipeline.submit(dispatcher)
    assert said in str(caught.value)
    assert dispatcher.jobs() == []


def test_all_that_is_wrong_is_listed_at_once(tmp_path: Path, dispatcher: Dispatcher) -> None:
    pipeline = load(tmp_path, "[steps.a]\ntask='ad'\n[steps.b]\ntask='add'\nparams={a=-1}\nafter=['c']\n")
    with pytest.raises(ParameterError) as caught:
        pipeline.check(dispatcher.plugins, dispatcher.settings)
    assert len(caught.value.problems) == 3
