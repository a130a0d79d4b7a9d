"""The manifest."""

from __future__ import annotations

from pfd import ResultView, Task, hookimpl
from pfd_example_kinematics.params import FaultLines, FaultLinesParams

fault_lines_task = Task(
    "fault_lines_task",
    run="pfd_example_kinematics.tasks:fault_lines",
    params=FaultLinesParams,
    result=FaultLines,
    isolation="inline",
    time_limit=5,
)


@hookimpl
def pfd_register_tasks() -> list[Task]:
    return [fault_lines_task]


@hookimpl
def pfd_register_result_views() -> list[ResultView]:
    return [ResultView("fault_lines_task", fields=("ftf_hz", "bpfo_hz", "bpfi_hz", "bsf_hz"))]
