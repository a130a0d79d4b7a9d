"""Exit codes, and how an error is told: what is wrong in one line, what to do in another."""

from __future__ import annotations

import contextlib

from pfd.console import echo, one_line
from pfd.errors import (
    DamagedRow,
    DataError,
    JobCancelled,
    JobError,
    KeyConflict,
    ParameterError,
    PfdError,
    PluginError,
    QueueError,
    SettingsError,
    StoreError,
    TimeLimitExceeded,
    UnknownJob,
    UnknownSchedule,
)
from pfd.hints import Hint

OK, FAILED, BAD_REQUEST, GONE, TIMED_OUT, CANCELLED = 0, 1, 2, 3, 124, 130

_CODES: tuple[tuple[type[PfdError], int], ...] = (
    (JobCancelled, CANCELLED),
    (TimeLimitExceeded, TIMED_OUT),
    (JobError, FAILED),
    (StoreError, GONE),
    (DamagedRow, FAILED),
    (UnknownJob, BAD_REQUEST),
    (UnknownSchedule, BAD_REQUEST),
    (KeyConflict, BAD_REQUEST),
    (QueueError, GONE),
    (ParameterError, BAD_REQUEST),
    (SettingsError, BAD_REQUEST),
    (PluginError, BAD_REQUEST),
    (DataError, BAD_REQUEST),
)


def exit_code(error: PfdError) -> int:
    """The exit code that goes with an error."""
    if type(error) is JobError:  # nothing ended badly: what was asked for cannot be done to such a job
        return BAD_REQUEST
    return next((code for kind, code in _CODES if isinstance(error, kind)), FAILED)


def explain(error: PfdError) -> None:
    """Tell an error.  Of a message of many lines the first is told; a job keeps the rest."""
    lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    say(f"error: {lines[0]}{' …' if lines[1:] else ''}")
    hint = error.hint
    if hint is None and lines[1:] and isinstance(error, JobError):
        hint = Hint(f"'pfd job {error.job_id[:8]} --traceback' shows all of it")
    if hint:
        say(f"hint: {hint.in_shell()}")


def say(*lines: str) -> None:
    """Lines on standard error; a foreign text within one stays on it."""
    with contextlib.suppress(BrokenPipeError):  # the exit code says it to whoever reads no more
        for line in lines:
            echo(one_line(line), err=True)
