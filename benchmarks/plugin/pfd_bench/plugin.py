"""Declarations."""

from typing import Literal

from pydantic import FiniteFloat

from pfd import Params, Result, Task, hookimpl


class NoParams(Params):
    pass


class Moment(Result):
    at: FiniteFloat


class BurnParams(Params):
    """Milliseconds of processor time."""

    milliseconds: float


class LoopParams(Params):
    """So many turns of work, and how often a second progress is reported (0: never)."""

    turns: int
    reports: float


class LoopResult(Result):
    """Seconds that the loop took, by the clock and of processor time, and how often progress was reported."""

    seconds: FiniteFloat
    used: FiniteFloat
    reported: int


class RecordParams(Params):
    """How often what is called: `ctx.record`, or what writes a line of JSON by itself."""

    calls: int
    how: Literal["record", "json"]


class RecordResult(Result):
    """Microseconds of a call, by the clock."""

    microseconds: FiniteFloat


class ReportParams(Params):
    """For how long progress is reported and points are recorded without a pause."""

    seconds: float


noop = Task("noop", run="pfd_bench.tasks:noop", params=NoParams, result=Moment, isolation="inline", time_limit=5.0)
isolated_noop = Task("isolated_noop", run="pfd_bench.tasks:noop", params=NoParams, result=Moment)
torch_noop = Task("torch_noop", run="pfd_bench.tasks:torch_noop", params=NoParams, result=Moment, preload=("torch",))
burn = Task("burn", run="pfd_bench.tasks:burn", params=BurnParams, result=Moment, isolation="inline", time_limit=5.0)
deaf = Task("deaf", run="pfd_bench.tasks:deaf", params=NoParams, result=Moment)
loop = Task("loop", run="pfd_bench.tasks:loop", params=LoopParams, result=LoopResult)

record = Task("record", run="pfd_bench.tasks:record", params=RecordParams, result=RecordResult)
report_on = Task("report_on", run="pfd_bench.tasks:report_on", params=ReportParams, result=Moment)


@hookimpl
def pfd_register_tasks() -> list[Task]:
    return [noop, isolated_noop, torch_noop, burn, deaf, loop, record, report_on]
