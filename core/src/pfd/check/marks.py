"""The marks of parameters: whether conditions ask for what is there, and defaults are of their own type."""

from __future__ import annotations

from pfd.check.report import Report
from pfd.schema import mark_faults
from pfd.task import Task


def look_at(task: Task, report: Report, path: str) -> None:
    """Look at the conditions and defaults in the model of a task's parameters."""
    subject = f"task {task.name}"
    if report.begin(subject, "params", f"reading the marks of {task.name}", path):
        for fault in mark_faults(task.params):
            report.add(subject, fault.path or "params", fault.problem, hint=fault.hint, path=path)
