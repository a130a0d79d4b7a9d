"""Hands over a function, which is to be named as a text."""

from pfd import Task, hookimpl
from pfd_example_broken.good import level
from pfd_example_broken.params import Level, Signal


@hookimpl
def pfd_register_tasks():
    return [Task("function_itself_task", run=level, params=Signal, result=Level)]
