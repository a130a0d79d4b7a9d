"""Runtimes: each a way to wake workers, and to be one.  What a third party's runtime is made of is here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pfd.lazy import lazy_names
from pfd.notify import Wakeup, WakeupListener
from pfd.runtimes.base import Runtime

if TYPE_CHECKING:
    from pfd.runtimes.earlier import Service as Service
    from pfd.runtimes.worker_host import StopSignals, WorkerHost

    Bell, Ring = WakeupListener, Wakeup  # as they were called

__all__ = ["Runtime", "StopSignals", "Wakeup", "WakeupListener", "WorkerHost"]

# A client needs no worker.
__getattr__ = lazy_names(
    __name__,
    {"worker_host": ("StopSignals", "WorkerHost"), "earlier": ("Service",)},
    renamed={"Bell": "WakeupListener", "Ring": "Wakeup"},
)
