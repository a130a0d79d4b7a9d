"""Declarations."""

from pydantic import FiniteFloat

from pfd import Params, Result, Task, hookimpl


class NoParams(Params):
    pass


class Moment(Result):
    at: FiniteFloat


noop = Task("noop", run="pfd_bench.tasks:noop", params=NoParams, result=Moment, isolation="inline", time_limit=5.0)
torch_noop = Task("torch_noop", run="pfd_bench.tasks:torch_noop", params=NoParams, result=Moment, preload=("torch",))


@hookimpl
def pfd_register_tasks() -> list[Task]:
    return [noop, torch_noop]
