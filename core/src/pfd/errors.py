"""The error tree.

Every error that PFD raises on purpose hangs on `PfdError`.  A message says what is wrong, with the value; `hint` says
what to do next.  Errors of third parties are converted where they enter.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

from pfd.characters import one_line
from pfd.hints import Hint


class PfdError(Exception):
    """Root of all errors of PFD.  A traceback of Python shows its hint as well, in the words of Python."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self._hint: Hint | None = None
        self.hint = hint

    @property
    def hint(self) -> Hint | None:
        """What to do next, where that is known."""
        return self._hint

    @hint.setter
    def hint(self, hint: str | None) -> None:
        notes = [note for note in getattr(self, "__notes__", ()) if note != self._note()]
        self._hint = None if hint is None else Hint(hint)
        self.__notes__ = [*notes, note] if (note := self._note()) else notes

    def _note(self) -> str:
        return f"hint: {one_line(self._hint.in_python())}" if self._hint else ""

    def __str__(self) -> str:
        return self.message


class ParameterError(PfdError):
    """Parameters that a task does not accept.  `problems` holds one line a field."""

    def __init__(self, message: str, *, hint: str | None = None, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.problems = problems


class UnknownTask(ParameterError):
    """A task name that no loaded plugin declares."""


class PluginError(PfdError):
    """A plugin that is broken, incompatible, or claims what another plugin owns."""


class SettingsError(PfdError):
    """A setting with a value that cannot be used."""


class PluginSettingsError(SettingsError):
    """Settings of a plugin that cannot be used: it alone suffers."""


class QueueError(PfdError):
    """Something between a caller and its job: the store, the broker, the runtime."""


class StoreError(QueueError):
    """The job table cannot be reached, read or written."""


class StoreUnavailable(StoreError):
    """The store does not answer for now: its server is down, or another program holds its lock."""


class StoreReplaced(StoreUnavailable):
    """Where the store lay is another one, or has been none for long.  A worker ends by it; who only waits goes on.

    `certain` is False where what lies there says nothing of which store it is, as one that is being restored.
    """

    def __init__(self, message: str, *, hint: str | None = None, certain: bool = True) -> None:
        super().__init__(message, hint=hint)
        self.certain = certain


class SchemaError(StoreError):
    """The store's schema does not fit this code (older, newer, or unknown)."""


class KeyConflict(QueueError):
    """An idempotency key that is in use by a live job with other parameters."""


class UnknownJob(QueueError):
    """No job, or more than one, goes by that id."""


class UnknownSchedule(QueueError):
    """No schedule goes by that name."""


class DamagedRow(QueueError):
    """A row of the store that cannot be read: something else than PFD has written it, or the file is damaged."""

    def __init__(self, message: str, *, job_id: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.job_id = job_id


class StaleClaim(QueueError):
    """A write of a run that no longer owns its job; the run is to stop."""


class DataError(PfdError):
    """Data that cannot be used: a damaged file, a missing column, too few bearings."""


class ArtifactError(PfdError):
    """A file of a job that is missing, outside its folder or cannot be written."""


class JobError(PfdError):
    """How a job ended, where it did not end well."""

    def __init__(self, message: str, *, job_id: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.job_id = job_id


class JobFailed(JobError):
    """The task raised.  `type` and `traceback` are those of the exception in the worker."""

    def __init__(
        self, message: str, *, job_id: str = "", hint: str | None = None, type: str = "", traceback: str = ""
    ) -> None:
        super().__init__(message, job_id=job_id, hint=hint)
        self.type = type
        self.traceback = traceback


class JobCancelled(JobError):
    """The job was cancelled, or revoked because something it depends on failed."""


class TimeLimitExceeded(JobError):
    """The job ran longer than its time limit."""


class WorkerLost(JobError):
    """The job's worker vanished more often than `max_lost` allows, or its process died without a result."""


class StopReason(enum.StrEnum):
    """Why a run is to stop: somebody cancelled it, it ran too long, or the job is another run's by now."""

    CANCEL = "cancel"
    TIME_LIMIT = "time limit"
    STALE = "stale"


class CancelRequested(BaseException):
    """Raised inside a running task that is to stop.

    A `BaseException`, so that no library takes it for a failed fit.  `reason` is a `StopReason` where PFD raises it.
    """

    def __init__(self, reason: str = StopReason.CANCEL) -> None:
        super().__init__(reason)
        self.reason = reason


def shown(value: object, most: int = 80) -> str:
    """A value as a message shows it, in at most so many characters; whatever it is."""
    try:
        text = repr(value)
    except Exception:  # thousands of digits, nested without end, or somebody's own broken class
        text = f"<{type(value).__name__}>"
    return text if len(text) <= most else f"{text[: most - 3]}..."


def few(lines: Sequence[str], most: int = 20) -> tuple[str, ...]:
    """The first of many lines, and how many more there are."""
    left = len(lines) - most
    return (*lines[:most], f"and {left} more") if left > 0 else tuple(lines)
