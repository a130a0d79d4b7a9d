"""From a task's name and parameters to a row in the job table and a ring at the workers' door."""

from pfd.submission.adopt import MAX_TASK, Request, adopt, check_id
from pfd.submission.options import Options, make_options
from pfd.submission.params import fill, referred, validated_params
from pfd.submission.submit import Origin, accompanied, announce, prepare, submit, submit_prepared, tell_workers

__all__ = [
    "MAX_TASK",
    "Options",
    "Origin",
    "Request",
    "accompanied",
    "adopt",
    "announce",
    "check_id",
    "fill",
    "make_options",
    "prepare",
    "referred",
    "submit",
    "submit_prepared",
    "tell_workers",
    "validated_params",
]
