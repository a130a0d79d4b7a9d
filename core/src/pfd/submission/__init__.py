"""From a task's name and parameters to a row in the job table and a ring at the workers' door."""

from pfd.submission.options import Options, make_options
from pfd.submission.params import fill, referred, validated_params
from pfd.submission.submit import Origin, prepare, ring, submit, submit_prepared

__all__ = [
    "Options",
    "Origin",
    "fill",
    "make_options",
    "prepare",
    "referred",
    "ring",
    "submit",
    "submit_prepared",
    "validated_params",
]
