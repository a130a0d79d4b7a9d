"""Names functions that no job could call, and one that does not exist."""

from pfd import Task, hookimpl
from pfd_example_broken.params import Level, Signal


def _task(name, function):
    return Task(name, run=f"pfd_example_broken.work:{function}", params=Signal, result=Level)


@hookimpl
def pfd_register_tasks():
    return [
        _task("without_context_task", "without_context"),
        _task("waiting_task", "waiting"),
        _task("piecewise_task", "piecewise"),
        _task("misspelt_task", "piecewize"),
    ]
