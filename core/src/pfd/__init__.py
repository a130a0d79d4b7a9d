"""PFD: background jobs for predictive fault diagnosis on vibration signals.

Importing this package is light: the store and the dispatcher load when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from pfd import entrypoints as _entrypoints  # noqa: F401  (before whatever asks for some, as pydantic does)
from pfd import task as _task
from pfd.errors import (
    ArtifactError,
    CancelRequested,
    DataError,
    JobCancelled,
    JobError,
    JobFailed,
    KeyConflict,
    ParameterError,
    PfdError,
    PluginError,
    QueueError,
    SchemaError,
    SettingsError,
    StaleClaim,
    StoreError,
    StoreUnavailable,
    TimeLimitExceeded,
    UnknownJob,
    UnknownSchedule,
    UnknownTask,
    WorkerLost,
)
from pfd.hints import Hint
from pfd.hooks import Command, JobEnd, JobEvent, JobStart, JobSubmission, Records, Reference, ResultView, hookimpl
from pfd.job import Job, State
from pfd.references import Refers
from pfd.settings import Settings, load_settings
from pfd.task import Params, Ref, Result, Task, UserPath

if TYPE_CHECKING:
    from pfd.artifacts import replacing
    from pfd.client.dispatcher import Dispatcher
    from pfd.client.handle import JobHandle
    from pfd.client.job_list import JobList
    from pfd.client.readers import artifact_path, reading, writing
    from pfd.context import TaskContext
    from pfd.files import open_regular, read_regular
    from pfd.handles import Handle
    from pfd.runtimes.local import Worker
    from pfd.schedules.schedule import Schedule, ScheduleSlot, SlotOutcome
    from pfd.stored import Seal, StoredFile, home_path, home_relative

__version__ = "0.1.0"

# Declaring: what a plugin's manifest uses.
# Running: what a task is given.  Using: what a client calls.  Errors.
__all__ = [
    "ArtifactError",
    "CancelRequested",
    "Command",
    "DataError",
    "Dispatcher",
    "Handle",
    "Hint",
    "Job",
    "JobCancelled",
    "JobEnd",
    "JobError",
    "JobEvent",
    "JobFailed",
    "JobHandle",
    "JobList",
    "JobStart",
    "JobSubmission",
    "KeyConflict",
    "ParameterError",
    "Params",
    "PfdError",
    "PluginError",
    "QueueError",
    "Records",
    "Ref",
    "Reference",
    "Refers",
    "Result",
    "ResultView",
    "Schedule",
    "ScheduleSlot",
    "SchemaError",
    "Seal",
    "Settings",
    "SettingsError",
    "SlotOutcome",
    "StaleClaim",
    "State",
    "StoreError",
    "StoreUnavailable",
    "StoredFile",
    "Task",
    "TaskContext",
    "TimeLimitExceeded",
    "UnknownJob",
    "UnknownSchedule",
    "UnknownTask",
    "UserPath",
    "Worker",
    "WorkerLost",
    "artifact_path",
    "home_path",
    "home_relative",
    "hookimpl",
    "load_settings",
    "open_regular",
    "read_regular",
    "reading",
    "replacing",
    "writing",
]

_LATE = {
    "Dispatcher": "pfd.client.dispatcher",
    "Handle": "pfd.handles",
    "JobHandle": "pfd.client.handle",
    "JobList": "pfd.client.job_list",
    "Schedule": "pfd.schedules.schedule",
    "ScheduleSlot": "pfd.schedules.schedule",
    "Seal": "pfd.stored",
    "SlotOutcome": "pfd.schedules.schedule",
    "StoredFile": "pfd.stored",
    "TaskContext": "pfd.context",
    "Worker": "pfd.runtimes.local",
    "artifact_path": "pfd.client.readers",
    "home_path": "pfd.stored",
    "home_relative": "pfd.stored",
    "open_regular": "pfd.files",
    "read_regular": "pfd.files",
    "reading": "pfd.client.readers",
    "replacing": "pfd.artifacts",
    "writing": "pfd.client.readers",
}


def __getattr__(name: str) -> Any:
    if name in _LATE:
        return getattr(importlib.import_module(_LATE[name]), name)
    raise AttributeError(f"module 'pfd' has no attribute {name!r}")


def _submit(name: str, params: Any, **options: Any) -> Any:
    from pfd.client.dispatcher import default_dispatcher

    return default_dispatcher().submit(name, params, **options)


_task.set_submitter(_submit)
