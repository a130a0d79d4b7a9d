"""PFD: background jobs for predictive fault diagnosis on vibration signals.

Importing this package is light: the store and the dispatcher load when they are first used.
"""

from __future__ import annotations

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
    StopReason,
    StoreError,
    StoreUnavailable,
    TimeLimitExceeded,
    UnknownJob,
    UnknownSchedule,
    UnknownTask,
    WorkerLost,
)
from pfd.hints import Hint
from pfd.hooks import (
    Command,
    EventKind,
    JobEnd,
    JobEvent,
    JobStart,
    JobSubmission,
    Reference,
    ResultView,
    Tables,
    hookimpl,
)
from pfd.job import Job, JobFailure, State
from pfd.lazy import lazy_names
from pfd.references import Refers
from pfd.settings import Settings, load_settings
from pfd.task import Params, Ref, Result, Task, UserPath

if TYPE_CHECKING:
    from pfd.artifacts import replacing, write_json
    from pfd.client.aio.dispatcher import AsyncDispatcher
    from pfd.client.aio.handle import AsyncJobHandle
    from pfd.client.dispatcher import Dispatcher
    from pfd.client.handle import JobHandle
    from pfd.client.job_list import JobList
    from pfd.client.readers import artifact_path, reading, writing
    from pfd.client.views.job_view import JobView
    from pfd.context import TaskContext
    from pfd.files import open_regular, read_regular
    from pfd.handles import Handle
    from pfd.hooks import Records as Records  # as Tables was called
    from pfd.lifecycle import (
        PipelineSubmission,
        PipelineSubmitted,
        PluginsLoaded,
        ProcessKind,
        ProcessStart,
        Sweep,
        WorkerStart,
        WorkerStop,
    )
    from pfd.plugin_settings import PluginSettings
    from pfd.runtimes.local import Worker
    from pfd.schedules.schedule import Schedule, ScheduleSlot, SlotOutcome
    from pfd.series.reader import Point
    from pfd.stored import Seal, StoredFile, home_path, home_relative
    from pfd.vitals import StoreReading, Vitals, WorkerInfo

__version__ = "0.1.0"

# Declaring: what a plugin's manifest uses.
# Running: what a task is given.  Using: what a client calls.  Errors.
__all__ = [
    "ArtifactError",
    "AsyncDispatcher",
    "AsyncJobHandle",
    "CancelRequested",
    "Command",
    "DataError",
    "Dispatcher",
    "EventKind",
    "Handle",
    "Hint",
    "Job",
    "JobCancelled",
    "JobEnd",
    "JobError",
    "JobEvent",
    "JobFailed",
    "JobFailure",
    "JobHandle",
    "JobList",
    "JobStart",
    "JobSubmission",
    "JobView",
    "KeyConflict",
    "ParameterError",
    "Params",
    "PfdError",
    "PipelineSubmission",
    "PipelineSubmitted",
    "PluginError",
    "PluginSettings",
    "PluginsLoaded",
    "Point",
    "ProcessKind",
    "ProcessStart",
    "QueueError",
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
    "StopReason",
    "StoreError",
    "StoreReading",
    "StoreUnavailable",
    "StoredFile",
    "Sweep",
    "Tables",
    "Task",
    "TaskContext",
    "TimeLimitExceeded",
    "UnknownJob",
    "UnknownSchedule",
    "UnknownTask",
    "UserPath",
    "Vitals",
    "Worker",
    "WorkerInfo",
    "WorkerLost",
    "WorkerStart",
    "WorkerStop",
    "artifact_path",
    "home_path",
    "home_relative",
    "hookimpl",
    "load_settings",
    "open_regular",
    "read_regular",
    "reading",
    "replacing",
    "write_json",
    "writing",
]

__getattr__ = lazy_names(
    __name__,
    {
        "artifacts": ("replacing", "write_json"),
        "client.aio.dispatcher": ("AsyncDispatcher",),
        "client.aio.handle": ("AsyncJobHandle",),
        "client.dispatcher": ("Dispatcher",),
        "client.handle": ("JobHandle",),
        "client.job_list": ("JobList",),
        "client.views.job_view": ("JobView",),
        "client.readers": ("artifact_path", "reading", "writing"),
        "context": ("TaskContext",),
        "files": ("open_regular", "read_regular"),
        "handles": ("Handle",),
        "hooks": ("Records",),
        "lifecycle": (
            "PipelineSubmission",
            "PipelineSubmitted",
            "PluginsLoaded",
            "ProcessKind",
            "ProcessStart",
            "Sweep",
            "WorkerStart",
            "WorkerStop",
        ),
        "plugin_settings": ("PluginSettings",),
        "runtimes.local": ("Worker",),
        "series.reader": ("Point",),
        "schedules.schedule": ("Schedule", "ScheduleSlot", "SlotOutcome"),
        "stored": ("Seal", "StoredFile", "home_path", "home_relative"),
        "vitals": ("StoreReading", "Vitals", "WorkerInfo"),
    },
)


def _submit(name: str, params: Any, **options: Any) -> Any:
    from pfd.client.dispatcher import default_dispatcher

    return default_dispatcher().submit(name, params, **options)


_task.set_submitter(_submit)
