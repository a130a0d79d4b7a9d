"""The manifest of the contract's tasks."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from pfd import Tables, Task, hookimpl
from pfd_contract.plugin.params import (
    Anything,
    FailParams,
    LeaveParams,
    NapParams,
    NoParams,
    Number,
    NumberParams,
    ParentParams,
    Run,
    ScribbleParams,
    ScriptParams,
    SizeParams,
    SleepParams,
    StopParams,
    TellParams,
    Text,
)

BACKOFF = 0.2
"""Seconds before the second attempt of a task that is retried."""

PATIENT = 120.0
"""The same where a test looks at a job that waits for its next attempt."""

MEMORY_LIMIT = 200 * 2**20


def _task(where: str, params: type[BaseModel], result: type[BaseModel], **options: Any) -> Task:
    """`where` is `module:function`; the task is named after the function."""
    name = f"contract_{where.partition(':')[2]}"
    return Task(name, run=f"pfd_contract.plugin.{where}", params=params, result=result, **options)


_INLINE: dict[str, Any] = {"isolation": "inline", "time_limit": 15.0}
_RETRIED: dict[str, Any] = {"max_attempts": 3, "retry_on": (ConnectionError,), "backoff": BACKOFF}

TASKS = [
    _task("plain:noop", NoParams, Run, **_INLINE),
    _task("plain:nap", NapParams, Run),
    _task("plain:nap_inline", NapParams, Run, **_INLINE),
    _task("plain:tell", TellParams, Run, max_attempts=2, retry_on=(ConnectionError,), backoff=PATIENT),
    _task("plain:add_one", NumberParams, Number),
    _task("plain:fail", FailParams, Run, **_RETRIED),
    _task("plain:fail_inline", FailParams, Run, **_RETRIED, **_INLINE),
    _task("plain:polite", NapParams, Run),
    _task("plain:polite_with_limit", NapParams, Run, soft_time_limit=0.5, time_limit=60.0),
    _task("plain:turn", NapParams, Run, **_RETRIED),
    _task("kept:odd", NoParams, Anything),
    _task("kept:large", SizeParams, Text),
    _task("kept:zigzag", SizeParams, Run),
    _task("kept:report_much", SizeParams, Run),
    _task("kept:late", NapParams, Run),
    _task("kept:late_inline", NapParams, Run, **_INLINE),
    _task("kept:resume", LeaveParams, Text),
    _task("kept:row", LeaveParams, Number),
    _task("kept:hang_in_session", NapParams, Run),
    _task("family:parent", ParentParams, Anything),
    _task("family:coordinator", ParentParams, Anything, coordinator=True),
    _task("rough:sleep_in_c", SleepParams, Run),
    _task("rough:sleep_in_c_with_limit", SleepParams, Run, time_limit=1.0),
    _task("rough:stubborn", NapParams, Run),
    _task("rough:finalise", NapParams, Run),
    _task("rough:leave", LeaveParams, Run),
    _task("rough:halt", StopParams, Run),
    _task("rough:scribble", ScribbleParams, Run),
    _task("rough:script", ScriptParams, Run, **_RETRIED),
    _task("rough:print_much", SizeParams, Run),
    _task("rough:eat", SizeParams, Run, memory_limit=MEMORY_LIMIT),
    _task("rough:hoard", SizeParams, Run, memory_limit=MEMORY_LIMIT),
    _task("rough:share", SizeParams, Run, memory_limit=MEMORY_LIMIT),
    _task("rough:daemonise", NapParams, Run),
    _task("rough:crowd", SizeParams, Anything),
    _task("rough:close_all", NapParams, Run),
    _task("rough:surroundings", NoParams, Anything),
    _task("rough:far_from_cuda", NoParams, Anything, preload=("contract_touches_cuda",)),
    _task("device:on_device", NapParams, Anything, gpu=True),
    _task("rough:version", NoParams, Number, preload=("contract_changing", "contract_no_such_module")),
    # Its module is there for some workers only.
    Task("contract_elsewhere", run="contract_elsewhere_code:run", params=NoParams, result=Number),
]


@hookimpl
def pfd_register_tasks() -> list[Task]:
    return TASKS


@hookimpl
def pfd_register_records() -> list[Tables]:
    return [
        Tables(
            name="contract",
            module="pfd_contract.plugin.records",
            migrations="pfd_contract.plugin.migrations",
            head="contract_0001",
        )
    ]
