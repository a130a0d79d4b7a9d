"""What hooks are given that hear of programs, workers and pipelines, rather than of single jobs."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from pfd.settings import Settings
from pfd.task import Task

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from pfd.vitals import StoreReading, Vitals, WorkerInfo


class Listeners(Protocol):
    """Objects whose hooks are called beside those of the plugins of this process."""

    def listen(self, name: str, listener: object) -> None:
        """Call the hooks of an object from now on, under a name for the log."""

    def unlisten(self, listener: object) -> None:
        """Call them no more."""


@dataclass(frozen=True)
class PluginsLoaded:
    """Given to `pfd_loaded`, in every process, once all plugins are loaded.

    Parameters
    ----------
    listeners : for what is to hear of hooks only where the settings ask for it, and so need not be loaded elsewhere.
    """

    settings: Settings
    listeners: Listeners
    served: set[str] = field(default_factory=set)
    """The settings that a listener serves, by name."""

    def serve(self, setting: str, listener: object) -> None:
        """Do what a setting of the core asks for, by the hooks of a listener.  One that is not served is refused."""
        self.listeners.listen(setting, listener)
        self.served.add(setting)


@dataclass
class WorkerStart:
    """Given to `pfd_worker_start`, in the worker, before it is seen by others and claims jobs.

    Parameters
    ----------
    worker : who it is.  One with a `client_id`, or without slots, serves a single program.
    vitals : its signs of life, for as long as it lives.
    tasks : all tasks that are known here, by name.
    read_store : what the store holds.  Waits for the store; raises `StoreError`.
    """

    worker: WorkerInfo
    vitals: Vitals
    settings: Settings
    tasks: Mapping[str, Task]
    read_store: Callable[[], StoreReading]
    listeners: Listeners
    metrics: str | None = None
    """Set by an implementation: the HOST:PORT at which it serves metrics, for `pfd workers`."""
    descriptors: int = 0
    """Raised by an implementation: how many open files it may need beside those of the worker."""

    def __setattr__(self, name: str, value: object) -> None:
        # Refused where it is set: so the log names the plugin, and the worker goes on without.
        if name == "metrics" and not (value is None or isinstance(value, str)):
            raise TypeError(f"metrics={value!r:.100} is not a text")
        if name == "descriptors" and not (type(value) is int and value >= 0):
            raise TypeError(f"descriptors={value!r:.100} is not a number of files")
        super().__setattr__(name, value)


@dataclass(frozen=True)
class WorkerStop:
    """Given to `pfd_worker_stop`, in the worker, once its jobs have ended or been handed back."""

    worker: WorkerInfo
    settings: Settings


class ProcessKind(enum.StrEnum):
    """What a program of PFD is for.

    COMMAND: a command that submits, ends or runs jobs.  WARM_SERVER: processes of jobs are forked from it, so it
    imports what these will need, begins no thread and keeps no connection.  JOB: the process of one job, before its
    task is called.
    """

    COMMAND = "command"
    WARM_SERVER = "warm server"
    JOB = "job"


@dataclass(frozen=True)
class ProcessStart:
    """Given to `pfd_process_start`, in a program of PFD; never in one that imports `pfd`."""

    kind: ProcessKind
    settings: Settings


@dataclass(frozen=True)
class Sweep:
    """Given to `pfd_sweep`, in the worker.

    Parameters
    ----------
    session : a SQLAlchemy session for short reads and writes, kept when its block ends well; rolled back with a
        `StoreError` where it is held for more than ten seconds.
    """

    worker: WorkerInfo
    settings: Settings
    session: Callable[[], AbstractContextManager[Session]]


@dataclass(frozen=True)
class PipelineSubmission:
    """Given to `pfd_before_pipeline`, in the thread that submits the steps of a pipeline, before any is stored."""

    name: str
    run_id: str
    settings: Settings


@dataclass(frozen=True)
class PipelineSubmitted:
    """Given to `pfd_after_pipeline`, in the same thread.  `error` says why the steps have not been stored."""

    submission: PipelineSubmission
    error: BaseException | None = None
