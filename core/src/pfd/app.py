"""What all who store, run and tell of jobs need together: settings, plugins, the store, and a way to wake workers."""

from __future__ import annotations

from dataclasses import dataclass

from pfd.notify import Notifier
from pfd.plugins import Registry
from pfd.settings import Settings
from pfd.store import Store


@dataclass(frozen=True)
class App:
    """One PFD in one process.  It opens and closes nothing: whoever makes it does.

    Parameters
    ----------
    runtime : wakes the workers of what is stored; in a worker, the worker itself first.
    """

    settings: Settings
    registry: Registry
    store: Store
    runtime: Notifier
