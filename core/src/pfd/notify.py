"""What is said of a queue: that it has something to claim, and how a worker hears that.

The job table is the truth.  A runtime only carries the news, so losing every message it holds loses no job.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from pfd.lazy import warn_renamed


@dataclass(frozen=True)
class Wakeup:
    """The news that a job can be claimed; or, where `cancel`, that it has been asked to stop."""

    job_id: str
    task: str
    queue: str
    cancel: bool = False


class Notifier(Protocol):
    """What a worker needs of its runtime: a way to wake others."""

    name: str

    def notify(self, wakeup: Wakeup) -> None:
        """Tell the workers of a queue.

        Returns at once.  Raises `QueueError` when the news cannot be delivered; the job stays stored, and a sweep
        finds it.
        """


class WakeupListener(Protocol):
    """How a worker hears that it is woken: something to select on."""

    def fileno(self) -> int:
        """The file descriptor that becomes readable when there is a wakeup."""

    def drain(self) -> None:
        """Forget the wakeups heard so far."""

    def close(self) -> None:
        """Hear no more."""


class _Silent:
    """Wakes nobody."""

    name = "none"

    def notify(self, wakeup: Wakeup) -> None:
        """Nothing: workers find it at their next sweep."""


SILENT: Notifier = _Silent()


class RingingRuntime:
    """A runtime that has `ring`, as `notify` was called, seen as one that has `notify`."""

    def __init__(self, runtime: Any) -> None:
        warn_renamed(f"{type(runtime).__name__}.ring", "notify")
        self._runtime = runtime

    def notify(self, wakeup: Wakeup) -> None:
        self._runtime.ring(wakeup)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runtime, name)


def as_notifier(runtime: Any) -> Any:
    """A runtime as one that has `notify`; one that has inherited it from the protocol alone has none."""
    has = getattr(type(runtime), "notify", None)
    return RingingRuntime(runtime) if has in (None, Notifier.notify) and hasattr(runtime, "ring") else runtime
