"""Tasks that do one thing each: succeed, fail, sleep, crash."""

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from pfd import Params, ProcessStart, Result, ResultView, Tables, Task, UserPath, hookimpl


class NoParams(Params):
    pass


class AddParams(Params):
    a: int = Field(ge=0, le=1000, description="first number")
    b: int = 1


class Number(Result):
    value: int


class Text(Result):
    text: str


class Anything(Result):
    value: Any = None


class SleepParams(Params):
    seconds: float = Field(0.1, ge=0, le=600)
    steps: int = Field(10, ge=1)
    witness: str = ""
    artifact: str = ""


class FailParams(Params):
    kind: str = "value"
    times: int = 99
    witness: str = ""


class DieParams(Params):
    how: str = "exit"
    times: int = 99


class PathParams(Params):
    path: UserPath


class FitParams(Params):
    method: str = "least squares"
    fail: bool = False
    go: str = ""
    fit_id: int | None = None


class ShowParams(Params):
    steps: int = 5
    then: Literal["end", "fail", "wait"] = "end"
    die_after: int = -1


class CampaignParams(Params):
    cancel: str = ""


class Shown(Result):
    accuracy: float | None
    classes: list[dict[str, Any]]
    cautions: list[str]


class SizeParams(Params):
    size: int = 1


class NoteParams(Params):
    text: str = ""
    witness: str = ""
    go: str = ""
    seconds: float = 0.0


class ParentParams(Params):
    children: int = 2
    fail: bool = False


class DeviceParams(Params):
    device: Literal["cpu", "cuda"] = "cpu"


class GatherParams(Params):
    children: int = 3
    depth: int = 0
    seconds: float = 0.05
    fail: bool = False
    witness: str = ""
    die_once: bool = False


def _task(name: str, params: type[BaseModel], result: type[BaseModel], **options: Any) -> Task:
    return Task(name, run=f"pfd_sample.tasks:{name}", params=params, result=result, **options)


TASKS = [
    _task("add", AddParams, Number, isolation="inline", time_limit=5.0),
    _task("gather_in_a_slot", GatherParams, Anything),
    _task("wait_in_a_slot", NoParams, Text),
    _task("log_elsewhere", NoParams, Text),
    _task("silence", SizeParams, Text),
    _task("silence_inline", SizeParams, Text, isolation="inline", time_limit=10.0),
    _task("add_apart", AddParams, Number),
    _task("nap", SleepParams, Text),
    _task("nap_inline", SleepParams, Text, isolation="inline", time_limit=10.0),
    _task("sleep_in_c", SleepParams, Text),
    _task("fail", FailParams, Text, max_attempts=3, retry_on=(ConnectionError,), backoff=0.05),
    _task(
        "fail_inline",
        FailParams,
        Text,
        isolation="inline",
        time_limit=5.0,
        max_attempts=3,
        retry_on=("builtins:OSError",),
        backoff=0.05,
    ),
    _task("die", DieParams, Text),
    _task("odd_result", NoParams, Anything),
    _task("wrong_result", NoParams, Number),
    _task("large_result", SizeParams, Text),
    _task("not_json", NoParams, Anything),
    _task("read_path", PathParams, Text),
    _task("write_artifact", NoParams, Text),
    _task("write_json", NoParams, Text),
    _task("write_many", SizeParams, Text),
    _task("family", SleepParams, Text),
    _task("swallow", SleepParams, Text),
    _task("turn_into_error", SleepParams, Text, max_attempts=3, retry_on=(ConnectionError,), backoff=0.05),
    _task("print_much", SizeParams, Text),
    _task("report_oddly", NoParams, Text),
    _task("report_percent", NoParams, Text),
    _task("report_percent_inline", NoParams, Text, isolation="inline", time_limit=10.0),
    _task("report_large", SizeParams, Text),
    _task("report_large_inline", SizeParams, Text, isolation="inline", time_limit=10.0),
    _task("eat_memory", SizeParams, Text, memory_limit=150 * 2**20),
    _task("limited", SleepParams, Text, time_limit=1.0),
    _task("limited_softly", SleepParams, Text, soft_time_limit=0.5, time_limit=30.0),
    Task("import_a_while", run="pfd_sample.a_while:import_a_while", params=NoParams, result=Text),
    Task("preload_a_while", run="pfd_sample.tasks:warm", params=NoParams, result=Text, preload=("pfd_sample.a_while",)),
    Task("import_slowly", run="pfd_sample.slow:import_slowly", params=NoParams, result=Text),
    _task("show", ShowParams, Shown, max_attempts=1),
    Task(
        "show_inline", run="pfd_sample.tasks:show", params=ShowParams, result=Shown, isolation="inline", time_limit=15.0
    ),
    _task("campaign", CampaignParams, Anything, coordinator=True),
    _task("say_threads", NoParams, Anything),
    _task("warm", NoParams, Text, preload=("json", "no_such_module_anywhere")),
    _task("note", NoteParams, Number),
    _task("note_inline", NoteParams, Number, isolation="inline", time_limit=10.0),
    _task("parent", ParentParams, Anything),
    _task("resume", DieParams, Text),
    _task("gather", GatherParams, Anything, coordinator=True),
    _task("hold_session", SleepParams, Text),
    _task("where_am_i", NoParams, Anything),
    _task("see_devices", DeviceParams, Anything, gpu={"device": "cuda"}),
    _task("see_devices_above", NoParams, Anything, coordinator=True),
    _task("fill_disk", NoParams, Text),
    _task("hostile", NoParams, Anything),
    _task("misname_hostile", NoParams, Text),
    _task("raise_hostile", NoParams, Text),
    _task("fit", FitParams, Number, row="pfd_sample.fits:draft"),
    Task(
        "fit_inline",
        run="pfd_sample.tasks:fit",
        params=FitParams,
        result=Number,
        isolation="inline",
        time_limit=10.0,
        row="pfd_sample.fits:draft",
    ),
    _task("make_span", NoParams, Anything),
    _task("make_span_inline", NoParams, Anything, isolation="inline", time_limit=5.0),
]


@hookimpl
def pfd_register_tasks() -> list[Task]:
    return TASKS


@hookimpl
def pfd_register_records() -> list[Tables]:
    return [
        Tables(
            name="sample",
            module="pfd_sample.records",
            migrations="pfd_sample.migrations",
            head="sample_0002",
            upgrade_order=1,
        )
    ]


@hookimpl
def pfd_register_result_views() -> list[ResultView]:
    return [
        ResultView("show", fields=("accuracy",), lines=("cautions",)),
        ResultView("show_inline", blocks="pfd_sample.views:ended", live="pfd_sample.views:so_far"),
        ResultView("note", blocks="pfd_sample.views:broken", live="pfd_sample.no_such_module:view"),
        ResultView("note_inline", blocks="pfd_sample.views:odd"),
        ResultView("where_am_i", blocks="pfd_sample.views:leaving"),
        ResultView("silence", blocks="pfd_sample.views:nameless"),
    ]


@hookimpl
def pfd_process_start(start: ProcessStart) -> None:
    if told := os.environ.get("SAMPLE_TOLD"):
        with Path(told).open("a", encoding="utf-8") as file:
            file.write(f"{start.kind}\n")
