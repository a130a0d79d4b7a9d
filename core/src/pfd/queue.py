"""What a runtime is: a way to ring the workers of a queue.

The job table is the truth.  A runtime only carries the news that a queue has something to claim, so losing every
message it holds loses no job.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from pfd.errors import SettingsError
from pfd.settings import Settings
from pfd.urls import mask_any

if TYPE_CHECKING:
    from pfd.plugins import Registry

GROUP = "pfd.runtimes"


@dataclass(frozen=True)
class Ring:
    """The news that a job can be claimed; or, where `cancel`, that it has been asked to stop."""

    job_id: str
    task: str
    queue: str
    cancel: bool = False


class Ringer(Protocol):
    """What a worker needs of its runtime: a way to ring others."""

    name: str

    def ring(self, ring: Ring) -> None:
        """Tell the workers of a queue.

        Returns at once.  Raises `QueueError` when the news cannot be delivered; the job stays stored, and a sweep
        finds it.
        """


@runtime_checkable
class Runtime(Ringer, Protocol):
    """A runtime, named under the entry-point group `pfd.runtimes`.  Constructed with the settings."""

    def __init__(self, settings: Settings) -> None: ...

    def serve(self, registry: Registry, slots: Mapping[str, int], ready: Callable[[], None]) -> None:
        """Be a worker, until SIGINT or SIGTERM: `pfd worker`.

        `slots` says for each queue (or several, comma-separated) how many jobs may run at once; `ready` is called once
        jobs are claimed.  Raises `SettingsError` where this runtime has no workers.
        """

    def close(self) -> None:
        """Let go of connections."""


class Bell(Protocol):
    """How a worker hears that it was rung: something to select on."""

    def fileno(self) -> int:
        """The file descriptor that becomes readable when the bell was rung."""

    def drain(self) -> None:
        """Forget the rings heard so far."""

    def close(self) -> None:
        """Hear no more."""


def runtime_names() -> list[str]:
    """Names of the installed runtimes."""
    return sorted({entry.name for entry in importlib.metadata.entry_points(group=GROUP)})


def load_runtime(settings: Settings) -> Runtime:
    """The runtime that the settings name.  Raises `SettingsError` where it is not installed or cannot be loaded."""
    found = [e for e in importlib.metadata.entry_points(group=GROUP) if e.name == settings.runtime]
    if not found:
        raise SettingsError(
            f"runtime {mask_any(settings.runtime)!r} is not installed; there are: {', '.join(runtime_names())}",
            hint="set PFD_RUNTIME to one of them, or install the distribution that brings it",
        )
    try:
        runtime = found[0].load()(settings)
    except ImportError as error:
        raise SettingsError(
            f"runtime {settings.runtime!r} cannot be loaded: {error}",
            hint=f"pip install 'pfd-core[{settings.runtime}]'",
        ) from error
    if not isinstance(runtime, Runtime):
        raise SettingsError(f"runtime {settings.runtime!r} ({found[0].value}) does not speak the runtime protocol")
    return runtime
