"""`pfd submit`: parameters from the command line, and what is printed of a job."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from pfd import Dispatcher, Params, Result, State, Task, UserPath
from pfd.cli.app import run
from pfd.cli.parameters import gather
from pfd.errors import ParameterError
from pfd.settings import load_settings

pytestmark = pytest.mark.usefixtures("served")

Capture = pytest.CaptureFixture[str]


class Inner(Params):
    protocol: str = "bearing"
    seed: int | None = None


class Outer(Params):
    count: int = 1
    rate: float = 1.0
    flag: bool = False
    maybe: bool | None = None
    name: str = "x"
    ref: int | str = 1
    either: float | str | None = None
    words: tuple[str, ...] = ()
    numbers: list[int] = Field(default_factory=list)
    pair: tuple[int, str] = (1, "a")
    split: Inner = Inner()
    table: dict[str, int] = Field(default_factory=dict)
    path: UserPath | None = None


class Nothing(Result):
    pass


TASK = Task("shapes", run="nowhere:nothing", params=Outer, result=Nothing)


def parse(*pairs: str, source: str | None = None) -> dict[str, Any]:
    return gather(TASK, pairs, source, load_settings().values)[0]


@pytest.mark.parametrize(
    ("pair", "name", "value"),
    [
        ("count=3", "count", 3),
        ("count=-3", "count", -3),
        ("count=1e3", "count", 1000),
        ("rate=2", "rate", 2.0),
        ("flag=yes", "flag", True),
        ("flag=false", "flag", False),
        ("flag=1", "flag", True),
        ("maybe=null", "maybe", None),
        ("name=42", "name", "42"),
        ("name=null", "name", "null"),
        ("name=", "name", ""),
        ("name=a=b", "name", "a=b"),
        ("name=[1]", "name", "[1]"),
        ("ref=7", "ref", 7),
        ("ref=seven", "ref", "seven"),
        ("either=0.5", "either", 0.5),
        ("either=light", "either", "light"),
        ("either=null", "either", None),
        ("words=a,b", "words", ["a", "b"]),
        ("words=a", "words", ["a"]),
        ("words=", "words", []),
        ("words=1,2", "words", ["1", "2"]),
        ('words=["a,b", "c"]', "words", ["a,b", "c"]),
        ("numbers=1, 2", "numbers", [1, 2]),
        ("numbers=[1,2]", "numbers", [1, 2]),
        ("pair=4,5", "pair", [4, "5"]),
        ("split.protocol=speed", "split", {"protocol": "speed", "seed": None}),
        ("split.seed=null", "split", {"protocol": "bearing", "seed": None}),
        ('split={"seed": 2}', "split", {"protocol": "bearing", "seed": 2}),
        ("table.anything=4", "table", {"anything": 4}),
    ],
)
def test_a_value_gets_the_type_that_its_parameter_asks_for(pair: str, name: str, value: object) -> None:
    assert parse(pair)[name] == value
    assert type(parse(pair)[name]) is type(value)


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ("cuont=3", "did you mean count"),
        ("split.protocl=3", "did you mean split.protocol"),
        ("seed=3", "did you mean split.seed"),
        ("count.x=3", "count holds a single value"),
        ("count=three", "count='three'"),
        ("flag=maybe", "flag='maybe'"),
        ("split=speed", "split is a group"),
        ("numbers=[1,", "not valid JSON"),
        ("count", "not of the form key=value"),
        ("=3", "not of the form key=value"),
    ],
)
def test_what_is_wrong_with_a_pair_is_said_with_what_would_be_right(pair: str, said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        parse(pair)


def test_a_parameter_given_twice_is_refused() -> None:
    with pytest.raises(ParameterError, match="given twice"):
        parse("count=1", "count=2")
    with pytest.raises(ParameterError, match="given twice"):
        parse('split={"seed": 1}', "split.seed=2")


def test_a_pair_wins_over_the_file_name_by_name(tmp_path: Path) -> None:
    as_json, as_toml = tmp_path / "p.json", tmp_path / "p.toml"
    as_json.write_text('{"count": 5, "rate": 0.5, "split": {"protocol": "load", "seed": 1}}')
    as_toml.write_text('count = 5\nrate = 0.5\n[split]\nprotocol = "load"\nseed = 1\n')
    for file in (as_json, as_toml):
        found = parse("count=6", "split.seed=2", source=str(file))
        assert (found["count"], found["rate"]) == (6, 0.5)
        assert found["split"] == {"protocol": "load", "seed": 2}


def test_parameters_can_come_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'\xef\xbb\xbf{"count": 8}\r\n')))
    assert parse(source="-")["count"] == 8


@pytest.mark.parametrize(("name", "text"), [("p.json", '{"count":\r\n8}'), ("p.toml", "count = 8\r\n")])
def test_a_file_that_an_editor_of_windows_has_saved_is_read(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert parse(source=str(tmp_path / name))["count"] == 8


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "p.json"), ("[1]", "an object of parameters is needed"), ('{"cuont": 1}', "did you mean count")],
)
def test_a_bad_file_is_one_clear_line(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(text)
    with pytest.raises(ParameterError, match=said):
        parse(source=str(tmp_path / "p.json"))
    with pytest.raises(ParameterError, match="No such file"):
        parse(source=str(tmp_path / "absent.json"))


def test_a_typed_path_may_lie_anywhere_and_one_out_of_a_file_may_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, outside = tmp_path / "here", tmp_path / "there"
    inside.mkdir()
    outside.mkdir()
    monkeypatch.chdir(inside)
    settings = load_settings().values
    assert gather(TASK, [f"path={outside}"], None, settings) == (parse(f"path={outside}"), (outside.resolve(),))
    assert gather(TASK, ["path=.", f"name={outside}"], None, settings)[1] == ()
    (inside / "p.json").write_text(json.dumps({"path": str(outside)}))
    with pytest.raises(ParameterError, match="outside the allowed folders"):
        parse(source="p.json")


def test_submitting_prints_the_id_and_says_that_no_worker_is_there(capsys: Capture) -> None:
    assert run(["submit", "add", "a=1"]) == 0
    said = capsys.readouterr()
    job = Dispatcher().job(said.out.strip())
    assert (job.task, job.state, job.params) == ("add", State.PENDING, {"a": 1, "b": 1})
    assert "pfd worker --queues default" in said.err


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        (["ad", "a=1"], 2, "did you mean add"),
        (["add", "a=5000"], 2, "a=5000"),
        (["add"], 2, "a: is required"),
        (["add", "a=1", "--timeout", "3"], 2, "--wait"),
        (["add", "a=1", "--after", "nothing"], 2, "nothing"),
        (["add", "a=1", "--countdown", "-1"], 2, "countdown"),
    ],
)
def test_a_bad_request_stores_nothing(line: list[str], code: int, said: str, capsys: Capture) -> None:
    assert run(["submit", *line]) == code
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err
    assert Dispatcher().jobs() == []


def test_waiting_runs_the_job_in_here_and_prints_its_result(capsys: Capture) -> None:
    assert run(["submit", "add", "a=1", "b=2", "--wait"]) == 0
    said = capsys.readouterr()
    assert said.out.split() == ["value", "3"]
    assert "SUCCESS" in said.err


def test_waiting_with_json_prints_nothing_else_on_standard_output(capsys: Capture) -> None:
    assert run(["submit", "write_artifact", "--wait", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["state"] == "SUCCESS"
    assert told["failure"] is None
    assert told["artifacts"]
    assert all(Path(path).is_file() for path in told["artifacts"].values())


def test_a_failure_is_two_lines_and_a_traceback_only_where_it_is_asked_for(capsys: Capture) -> None:
    assert run(["submit", "fail", "--wait"]) == 1
    assert "Traceback" not in (err := capsys.readouterr().err)
    assert "error: ValueError" in err
    assert run(["submit", "fail", "--wait", "--debug"]) == 1
    assert "in fail" in capsys.readouterr().err


def test_options_reach_the_job(capsys: Capture) -> None:
    assert run(["submit", "nap"]) == 0
    first = capsys.readouterr().out.strip()
    options = ["--priority", "5", "--queue", "other", "--tag", "x", "--tag", "y", "--key", "k", "--time-limit", "9"]
    assert run(["submit", "nap", *options, "--after", first[:8], "--countdown", "60", "--json"]) == 0
    job = Dispatcher().job(json.loads(capsys.readouterr().out)["id"])
    assert (job.priority, job.queue, job.tags, job.key, job.waiting) == (5, "other", ("x", "y"), "k", 1)
    assert job.options["time_limit"] == 9
    assert job.due_at > job.created_at + 50


def test_a_queue_that_no_task_declares_is_served_in_here_as_well(capsys: Capture) -> None:
    assert run(["submit", "add", "a=1", "--queue", "attic", "--wait"]) == 0


def test_a_time_out_hands_the_job_back_and_says_so(capsys: Capture) -> None:
    assert run(["submit", "nap", "seconds=60", "steps=600", "--wait", "--timeout", "0.5"]) == 124
    job = Dispatcher().job("@last")
    assert job.state in (State.PENDING, State.RETRY)
    err = capsys.readouterr().err
    assert job.id in err
    assert "is queued" in err


def test_a_job_of_that_key_that_another_process_submitted_is_not_taken_in_here(capsys: Capture) -> None:
    command = [sys.executable, "-c", "from pfd.cli import main; main()", "submit", "add", "a=1", "--key", "once"]
    known = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ).stdout.strip()
    assert run(["submit", "add", "a=1", "--key", "once", "--wait", "--timeout", "0.5"]) == 124
    assert known in (err := capsys.readouterr().err)
    assert "no live worker serves" in err
