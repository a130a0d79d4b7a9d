"""A worker as the guest of a program: of Celery's worker, or of the processes of Dramatiq's command line."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping

from pfd.notify import Notifier, Wakeup
from pfd.plugins import Registry
from pfd.runtimes.worker_host import BROKER_PATIENCE, StopSignals, WorkerHost
from pfd.settings import Settings

log = logging.getLogger("pfd.runtimes")


class Line:
    """Stands for the runtime of a worker that begins before the library of its broker is loaded.

    To load that takes as long as all else does, and jobs are found in the store without it.  Wakeups of others that
    come earlier are left out: those find the job at their next sweep.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._runtime: Notifier | None = None
        self._on_idle: Callable[[], None] | None = None

    def connect(self, runtime: Notifier, on_idle: Callable[[], None]) -> None:
        """Wake others through a runtime from here on, and tell of slots that have become free."""
        self._runtime, self._on_idle = runtime, on_idle

    def notify(self, wakeup: Wakeup) -> None:
        """Pass a wakeup on."""
        if self._runtime is not None:
            self._runtime.notify(wakeup)

    def idle(self) -> None:
        """A slot has become free."""
        if self._on_idle is not None:
            self._on_idle()


class Guest:
    """Ends a service when the program is told to stop, however long that takes for its own part of it.

    A program may let go of its broker before it comes to its guests, may wait for that broker for ever, and may take a
    second signal for an order to die.  So signals are heard here, and the program is told of the first.

    To be made before the program sets handlers of its own, where it does so without regard to what is to be ignored.

    Parameters
    ----------
    runtime : its name.
    """

    def __init__(self, runtime: str) -> None:
        self._line = Line(runtime)
        self._signals = StopSignals()
        self._hurry = False
        self._ended = False
        self._ending = threading.Lock()
        self.host: WorkerHost | None = None

    def begin(self, settings: Settings, registry: Registry, slots: Mapping[str, int]) -> WorkerHost:
        """Begin to claim jobs, and hear signals.  Raises `StoreError` or `SettingsError` where that is not possible."""
        host = WorkerHost(settings, registry, slots, self._line, on_idle=self._line.idle)
        self._let_go: Callable[[], None] = host.stop
        self._wake: Callable[[], None] = lambda: None
        host.start()
        host.serves_alone()
        self.host = host
        self._hear()
        threading.Thread(target=self._await_the_end, name="pfd-end", daemon=True).start()
        return host

    def settle(
        self,
        runtime: Notifier,
        on_idle: Callable[[], None],
        let_go: Callable[[], None],
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        """The program is there: it wakes others through `runtime`, and is told when a slot has become free.

        `let_go` ends all that is not the program's, and is called once; `wake` has the program see that it is to stop.
        """
        self._line.connect(runtime, on_idle)
        self._let_go, self._wake = let_go, wake
        self._hear()

    def _hear(self) -> None:
        """Hear signals from here on; the handler of SIGTERM so far, the program's, is told of the first of any kind."""
        handler = signal.getsignal(signal.SIGTERM)
        if handler is not self._signals:
            self._signals.hear(then=handler)

    @property
    def is_told(self) -> bool:
        """Whether the program has been told to stop."""
        return self._signals.count > 0

    def end(self, *, hurry: bool = False) -> None:
        """Let running jobs end for a while, unless there is a hurry or comes one; done when this returns."""
        self._hurry = self._hurry or hurry
        with self._ending:
            if self.host is not None and not self._ended:
                self._ended = True
                self.host.drain(lambda: self._hurry or self._signals.hurry)
                self._let_go()

    def _await_the_end(self) -> None:
        self._signals.wait()
        if self.host is not None:
            self.host.claim_no_more()
        self._wake()
        try:
            self.end()
        except Exception:
            log.exception("this worker has not ended in good order; its jobs are reclaimed by others")
        time.sleep(BROKER_PATIENCE)
        log.warning("the broker does not answer; this worker ends without it")
        os._exit(0)
