"""Calls what plugins do in each sweep, beside the heartbeat of a worker."""

from __future__ import annotations

import functools
import threading

from pfd.app import App
from pfd.context import SESSION_SECONDS
from pfd.lifecycle import Sweep
from pfd.threads import LastingThread
from pfd.vitals import Alarm, WorkerInfo

HOOK = "pfd_sweep"


class SweepHooks:
    """One thread for the hooks of all plugins, begun when the first of them is to be called.

    Not the heartbeat's: a plugin that waits for another server would let the lease of its worker run out.
    """

    def __init__(self, app: App, info: WorkerInfo, alarm: Alarm) -> None:
        self._registry = app.registry
        self._sweep = Sweep(info, app.settings, functools.partial(app.store.session, write=True, most=SESSION_SECONDS))
        self._alarm = alarm
        self._due = threading.Event()
        self._stopping = False
        self._thread: LastingThread | None = None

    def tick(self) -> None:
        """Have the hooks called once more; nothing where they still are since an earlier tick."""
        if self._thread is None and self._registry.listens(HOOK):
            thread = LastingThread("pfd-sweep-hooks", self._serve, self._alarm)
            thread.start()
            self._thread = thread
        self._due.set()

    def stop(self, patience: float) -> None:
        """Call them no more, and wait up to `patience` seconds for those that are being called."""
        self._stopping = True
        self._due.set()
        if self._thread is not None:
            self._thread.join(patience)

    def _serve(self) -> None:
        while not self._stopping:
            self._due.wait()
            if not self._stopping:
                self._registry.notify(HOOK, sweep=self._sweep)
                self._due.clear()  # what fell due meanwhile has been seen to
