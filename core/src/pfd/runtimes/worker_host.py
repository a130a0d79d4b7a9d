"""A worker, set up and taken down: the same for each runtime."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any, cast

from pfd.app import App
from pfd.errors import StoreReplaced
from pfd.notify import Notifier, Wakeup, WakeupListener, as_notifier
from pfd.plugins import Registry
from pfd.runtimes.base import SHUTDOWN_PATIENCE
from pfd.settings import Settings
from pfd.store import Store
from pfd.submission.submit import notify_workers
from pfd.vitals import Alarm
from pfd.worker.worker import Worker

log = logging.getLogger("pfd.runtimes")

_Handler = Callable[[int, FrameType | None], Any]

BROKER_PATIENCE = 4.0
"""Seconds that may go by until a broker is let go of, once no job runs any more: it may not answer."""

HEARING = 0.5
"""Seconds after which a waiting thread looks whether it has missed a signal."""


class WorkerHost:
    """Claims jobs from the store and runs them, in threads of this process; jobs run in processes of their own.

    Parameters
    ----------
    slots : for each queue (or several, comma-separated) how many jobs may run at once.
    runtime : wakes other workers.
    client_id : where given, only jobs that this client has submitted are claimed.
    on_idle : called, from any thread, whenever a slot has found nothing to do.
    """

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        slots: Mapping[str, int],
        runtime: Notifier,
        *,
        client_id: str | None = None,
        on_idle: Callable[[], None] = lambda: None,
    ) -> None:
        self.settings = settings
        self.registry = registry
        self.slots = dict(slots)
        self.store = Store(settings, registry.tables())
        self.app = App(settings, registry, self.store, as_notifier(runtime))
        self._client_id = client_id
        self._on_idle = on_idle
        self.alarm = Alarm()
        self.worker: Worker | None = None
        self._replaced: StoreReplaced | None = None
        self._ends_program = False

    def start(self, listener: WakeupListener | None = None) -> None:
        """Begin to claim jobs.  Raises `StoreError` or `SettingsError` where that is not possible."""
        self.store.open()
        try:
            self.worker = Worker(
                self.app,
                slots=self.slots,
                client_id=self._client_id,
                listener=listener,
                on_idle=self._on_idle,
                alarm=self.alarm,
                on_replaced=self._end,
            )
            self.worker.start()
        except BaseException:
            self.stop()
            raise

    def serves_alone(self) -> None:
        """This program is nothing but a worker: it is to stop where the store has been removed or is another one."""
        self._ends_program = True

    def _end(self, error: StoreReplaced) -> None:
        if self._replaced is None:
            self._replaced = error
            log.error("this worker serves a store that is no more, and ends: %s", error)
            self.claim_no_more()
            if self._ends_program:
                os.kill(os.getpid(), signal.SIGTERM)

    def check(self) -> None:
        """Raise `StoreReplaced` where that was the end."""
        if self._replaced is not None:
            raise self._replaced

    def offer(self, queue: str) -> bool:
        """Wake a slot that serves `queue`; False where none is free."""
        return self.worker is not None and self.worker.offer(queue)

    def wake_or_notify(self, wakeup: Wakeup) -> None:
        """Tell of a job that was stored here: a slot of this worker, or where none is free those of others."""
        if not self.offer(wakeup.queue):
            notify_workers(self.app.runtime, wakeup)

    def has_room(self) -> bool:
        """Whether any slot is free."""
        return self.worker is not None and self.worker.idle.has_room()

    def claim_no_more(self) -> None:
        """Run what runs to its end, and nothing else."""
        if self.worker is not None:
            self.worker.claim_no_more()

    def drain(self, hurry: Callable[[], bool]) -> None:
        """Claim no more, and let running jobs end, until there are none, time is up or there is a hurry.

        Looked at again and again: an exception out of a signal handler would leave a thread half joined.
        """
        self.claim_no_more()
        deadline = time.monotonic() + SHUTDOWN_PATIENCE
        while (worker := self.worker) is not None and worker.busy and not hurry() and time.monotonic() < deadline:
            time.sleep(0.05)

    def check_now(self) -> None:
        """See at once what is to be stopped and what can be claimed."""
        if self.worker is not None:
            self.worker.check_now()

    def requeue(self, patience: float | None = 0.0) -> None:
        """Claim no more; after `patience` seconds requeue what still runs (None: wait for it)."""
        if self.worker is not None:
            self.worker.stop(patience)
            self.worker = None

    def stop(self, patience: float | None = 0.0) -> None:
        """The same, and let go of the store."""
        self.requeue(patience)
        self.store.close()


class StopSignals:
    """Hears SIGTERM, SIGINT and SIGHUP: the first of them asks to stop, a second SIGTERM or SIGINT to hurry.

    SIGHUP never hurries: of one terminal that closes the kernel tells, and the shell, and whoever passes signals on.
    What is ignored when this is made stays ignored, as `nohup` and a shell's background want it; but for SIGTERM.

    `count` says how many were heard.
    """

    def __init__(self) -> None:
        self._asked: queue.SimpleQueue[int] = queue.SimpleQueue()  # unlike an Event, safe to use in a signal handler
        self.count = 0
        self._then: _Handler | None = None
        self._ignored = [n for n in (signal.SIGINT, signal.SIGHUP) if signal.getsignal(n) is signal.SIG_IGN]

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGHUP and self.count:
            return
        self.count += 1
        self._asked.put(number)
        if self.count == 1 and self._then is not None:
            self._then(number, frame)

    @property
    def hurry(self) -> bool:
        return self.count > 1

    def wait(self) -> None:
        # Python hears a signal between two instructions of the main thread.  One that comes just as that begins to
        # wait, or that the system gives to another thread, would not end it.
        while True:
            with contextlib.suppress(queue.Empty):
                self._asked.get(timeout=HEARING)
                return

    def hear(self, then: object = None) -> Callable[[], None]:
        """Hear them from here on; what is given back restores the handlers before.

        Only in the main thread, where alone Python allows that; without effect in others.  `then` is called with the
        first signal, where it can be: the handler of a program whose guest this is.
        """
        if threading.current_thread() is not threading.main_thread():
            return lambda: None
        self._then = cast("_Handler", then) if callable(then) else None
        told = self.count > 0
        before = {
            number: signal.signal(number, signal.SIG_IGN if number in self._ignored else self)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        }

        if told and self._then is not None:  # before there was anybody to pass it on to
            self._then(signal.SIGTERM, None)

        def restore() -> None:
            for number, handler in before.items():
                signal.signal(number, handler)

        return restore

    @contextlib.contextmanager
    def heard(self) -> Iterator[StopSignals]:
        """Hear them for the length of a block, in the main thread."""
        restore = self.hear()
        try:
            yield self
        finally:
            restore()
