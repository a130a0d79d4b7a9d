"""A reserved name, a command that PFD has itself, one whose module is missing, views and kinds of what nobody gives."""

from pfd import Command, Reference, ResultView, Task, hookimpl
from pfd_example_broken.params import Gear, Level, Signal


@hookimpl
def pfd_register_tasks():
    return [
        Task("train_model_task", run="pfd_example_broken.good:level", params=Signal, result=Level),
        Task("broken_level_task", run="pfd_example_broken.good:level", params=Signal, result=Level),
        Task("broken_gear_task", run="pfd_example_broken.good:level", params=Gear, result=Level),
    ]


@hookimpl
def pfd_register_references():
    return [Reference("gearbox", "pfd_example_broken.good:find", "pfd_example_broken.good:level")]


@hookimpl
def pfd_register_commands():
    return [
        Command("jobs", load="pfd_example_broken.good:command", help="Never reached."),
        Command("gears", load="pfd_example_broken.goood:command", help="Its module is called otherwise."),
    ]


@hookimpl
def pfd_register_result_views():
    return [
        ResultView("broken_levels_task", fields=("rms",)),
        ResultView("broken_level_task", fields=("rsm", "peak")),
    ]
