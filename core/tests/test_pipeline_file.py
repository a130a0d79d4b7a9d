"""Pipeline files: several jobs, each given what earlier ones found."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from core.tests.support.stores import as_environment, make_settings
from pfd import Dispatcher, JobCancelled, ParameterError, Result, Settings, State
from pfd.pipeline import Pipeline
from pfd.plugins import Registry
from pfd.runtimes.local import Worker
from pfd.schema import at, samples, shape_of


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
    assert handles["last"].job.tags == ("end", "mine", "pipeline:a chain", f"run:{handles.id}", "step:last")
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


UNREADABLE = {
    "it is not TOML": (b"[steps", "at end of document"),
    "it is not a text": (b"\xff\xfe[\x00s\x00", "is not UTF-8 text (byte 0)"),
    "it is huge": (b"#" * 2_000_000, "is larger than 1024 KiB"),
    "its lists are nested too deep": (b"x = " + b"[" * 5000 + b"]" * 5000, "is nested more than 50 deep"),
    "its tables are nested too deep": (b"[" + b".".join([b"a"] * 5000) + b"]", "is nested more than 50 deep"),
    "a number is too long": (b"x = " + b"1" * 5000, "4300 digits"),
    "it has too many steps": (b"".join(b"[steps.s%d]\ntask='add'\n" % n for n in range(1001)), "1001 steps"),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_a_file_is_not_read_where(tmp_path: Path, what: str) -> None:
    content, said = UNREADABLE[what]
    path = tmp_path / "line.toml"
    path.write_bytes(content)
    with pytest.raises(ParameterError) as caught:
        Pipeline.load(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_an_endless_file_is_not_read_to_its_end() -> None:
    with pytest.raises(ParameterError, match="/dev/zero: is a device"):
        Pipeline.load(Path("/dev/zero"))


def test_a_file_with_the_mark_that_windows_puts_in_front_is_read(tmp_path: Path) -> None:
    path = tmp_path / "line.toml"
    path.write_bytes(b"\xef\xbb\xbf[steps.a]\r\ntask = 'add'\r\n")
    assert list(Pipeline.load(path).steps) == ["a"]


BAD_FORMS = {
    "it is empty": ("", "at least one table [steps.NAME]"),
    "it has no steps": ("name = 'x'", "at least one table [steps.NAME]"),
    "its name is a number": ("name = 3\n[steps.a]\ntask='add'", "name=3: is not a name"),
    "its name is empty": ("name = ''\n[steps.a]\ntask='add'", "name='': is not a name"),
    "it has an unknown key": ("nmae = 'x'\n[steps.a]\ntask='add'\nparams={a=1}", "nmae: is not a key"),
    "a step has an unknown key": ("[steps.a]\ntask='add'\nparam={a=1}", "steps.a.param: is not a key of a step"),
    "a step has no task": ("[steps.a]\nparams={a=1}", "steps.a.task"),
    "a step is not a table": ("[steps]\na = 3", "steps.a: is not a table"),
    "after is not a list": ("[steps.a]\ntask='add'\nafter='b'", "steps.a.after"),
    "params is not a table": ("[steps.a]\ntask='add'\nparams=[1]", "steps.a.params"),
    "tags is not a list": ("[steps.a]\ntask='add'\nparams={a=1}\ntags='b'", "steps.a.tags"),
    "the name of a step cannot be referred to": ("[steps.'a b']\ntask='add'", "steps.a b: the name of a step is"),
}


@pytest.mark.parametrize("what", BAD_FORMS)
def test_a_file_that_is_not_of_the_form_is_refused_because(tmp_path: Path, dispatcher: Dispatcher, what: str) -> None:
    text, said = BAD_FORMS[what]
    pipeline = load(tmp_path, text)
    with pytest.raises(ParameterError) as caught:
        pipeline.submit(dispatcher)
    assert any(problem.startswith(said) or said in problem for problem in caught.value.problems)
    assert dispatcher.jobs() == []


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
    "a queue is not a name": ("task='add'\nparams={a=1}\nqueue='No Queue'", "queue='No Queue'"),
    "a reference has no field": ("task='nap'\nparams={witness='${first}'}", "witness='${first}': a reference is"),
    "a reference has an empty part": ("task='nap'\nparams={witness='${first.value.}'}", "a reference is the whole"),
    "a field has nothing inside": (
        "task='add'\nparams={a='${first.value.x}'}",
        "step: a: add has no result field 'x' in 'value'; it is of type integer",
    ),
    "a result is of another type": (
        "task='nap'\nparams={witness='${first.value}'}",
        "step: witness: input should be a valid string, and 'value' of add is an integer",
    ),
    "a text is given for a number": (
        "task='add'\nparams={a='${slow.text}'}\n[steps.slow]\ntask='nap'",
        "step: a: input should be a valid integer, and 'text' of nap is a text",
    ),
    "a list holds a reference and is none to be": ("task='add'\nparams={a=['${first.value}']}", "step: a=[Ref("),
    "a parameter beside a reference is wrong": ("task='add'\nparams={a='${first.value}', b='x'}", "step: b='x'"),
    "its result is its own parameter": ("task='add'\nparams={a='${step.value}'}", "step → step"),
    "a limit is not positive": ("task='add'\nparams={a=1}\ntime_limit=0", "time_limit=0.0 is not positive"),
    "its limits are the wrong way round": (
        "task='nap'\nsoft_time_limit=9\ntime_limit=3",
        "soft_time_limit=9 is larger than time_limit=3",
    ),
    "a tag is one of those that say which run it is": ("task='nap'\ntags=['run:x']", "step: tag 'run:x'"),
    "a tag is too long": ("task='nap'\ntags=['" + "x" * 101 + "']", "tag: 1 to 100 characters"),
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


MUCH = """
nmae = "x"
[steps.unknown]
task = "ad"
junk = 1
[steps.wrong]
task = "add"
params = { a = -1, z = "${unknown.value}" }
priority = "high"
queue = "No Queue"
after = ["nowhere"]
[steps.limits]
task = "nap"
params = { witness = "${wrong.value}", seconds = "${wrong}" }
soft_time_limit = 9
time_limit = 3
[steps.left]
task = "add"
params = { a = "${right.value}" }
[steps.right]
task = "add"
params = { a = "${left.vaule}" }
after = ["left"]
[steps.self]
task = "add"
params = { a = "${self.value}" }
"""


def test_all_that_is_wrong_is_listed_at_once(tmp_path: Path, dispatcher: Dispatcher) -> None:
    pipeline = load(tmp_path, MUCH)
    with pytest.raises(ParameterError) as caught:
        pipeline.check(dispatcher.plugins, dispatcher.settings)
    wanted = [
        "nmae: is not a key",
        "steps.unknown.junk: is not a key",
        "unknown: unknown task 'ad'",
        "wrong: there is no step 'nowhere'",
        "wrong: priority='high'",
        "wrong: queue='No Queue'",
        "wrong: a=-1",
        "wrong: z: is not a parameter",
        "limits: seconds='${wrong}': a reference is the whole",
        "limits: witness: input should be a valid string, and 'value' of add is an integer",
        "limits: soft_time_limit=9 is larger than time_limit=3",
        "right: a: add has no result field 'vaule'",
        "steps wait for each other: left → right → left",
        "steps wait for each other: self → self",
    ]
    found = list(caught.value.problems)
    assert [text for text in wanted if not any(problem.startswith(text) for problem in found)] == []
    assert len(found) == len(wanted), found


@pytest.mark.parametrize("text", ["${odd.value}", "${odd.value.a.b.c}", "${odd.value.0}"])
def test_what_a_result_does_not_say_may_be_referred_to(tmp_path: Path, dispatcher: Dispatcher, text: str) -> None:
    pipeline = load(tmp_path, f"[steps.odd]\ntask='odd_result'\n[steps.next]\ntask='add'\nparams={{ a = '{text}' }}")
    pipeline.check(dispatcher.plugins, dispatcher.settings)


class Part(BaseModel):
    number: int
    names: list[str]


class Whole(Result):
    parts: dict[str, Part]
    pair: tuple[int, str]
    choice: Literal["a", "b"]
    share: float | None
    either: Part | int
    anything: dict[str, Any]


FIELDS = {
    "parts.left.number": [1],
    "parts.left.names.3": ["text"],
    "parts.left.names": [["text"]],
    "parts": [{}],
    "pair.1": ["text"],
    "choice": ["a", "b"],
    "share": [1.0],
    "either": [{}, 1],
    "either.number": [1],
    "anything.at.all": None,
}


@pytest.mark.parametrize("path", FIELDS)
def test_what_a_result_will_look_like_is_known_from_its_model(path: str) -> None:
    found = at(shape_of(Whole, "serialization"), path.split("."))
    assert (None if found is None else samples(found)) == FIELDS[path]


@pytest.mark.parametrize("path", ["nothing", "parts.left.nothing", "pair.2", "pair.x", "share.x", "either.x"])
def test_what_a_result_cannot_hold_is_known_from_its_model(path: str) -> None:
    with pytest.raises(LookupError, match="no result field"):
        at(shape_of(Whole, "serialization"), path.split("."))


def test_one_step_feeds_twenty_and_twenty_feed_one(tmp_path: Path, dispatcher: Dispatcher, registry: Registry) -> None:
    many = "".join(f"[steps.m{n}]\ntask='add'\nparams={{ a='${{one.value}}', b={n} }}\n" for n in range(20))
    names = ", ".join(f"'m{n}'" for n in range(20))
    text = f"[steps.one]\ntask='add'\nparams={{ a=1 }}\n{many}[steps.end]\ntask='add'\nafter=[{names}]\n"
    handles = load(tmp_path, text + "params={ a='${m19.value}', b='${m7.value}' }\n").submit(dispatcher)
    assert handles["end"].job.waiting == 20
    with Worker(dispatcher.settings, slots=4, registry=registry):
        assert handles["end"].get(60) == {"value": 2 + 19 + 2 + 7}
    jobs = {name: handle.job for name, handle in handles.items()}
    assert {job.state for job in jobs.values()} == {State.SUCCESS}
    ends = [jobs[f"m{n}"].ended_at or 0.0 for n in range(20)]
    assert (jobs["one"].ended_at or 0.0) <= min(jobs[f"m{n}"].started_at or 0.0 for n in range(20))
    assert max(ends) <= (jobs["end"].started_at or 0.0)


@pytest.mark.parametrize("option", ["key", "after", "retry_of"])
def test_what_is_said_of_a_single_job_cannot_be_said_of_a_pipeline(
    tmp_path: Path, dispatcher: Dispatcher, option: str
) -> None:
    with pytest.raises(ParameterError, match=f"{option}: is an option of a single job"):
        load(tmp_path, CHAIN).submit(dispatcher, **{option: "x"})


def test_tags_of_a_pipeline_may_be_one_text_and_none_that_say_which_run_it_is(
    tmp_path: Path, dispatcher: Dispatcher
) -> None:
    assert "mine" in load(tmp_path, CHAIN).submit(dispatcher, tags="mine")["first"].job.tags
    with pytest.raises(ParameterError, match="tag 'step:one'"):
        load(tmp_path, CHAIN).submit(dispatcher, tags=["step:one"])


KILLED_MIDWAY = """
    import os, signal, sys
    from pathlib import Path
    import sqlalchemy as sa
    from pfd import Dispatcher
    from pfd.pipeline import Pipeline

    stored = 0

    @sa.event.listens_for(sa.Engine, "after_cursor_execute")
    def count(connection, cursor, statement, *rest):
        global stored
        stored += statement.startswith("INSERT INTO pfd_job ")
        if stored == 3:
            print("three are stored", flush=True)
            os.kill(os.getpid(), signal.SIGKILL)

    Pipeline.load(Path(sys.argv[1])).submit(Dispatcher())
"""


def test_of_a_pipeline_whose_submitter_was_killed_midway_nothing_is_left(
    tmp_path: Path, settings: Settings, registry: Registry
) -> None:
    with Dispatcher(settings, registry=registry) as dispatcher:
        assert dispatcher.jobs() == []  # the tables are there
        load(tmp_path, CHAIN)
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(KILLED_MIDWAY), str(tmp_path / "line.toml")],
            env=os.environ | as_environment(settings),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert (done.returncode, done.stdout) == (-signal.SIGKILL, "three are stored\n"), done.stderr
        assert dispatcher.jobs() == []
        assert len(load(tmp_path, CHAIN).submit(dispatcher)) == 4
        assert len(dispatcher.jobs()) == 4


def test_a_pipeline_runs_where_it_is_submitted_on_the_eager_runtime(tmp_path: Path, registry: Registry) -> None:
    with Dispatcher(make_settings(tmp_path / "home", runtime="eager"), registry=registry) as dispatcher:
        handles = load(tmp_path, CHAIN).submit(dispatcher)
        assert {name: handle.state for name, handle in handles.items()} == dict.fromkeys(handles, State.SUCCESS)
        assert handles["last"].job.result == {"value": 16}
