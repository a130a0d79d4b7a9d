"""A hook that returns one task, and not a list."""

from pfd import Task, hookimpl
from pfd_example_broken.params import Level, Signal


@hookimpl
def pfd_register_tasks():
    return Task("one_task", run="pfd_example_broken.good:level", params=Signal, result=Level)
